"""The interface XML in dbus/ as data: what the services serve from and what introspection shows."""

import os
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from standfast.bus.library import SignatureTree

INSTALLED: Final = Path("/usr/share/dbus-1/interfaces")
_ACCESS: Final = "org.standfast.Access"  # "everybody": it only reads; "root"
_EMITS: Final = "org.freedesktop.DBus.Property.EmitsChangedSignal"
_ACTION: Final = "org.standfast.Action"  # the polkit action that others than root need

DOCTYPE: Final = (
    '<!DOCTYPE node PUBLIC "-//freedesktop//DTD D-BUS Object Introspection 1.0//EN"\n'
    ' "http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd">\n'
)

_STANDARD_XML: Final = """<node>
 <interface name="org.freedesktop.DBus.Peer">
  <method name="Ping"/>
  <method name="GetMachineId"><arg name="machine_uuid" type="s" direction="out"/></method>
 </interface>
 <interface name="org.freedesktop.DBus.Introspectable">
  <method name="Introspect"><arg name="xml_data" type="s" direction="out"/></method>
 </interface>
 <interface name="org.freedesktop.DBus.Properties">
  <method name="Get">
   <arg name="interface_name" type="s" direction="in"/>
   <arg name="property_name" type="s" direction="in"/>
   <arg name="value" type="v" direction="out"/>
  </method>
  <method name="GetAll">
   <arg name="interface_name" type="s" direction="in"/>
   <arg name="properties" type="a{sv}" direction="out"/>
  </method>
  <method name="Set">
   <arg name="interface_name" type="s" direction="in"/>
   <arg name="property_name" type="s" direction="in"/>
   <arg name="value" type="v" direction="in"/>
  </method>
  <signal name="PropertiesChanged">
   <arg name="interface_name" type="s"/>
   <arg name="changed_properties" type="a{sv}"/>
   <arg name="invalidated_properties" type="as"/>
  </signal>
 </interface>
 <interface name="org.freedesktop.DBus.ObjectManager">
  <method name="GetManagedObjects">
   <arg name="objects" type="a{oa{sa{sv}}}" direction="out"/>
  </method>
  <signal name="InterfacesAdded">
   <arg name="object_path" type="o"/>
   <arg name="interfaces_and_properties" type="a{sa{sv}}"/>
  </signal>
  <signal name="InterfacesRemoved">
   <arg name="object_path" type="o"/>
   <arg name="interfaces" type="as"/>
  </signal>
 </interface>
</node>"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    signature_in: str
    signature_out: str
    root_only: bool
    action: str  # "" = none is needed


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """One interface of the XML; every property is read-only."""

    name: str
    methods: Mapping[str, Method]
    properties: Mapping[str, str]  # name: signature
    live: frozenset[str]  # properties that are made when they are read; their signal has no value
    xml: str  # as written, to be shown by Introspect


def interface_file(name: str) -> Path:
    """The XML of `name` ("org.standfast.Groups"): below $STANDFAST_INTERFACES if set, else as installed."""
    folder = os.environ.get("STANDFAST_INTERFACES")
    return (Path(folder) if folder else INSTALLED) / f"{name}.xml"


def read_interfaces(path: Path) -> dict[str, Interface]:
    """The interfaces of one of our XML files. Raises OSError or ValueError (a broken installation)."""
    return _parse(path.read_text(), _rights)


def _parse(text: str, rights: Callable[[ET.Element], tuple[bool, str]]) -> dict[str, Interface]:
    root = ET.fromstring(text)  # noqa: S314 - our own file, installed by root
    return {element.attrib["name"]: _interface(element, rights) for element in root.iter("interface")}


def _interface(element: ET.Element, rights: Callable[[ET.Element], tuple[bool, str]]) -> Interface:
    name = element.attrib["name"]
    properties = {}
    for item in element.iter("property"):
        if item.attrib["access"] != "read":
            raise ValueError(f"{name}.{item.attrib['name']}: properties are changed by methods only")
        properties[item.attrib["name"]] = _single_type(item.attrib["type"])
    return Interface(
        name=name,
        methods={item.attrib["name"]: _method(item, rights) for item in element.iter("method")},
        properties=properties,
        live=frozenset(item.attrib["name"] for item in element.iter("property") if _is_live(item)),
        xml=ET.tostring(element, encoding="unicode").strip(),
    )


def _is_live(element: ET.Element) -> bool:
    said = {item.attrib["name"]: item.attrib["value"] for item in element.iter("annotation")}
    return said.get(_EMITS) == "invalidates"


def _method(element: ET.Element, rights: Callable[[ET.Element], tuple[bool, str]]) -> Method:
    def signature(direction: str) -> str:
        return "".join(
            _single_type(item.attrib["type"])
            for item in element.iter("arg")
            if item.attrib.get("direction", "in") == direction
        )

    root_only, action = rights(element)
    return Method(signature_in=signature("in"), signature_out=signature("out"), root_only=root_only, action=action)


def _rights(element: ET.Element) -> tuple[bool, str]:
    """For root only, and the action. A method that does not say who may call it is no method: ValueError."""
    said = [
        (item.attrib["name"], item.attrib["value"])
        for item in element.iter("annotation")
        if item.attrib["name"] in (_ACCESS, _ACTION)
    ]
    match said:
        case [(name, ("everybody" | "root") as access)] if name == _ACCESS:
            return access == "root", ""
        case [(name, action)] if name == _ACTION and action.startswith("org.standfast."):
            return False, action
    raise ValueError(f"{element.attrib['name']}: annotate it with {_ACCESS} (everybody, root) or {_ACTION}, not {said}")


def _single_type(signature: str) -> str:
    if len(SignatureTree._get(signature).types) != 1:
        raise ValueError(f"{signature!r} is not one complete type")
    return signature


STANDARD: Final = _parse(_STANDARD_XML, lambda _: (False, ""))
