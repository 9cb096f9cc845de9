"""Labels and values of the bus layer, without a bus."""

import io
import re
from typing import Any

import pytest
from dbus_next._private.unmarshaller import Unmarshaller
from dbus_next.message import Message
from hypothesis import given
from hypothesis import strategies as st

from standfast.bus import BusError, Variant, escape, unescape
from standfast.bus.values import incoming, outgoing
from standfast.bus.wire import message_size, socket_name


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("apache2.service", "apache2_2eservice"),
        ("3com", "_33com"),
        ("srv-www.mount", "srv_2dwww_2emount"),
        ("", "_"),
        ("ü", "_c3_bc"),
    ],
)
def test_names_are_escaped_as_systemd_does(name: str, label: str) -> None:
    assert escape(name) == label
    assert unescape(label) == name


@given(st.text(st.characters(blacklist_categories=["Cs"])))
def test_every_name_comes_back_from_its_label(name: str) -> None:
    assert re.fullmatch("[A-Za-z0-9_]+", escape(name))
    assert unescape(escape(name)) == name


@given(st.dictionaries(st.text(), st.lists(st.tuples(st.text(), st.booleans()))))
def test_what_goes_out_can_always_be_sent_and_is_read_back(value: dict[str, Any]) -> None:
    plain = outgoing(value)
    message: Any = Message.new_signal("/x", "a.b", "C", "v", [Variant("a{sa(sb)}", plain)])
    message.serial = 1
    data = message._marshall()
    assert message_size(data)[1] == len(data)
    assert b"\0" not in str(plain).encode()
    unmarshaller: Any = Unmarshaller
    assert incoming(unmarshaller(io.BytesIO(data)).unmarshall().body) == [plain]


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("unix:path=/run/dbus/system_bus_socket", "/run/dbus/system_bus_socket"),
        ("unix:abstract=bus,guid=12", "\0bus"),
        ("tcp:host=x;unix:guid=1,path=/tmp/a%20b", "/tmp/a b"),
    ],
)
def test_an_address_names_its_socket(address: str, name: str) -> None:
    assert socket_name(address) == name


def test_an_address_without_a_unix_socket_is_refused() -> None:
    with pytest.raises(BusError):
        socket_name("tcp:host=localhost,port=1")
