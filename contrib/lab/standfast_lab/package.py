"""Standfast on the nodes: the Debian package of this work tree, installed with apt as anybody would."""

import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import shell
from .place import LabError, NodePlace, Place
from .progress import say

CONTRIB = Path(__file__).resolve().parents[2]


def install_host_packages() -> None:
    """This machine has the programs that the lab runs; every package that came for them was printed."""
    if subprocess.run([CONTRIB / "install-packages", "lab"], stdin=subprocess.DEVNULL).returncode != 0:
        raise LabError("contrib/install-packages could not install what the lab needs")


def build(lab: Place, *, page: bool = False) -> Path:
    """The package, built from the work tree as it is now; with `page` also the one for Cockpit, beside it."""
    say("building the packages" if page else "building the package")
    without = [] if page else ["--without-page"]
    command = [str(CONTRIB / "package"), *without, str(lab.folder / "package")]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    if result.returncode != 0 or not result.stdout.strip():
        raise LabError(f"contrib/package failed with exit {result.returncode}")
    return Path(result.stdout.strip().splitlines()[-1])


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
