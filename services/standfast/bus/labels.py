"""Names as parts of object paths, escaped as systemd does it (sd_bus_path_encode(3))."""

import re

_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_DIGITS = frozenset(b"0123456789")


def escape(name: str) -> str:
    """`name` as one label of an object path: apache2.service is apache2_2eservice; "" is _."""
    if not name:
        return "_"
    escaped = (
        chr(byte) if byte in _PLAIN and not (index == 0 and byte in _DIGITS) else f"_{byte:02x}"
        for index, byte in enumerate(name.encode())
    )
    return "".join(escaped)


def unescape(label: str) -> str:
    """The name that `escape` made `label` of."""
    if label == "_":
        return ""
    data = re.sub(rb"_([0-9a-f]{2})", lambda found: bytes([int(found[1], 16)]), label.encode())
    return data.decode(errors="replace")
