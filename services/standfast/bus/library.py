"""dbus-next's message layer alone, as all of `bus` takes it.

The package itself would import its connections, proxies and, where python3-gi is installed, GLib: 3 MiB of each daemon
for nothing. So a package without content stands in its place, and only the modules below are read.
"""

import importlib
import importlib.util
import sys
from typing import Any


def _import(name: str) -> Any:
    if "dbus_next" not in sys.modules:
        spec = importlib.util.find_spec("dbus_next")
        assert spec is not None, "dbus-next is not installed"
        sys.modules["dbus_next"] = importlib.util.module_from_spec(spec)
        importlib.import_module("dbus_next.errors")  # its circle of imports holds from here
    return importlib.import_module(f"dbus_next.{name}")


MessageFlag: Any = _import("constants").MessageFlag
MessageType: Any = _import("constants").MessageType
Message: Any = _import("message").Message
SignatureTree: Any = _import("signature").SignatureTree
Variant: Any = _import("signature").Variant
Unmarshaller: Any = _import("_private.unmarshaller").Unmarshaller
