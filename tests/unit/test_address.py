"""Where an address belongs, and how it is read."""

import socket
from pathlib import Path

import pytest

from standfast.addresses.netlink import IFF_LOWER_UP, IFF_UP, Address, Link, messages
from standfast.addresses.place import CannotServeError, Settings, choose, read_address, read_settings

UP = IFF_UP | IFF_LOWER_UP
UNIT = "standfast-ip@192.0.2.100.service"


def link(index: int, flags: int = UP) -> Link:
    return Link(index, f"eth{index}", flags, 1, bytes(6), b"\xff" * 6)


def address(index: int, text: str) -> Address:
    host, _, prefix = text.partition("/")
    family, packed = read_address(host)
    return Address(index, family, packed, int(prefix))


@pytest.mark.parametrize(
    ("wanted", "settings", "links", "there", "expected"),
    [
        ("192.0.2.100", Settings(), [link(2)], ["2 192.0.2.11/24"], "eth2 192.0.2.100/24"),
        ("192.0.2.100", Settings(), [link(2), link(3)], ["2 192.0.2.11/16", "3 192.0.2.12/24"], "eth3 192.0.2.100/24"),
        ("192.0.2.100", Settings(), [link(2), link(3)], ["3 192.0.2.12/24", "2 192.0.2.11/24"], "eth2 192.0.2.100/24"),
        (
            "192.0.2.100",
            Settings(),
            [link(2, 0), link(3)],
            ["2 192.0.2.11/24", "3 192.0.2.12/24"],
            "eth3 192.0.2.100/24",
        ),
        ("192.0.2.100", Settings(prefix=32), [link(2)], ["2 192.0.2.11/24"], "eth2 192.0.2.100/32"),
        ("192.0.2.100", Settings(interface="eth3"), [link(2), link(3)], ["2 192.0.2.11/24"], "eth3 192.0.2.100/32"),
        ("192.0.2.100", Settings(interface="eth3", prefix=24), [link(3)], [], "eth3 192.0.2.100/24"),
        ("192.0.2.100", Settings(), [link(2)], ["2 192.0.2.100/32"], "eth2 192.0.2.100/32"),
        ("2001:db8::100", Settings(), [link(2)], ["2 192.0.2.11/24", "2 2001:db8::1/64"], "eth2 2001:db8::100/64"),
    ],
)
def test_the_interface_with_the_subnet_serves_unless_the_settings_say_otherwise(
    wanted: str, settings: Settings, links: list[Link], there: list[str], expected: str
) -> None:
    addresses = [address(int(index), text) for index, text in (one.split() for one in there)]
    chosen, placed = choose(*read_address(wanted), settings, links, addresses)
    assert f"{chosen.name} {placed}" == expected


@pytest.mark.parametrize(
    ("settings", "there", "sentence"),
    [
        (Settings(), ["2 198.51.100.1/24"], "No interface has the subnet of 192.0.2.100"),
        (Settings(), ["2 192.0.2.1/32"], "No interface has the subnet"),
        (Settings(interface="eth9"), [], "There is no interface eth9"),
        (Settings(prefix=33), ["2 192.0.2.1/24"], "Prefix=33 is too long"),
    ],
)
def test_an_address_without_a_place_is_one_sentence(settings: Settings, there: list[str], sentence: str) -> None:
    addresses = [address(int(index), text) for index, text in (one.split() for one in there)]
    with pytest.raises(CannotServeError, match=sentence):
        choose(*read_address("192.0.2.100"), settings, [link(2)], addresses)


@pytest.mark.parametrize("text", ["", "webserv", "192.0.2", "192.0.2.256", "2001:db8::g", "fe80::1%eth0"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(CannotServeError):
        read_address(text)


def test_drop_ins_of_the_unit_and_of_the_template_are_read_in_systemds_order(tmp_path: Path) -> None:
    for name, text in {
        f"{UNIT}.d/20-own.conf": "[X-Address]\nInterface=eth1\n",
        f"{UNIT}.d/zz-standfast.conf": "[Unit]\nAssertPathExists=/run/standfast/lease/webserv\n",
        "standfast-ip@.service.d/10-all.conf": "[X-Address]\nInterface=eth0\nPrefix=28\nDuplicate=defend\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    settings = read_settings(UNIT, str(tmp_path))
    assert (settings.interface, settings.prefix, settings.defend) == ("eth1", 28, True)


def test_without_drop_ins_nothing_is_set(tmp_path: Path) -> None:
    settings = read_settings(UNIT, str(tmp_path))
    assert (settings.interface, settings.prefix, settings.defend) == (None, None, False)


def test_a_broken_prefix_is_told_with_file_and_line(tmp_path: Path) -> None:
    (tmp_path / f"{UNIT}.d").mkdir()
    (tmp_path / f"{UNIT}.d/own.conf").write_text("[X-Address]\nPrefix=/24\n")
    with pytest.raises(CannotServeError, match=r"own\.conf:2: Prefix=/24 is no length"):
        read_settings(UNIT, str(tmp_path))


@pytest.mark.parametrize("data", [b"", b"\0" * 15, b"\0" * 64, b"\x10\0\0\0" + b"\0" * 12, b"\xff" * 40])
def test_netlink_bytes_that_mean_nothing_end_the_reading(data: bytes) -> None:
    assert len(messages(data)) <= 1


def test_an_address_is_shown_as_people_write_it() -> None:
    assert str(Address(2, socket.AF_INET6, read_address("2001:DB8:0::1")[1], 64)) == "2001:db8::1/64"
