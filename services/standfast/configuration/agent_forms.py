"""What a fence agent says of itself, as a form shows it. Pure; the document is a stranger's (see agent_metadata)."""

import xml.etree.ElementTree as ET
from typing import Any, Final

from standfast.configuration.agent_metadata import parse_metadata, read_document
from standfast.configuration.secrets import names_secret

_LONGEST: Final = 2000  # characters of a description
_OURS: Final = ("action", "delay", "password", "passwd", "password_script", "passwd_script", "plug", "port")


def describe(text: str) -> dict[str, Any]:
    """Its description, its actions and its parameters in its own order. Raises ValueError."""
    root, known = read_document(text), parse_metadata(text)
    elements = {element.get("name", ""): element for element in root.iterfind("./parameters/parameter")}
    return {
        "description": _words(root.get("shortdesc") or ""),
        "actions": sorted(known.actions),
        "parameters": [
            {
                "name": name,
                "required": one.required,
                "type": _type(elements[name]),
                "default": one.default,
                "options": [option.get("value", "") for option in elements[name].iterfind("./content/option")],
                "description": _words(elements[name].findtext("./shortdesc") or ""),
                "deprecated": one.deprecated,
                "secret": names_secret(name),
                "ours": name in _OURS,
            }
            for name, one in known.parameters.items()
        ],
    }


def _type(element: ET.Element) -> str:
    content = element.find("./content")
    return "string" if content is None else content.get("type", "string")


def _words(text: str) -> str:
    return " ".join(text.split())[:_LONGEST]
