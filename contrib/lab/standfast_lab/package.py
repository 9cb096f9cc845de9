"""Standfast on the nodes: the Debian package of this work tree, installed with apt as anybody would."""

import contextlib
import hashlib
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import shell
from .place import BASE, LabError, NodePlace, Place
from .progress import say

CONTRIB = Path(__file__).resolve().parents[2]
_TREE = CONTRIB.parent
_BUILT = BASE / ".packages"  # a folder for each content of a work tree
_BUILT_MAX = 8


def install_host_packages() -> None:
    """This machine has the programs that the lab runs; every package that came for them was printed."""
    if subprocess.run([CONTRIB / "install-packages", "lab"], stdin=subprocess.DEVNULL).returncode != 0:
        raise LabError("contrib/install-packages could not install what the lab needs")


def build(lab: Place, *, page: bool = False) -> Path:
    """The package, built from the work tree as it is now, or as it was when some lab last had these same files.

    With `page` also the one for Cockpit, beside it.
    """
    digest, folder = _digest(), lab.folder / "package"
    made = _BUILT / (f"{digest}-page" if page else digest)
    if made.exists():
        say("the package of this tree is built already")
        made.touch()
        shutil.copytree(made, folder, dirs_exist_ok=True)
    else:
        say("building the package")
        _build(folder, page=page)
        if _digest() == digest:  # nobody edited the tree meanwhile
            _keep(folder, made)
    (package,) = folder.glob("standfast_*_all.deb")
    return package


def _digest() -> str:
    """Equal for trees of which contrib/package makes the same packages."""
    command = ["git", "-c", f"safe.directory={_TREE}", "-C", str(_TREE), "ls-files", "-z", "--cached", "--others"]
    listed = subprocess.run([*command, "--exclude-standard"], stdout=subprocess.PIPE, text=True, check=True).stdout
    found = hashlib.sha256()
    for file in sorted(_TREE / name for name in listed.split("\0") if name):
        if file.is_file():
            content = file.read_bytes()
            found.update(f"{file.relative_to(_TREE)} {file.stat().st_mode} {len(content)}\n".encode() + content)
    return found.hexdigest()[:16]


def _build(folder: Path, *, page: bool) -> None:
    command = [str(CONTRIB / "package"), *([] if page else ["--without-page"]), str(folder)]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    if result.returncode != 0 or not result.stdout.strip():
        raise LabError(f"contrib/package failed with exit {result.returncode}")


def _keep(folder: Path, made: Path) -> None:
    """`made` has it, for labs to come, and those of the trees that were used longest ago are gone."""
    _BUILT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_BUILT, prefix=".new-") as work, contextlib.suppress(OSError):
        shutil.copytree(folder, Path(work) / "packages").rename(made)  # refused when another lab was faster
    for old in sorted(_BUILT.glob("[!.]*"), key=lambda one: one.stat().st_mtime)[:-_BUILT_MAX]:
        shutil.rmtree(old, ignore_errors=True)


def install(nodes: tuple[NodePlace, ...], package: Path) -> None:
    """Every node has the package; it was installed without a network, so the image had all it depends on."""
    say(f"installing {package.name} on {', '.join(node.name for node in nodes)}")
    with ThreadPoolExecutor(len(nodes)) as pool:
        list(pool.map(lambda node: _install(node, package), nodes))


def _install(node: NodePlace, package: Path) -> None:
    copy = Path("/var/cache") / package.name
    shutil.copy(package, node.root / copy.relative_to("/"))
    options = ("-y", "--no-install-recommends", "-o", "Dpkg::Options::=--force-unsafe-io")
    command = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", *options, str(copy))
    result = shell.run(node, *command)
    (node.folder / "install.log").write_text(result.stdout + result.stderr)
    if result.returncode != 0:
        raise LabError(f"{node.name}: apt-get install: exit {result.returncode}: {result.stderr.strip()[-2000:]}")
