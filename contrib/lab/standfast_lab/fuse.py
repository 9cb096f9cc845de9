"""The lab's own file systems in user space: C programs of this folder's siblings, compiled where there is none yet."""

import hashlib
import shutil
import subprocess
from pathlib import Path

from .place import BASE
from .processes import run

SOURCES = Path(__file__).resolve().parent.parent
_FLAGS = ("-O2", "-Wall", "-Wextra", "-Werror")


def compiled(name: str, folder: Path = BASE / "images", *, libraries: tuple[str, ...] = ()) -> Path:
    """The program of NAME/NAME.c, compiled if there is none of this source yet; LabError with the compiler's words.

    `libraries`: what is linked, for a program that runs where libfuse is not installed; else libfuse as it is here.
    """
    source = SOURCES / name / f"{name}.c"
    digest = hashlib.sha256(source.read_bytes()).hexdigest()[:16]
    program = folder / f"{name}-{digest}"
    if not program.exists():
        folder.mkdir(parents=True, exist_ok=True)
        flags = run("pkg-config", "--cflags", "fuse3").stdout.split()
        linked = libraries or tuple(run("pkg-config", "--libs", "fuse3").stdout.split())
        work = program.with_suffix(".new")
        run("gcc", *_FLAGS, "-o", str(work), str(source), *flags, *linked)
        work.replace(program)
    return program


def missing() -> str:
    """What this machine lacks for it, in words; "": nothing."""
    for name in ("gcc", "pkg-config"):
        if shutil.which(name) is None:
            return f"there is no {name}"
    if subprocess.run(["pkg-config", "--exists", "fuse3"]).returncode != 0:
        return "libfuse3-dev is not installed"
    return "" if Path("/dev/fuse").exists() else "the kernel has no FUSE"
