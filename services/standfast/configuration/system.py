"""What this machine has: unit files that systemd would find, scripts in init.d, fence agents."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

IN_FORCE: Final = Path("/var/lib/standfast/config")  # a link to the version that is in force here
# systemd.unit(5), "Unit File Load Path", the strongest first; the generators' folders have what comes from fstab,
# from init.d and from quadlets
_VENDOR_PATHS = (Path("/usr/local/lib/systemd/system"), Path("/lib/systemd/system"), Path("/usr/lib/systemd/system"))
_UNIT_PATHS = (
    Path("/etc/systemd/system"),
    Path("/run/systemd/system"),
    Path("/run/systemd/generator"),
    *_VENDOR_PATHS,
    Path("/run/systemd/generator.late"),
)
_UNIT_NAME = re.compile(r"[A-Za-z0-9:_.\\@-]+\.(service|socket|mount|automount|swap|timer|path|target)")
_ANY_UNIT_FILE = re.compile(
    r"[A-Za-z0-9:_.\\@-]+\.(service|socket|mount|automount|swap|timer|path|target|slice|scope|device)"
)
_LONGEST_UNIT_NAME = 255
# systemd.special(7); a group of such a name would hang from the boot or the shutdown itself
_SYSTEM_TARGETS = frozenset(
    """
    basic blockdev bluetooth boot-complete cryptsetup cryptsetup-pre ctrl-alt-del default emergency exit factory-reset
    final first-boot-complete getty getty-pre graphical halt hibernate hybrid-sleep initrd initrd-fs initrd-root-device
    initrd-root-fs initrd-switch-root initrd-usr-fs integritysetup integritysetup-pre kbrequest kexec local-fs
    local-fs-pre machines multi-user network network-online network-pre nss-lookup nss-user-lookup paths poweroff
    printer reboot remote-cryptsetup remote-fs remote-fs-pre remote-veritysetup rescue rpcbind runlevel0 runlevel1
    runlevel2 runlevel3 runlevel4 runlevel5 runlevel6 shutdown sigpwr sleep slices smartcard sockets soft-reboot sound
    standfast suspend suspend-then-hibernate swap sysinit system-update system-update-pre time-set time-sync timers
    umount usb-gadget veritysetup veritysetup-pre
    """.split()  # noqa: SIM905 - eighty quoted words are no easier to read
)


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """The folders that are searched; tests and images of other machines have their own."""

    unit_paths: tuple[Path, ...] = _UNIT_PATHS
    vendor_paths: tuple[Path, ...] = _VENDOR_PATHS  # what packages brought
    init_scripts: Path = Path("/etc/init.d")
    programs: Path = Path("/usr/sbin")
    in_force: Path = IN_FORCE  # a link that leads here was installed by us

    def find(self, unit: str) -> Path | None:
        """The file that systemd would load for `unit` (or its template) if nothing of ours were installed, or None."""
        for name in (unit, template(unit)):
            for folder in self.unit_paths:
                path = folder / name
                if name and (path.is_symlink() or path.is_file()) and not self.is_ours(path):
                    return path
        return None

    def refusal(self, unit: str) -> str | None:
        """Why `unit` cannot be a resource here, or None."""
        path = self.find(unit)
        if path is None:
            script = self.init_scripts / unit.removesuffix(".service")
            known = unit.endswith(".service") and script.is_file()
            return None if known else f"no unit {unit} here; install it or correct Resources="
        if not path.exists():
            return f"{path} is a link to {path.readlink()}, which is not there; mend or remove it"
        if path.resolve() == Path("/dev/null") or path.stat().st_size == 0:
            return f"{unit} is masked here; systemctl unmask {unit}"
        real = path.readlink().name if path.is_symlink() else path.name
        if real not in (unit, template(unit)):
            return f"{unit} is only another name of {real} here; write {real}"
        return None

    def has_target(self, name: str) -> bool:
        """Some package brought NAME.target."""
        return any((folder / f"{name}.target").exists() for folder in self.vendor_paths)

    def is_ours(self, path: Path) -> bool:
        """A link that Standfast made when it installed the units of the version in force."""
        return path.is_symlink() and path.readlink().is_relative_to(self.in_force)


def template(unit: str) -> str:
    """`a@.service` of `a@b.service`, "" for a unit that is no instance."""
    prefix, at, rest = unit.partition("@")
    instance, _, kind = rest.rpartition(".")
    return f"{prefix}@.{kind}" if at and instance else ""


def is_unit_file_name(name: str) -> bool:
    """systemd would read a file of this name as a unit (an instance or a template may be one)."""
    return bool(_ANY_UNIT_FILE.fullmatch(name)) and len(name) <= _LONGEST_UNIT_NAME and not name.startswith("@")


def name_refusal(unit: str) -> str | None:
    """Why no resource can be called `unit`, or None."""
    if not _UNIT_NAME.fullmatch(unit) or len(unit) > _LONGEST_UNIT_NAME or unit.startswith(("@", ".")):
        if re.fullmatch(r"[A-Za-z0-9:_@-]+", unit):
            return f"“{unit}” is no unit's name; write {unit}.service"
        if is_unit_file_name(unit):
            return f"{unit}: a {unit.rpartition('.')[2]} cannot be a resource"
        return f"“{unit}” is no unit's name; write for example apache2.service"
    if re.search(r"\\(?!x[0-9a-f]{2})", unit):
        return f"{unit} has a “\\” that is no escape such as \\x2d; systemd-escape writes it right"
    if "@." in unit:
        return f"{unit} is a template; write the instance, {unit.replace('@.', '@NAME.')}"
    return None


def is_system_target(name: str) -> bool:
    """NAME.target is systemd's own, or Standfast's."""
    return name in _SYSTEM_TARGETS
