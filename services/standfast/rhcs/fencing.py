"""Fence methods and devices become Fence= of [Node] and [FenceDevice]."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from standfast.rhcs.ledger import Ledger
from standfast.rhcs.model import Device, Method, Node, Use
from standfast.rhcs.report import NewFile
from standfast.rhcs.unit_text import Names, Section, section

# Programs that proved nothing even then, or that nobody has any more; without a device a person confirms each loss.
_GONE: Final = frozenset(
    """
    fence_ack_manual fence_baytech fence_bullpap fence_cpint fence_egenera fence_gnbd fence_manual fence_mcdata
    fence_na fence_null fence_pcmk fence_rackswitch fence_vixel fence_xcat fence_zvm
    """.split()  # noqa: SIM905 - fifteen quoted words are no easier to read
)
_NEWER_NAMES: Final = {"ipaddr": "ip", "login": "username", "passwd": "password", "secure": "ssh", "port": "plug"}
_PASSWORDS: Final = ("passwd", "password")
_OURS: Final = frozenset({"action", "option"})
_CUTS: Final = frozenset({"off", "reboot"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fencing:
    """What is written for fencing."""

    sections: tuple[Section, ...]  # one [FenceDevice] each
    secrets: Mapping[str, NewFile]  # by name
    levels: Mapping[str, tuple[str, ...]]  # the values of Fence=, by RHCS's name of the node
    delays: Mapping[str, int]  # FenceDelay= in seconds, likewise


def translate_fencing(nodes: Iterable[Node], devices: Iterable[Device], ledger: Ledger) -> Fencing:
    return _Translation({device.name: device for device in devices}, ledger).run(tuple(nodes))


class _Translation:
    def __init__(self, devices: Mapping[str, Device], ledger: Ledger) -> None:
        self._devices = devices
        self._ledger = ledger
        self._names = Names()
        self._written: dict[str, tuple[Device, str]] = {}  # device and its use by our name
        self._variants: dict[tuple[object, ...], str] = {}  # our name by device and what a use adds to it
        self._secrets: dict[str, NewFile] = {}

    def run(self, nodes: tuple[Node, ...]) -> Fencing:
        levels = {node.name: tuple(filter(None, (self._level(node, one) for one in node.methods))) for node in nodes}
        delays = {node.name: self._delay(node) for node in nodes}
        used = {device.name for device, _ in self._written.values()}
        for name, device in self._devices.items():
            if device.agent in _GONE or not device.agent:
                self._tell_gone(device)
            elif name not in used:
                self._ledger.differs(device.element, "no node uses it; it is written, and asked for its status only")
                self._name(device, None)
        sections = tuple(self._section(name, device) for name, (device, _) in self._written.items())
        return Fencing(sections=sections, secrets=self._secrets, levels=levels, delays=delays)

    def _level(self, node: Node, method: Method) -> str:
        """One value of Fence=; "": this level can never succeed."""
        cuts = [use for use in method.uses if use.action in _CUTS]
        for use in method.uses:
            if use not in cuts:
                self._tell_other(use, cuts)
        words = [self._word(node, use) for use in cuts]
        if not words or not all(words):
            why = "one of its devices cannot be used" if words else "it has no device that switches off"
            self._ledger.left(method.element, f"this level of {node.name} was left out: {why}")
            return ""
        level = " ".join(dict.fromkeys(words))
        self._ledger.became(method.element, f"Fence={level} of {node.name}: off and its proof, then on")
        return level

    def _tell_other(self, use: Use, cuts: Sequence[Use]) -> None:
        """What it says besides “on” for a plug that was switched off before."""
        if use.action != "on":
            text = f"“{use.action}” is not asked of a device; Standfast asks off, then status, then on"
            self._ledger.differs(use.element, text, "action" if "action" in use.element.attributes else "option")
        elif not any((use.device, use.plug, use.options) == (cut.device, cut.plug, cut.options) for cut in cuts):
            what = ", ".join(sorted(use.options)) or "its plug"
            text = f"{what} is for “on” alone; what was switched off is switched on, with the same options"
            self._ledger.left(use.element, text)

    def _word(self, node: Node, use: Use) -> str:
        """DEVICE or DEVICE:PLUG; "" where there is none."""
        device = self._devices.get(use.device)
        if device is None:
            self._ledger.left(use.element, f"there is no <fencedevice> of that name; {node.name} cannot use it")
            return ""
        if device.agent in _GONE or not device.agent:
            return ""
        options = dict(use.options)
        plug = use.plug
        if plug and (set(" \t") & set(plug)):  # a value of Fence= is a list of words
            options["plug"], plug = plug, ""
        changed = replace(device, options={**device.options, **options}, secrets={**device.secrets, **use.secrets})
        own = (options, use.secrets) != ({}, {})
        name = self._name(changed, node if own else None)
        return f"{name}:{plug}" if plug else name

    def _name(self, device: Device, node: Node | None) -> str:
        """Our name of the device; one that is used with options of its own for `node` is a device of its own."""
        key = (device.name, tuple(sorted(device.options.items())), tuple(sorted(device.secrets.items())))
        if key not in self._variants:
            name = self._names.claim(device.name if node is None else f"{device.name}-{node.name}")
            self._variants[key] = name
            self._written[name] = (device, name)
            of = f", for {node.name}, with the options of its <device>" if node is not None else ""
            self._ledger.became(device.element, f"[FenceDevice] {name}{of}")
        return self._variants[key]

    def _delay(self, node: Node) -> int:
        """The longest delay of the first level: how long a race's other side is left in peace."""
        longest = max((use.delay_s for method in node.methods[:1] for use in method.uses), default=0)
        for use in (use for method in node.methods for use in method.uses if use.delay_s):
            now = f"it is FenceDelay={longest}s of {node.name}, before the first level only"
            self._ledger.differs(use.element, now, "delay")
        return longest

    def _tell_gone(self, device: Device) -> None:
        what = f"{device.agent} is gone and proves nothing" if device.agent else "it has no agent"
        self._ledger.left(device.element, f"{what}; write a [FenceDevice] with an agent of Debian's fence-agents")
        self._ledger.skip(device.element)

    def _section(self, name: str, device: Device) -> Section:
        lines = [("Name", name), ("Agent", device.agent)]
        for option, value in device.options.items():
            newer = _NEWER_NAMES.get(option, option)
            if option in _OURS:
                text = "Standfast itself asks off, then status, then on"
                self._ledger.differs(device.element, text, option)
            elif not option.replace("-", "").replace("_", "").isalnum() or not option.isascii():
                self._ledger.left(device.element, "is no option that an agent could have", option)
            else:
                lines.append(("Option", f"{newer}={value}"))
        lines += self._secret_lines(name, device)
        if device.delay_s:
            lines.append(("Delay", f"{device.delay_s}s"))
        return section("FenceDevice", *lines)

    def _secret_lines(self, name: str, device: Device) -> list[tuple[str, str]]:
        """PasswordFile=; what else is secret is put in a file too, never into cluster.conf."""
        lines = []
        for option, value in device.secrets.items():
            own = option in _PASSWORDS
            file = f"{name}.secret" if own else f"{name}.{option}.secret"
            if not value:
                continue
            self._secrets[file] = NewFile(content=f"{value}\n".encode(), mode=0o600)
            if own:
                lines = [("PasswordFile", file)]
                continue
            text = f"was put into {file}, and no agent is told: Standfast hands over one password for each device"
            self._ledger.to_do(device.element, text, option)
        return lines


def unfenced(nodes: Iterable[Node], fencing: Fencing, ledger: Ledger) -> bool:
    """Some node of several has no level at all; it is told of each."""
    bare = [node for node in nodes if not fencing.levels[node.name]]
    for node in bare:
        text = (
            "has no fence device that could be used, so Unsafe=yes was written: a person has to confirm each loss "
            "(standfast fence confirm) until it has Fence= or Watchdog="
        )
        ledger.to_do(node.element, text)
    return bool(bare)
