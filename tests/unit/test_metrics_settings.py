"""LISTEN= of standfast-metrics, and what it says when it cannot begin."""

import sys
from typing import Any

import pytest

from standfast.metrics import __main__ as program
from standfast.metrics.settings import DEFAULT, places


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [("127.0.0.1", 10664)]),
        ("  ", [("127.0.0.1", 10664)]),
        ("192.0.2.11:9100", [("192.0.2.11", 9100)]),
        (":10664", [(None, 10664)]),
        ("[::]:10664", [("::", 10664)]),
        ("[2001:db8::1]:1 node1.example.com:65535", [("2001:db8::1", 1), ("node1.example.com", 65535)]),
    ],
)
def test_places_are_an_address_and_a_port_each(text: str, expected: list[tuple[str | None, int]]) -> None:
    assert [(place.host, place.port) for place in places(text)] == expected


@pytest.mark.parametrize("text", ["192.0.2.11", "10664", "::1:10664", "a:0", "a:65536", "a:b", "[::1]", "a:1,b:2"])
def test_what_cannot_be_read_is_named_with_the_place_to_change(text: str) -> None:
    with pytest.raises(ValueError, match="write ADDRESS:PORT") as caught:
        places(text)
    assert "LISTEN= in /etc/default/standfast-metrics" in str(caught.value)
    assert repr(text) in str(caught.value)


def test_a_place_is_told_as_it_is_written() -> None:
    text = "[2001:db8::1]:1 192.0.2.11:9100 :10664"
    assert " ".join(map(str, places(text))) == text
    assert " ".join(map(str, places(""))) == DEFAULT


def test_a_wrong_setting_is_one_sentence_and_no_reason_to_try_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LISTEN", "nonsense")
    assert program.main() == 78
    assert capsys.readouterr().err.startswith("<4>standfast-metrics: LISTEN= in /etc/default/standfast-metrics cannot")


def test_without_the_library_it_says_which_package_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.startswith(("prometheus_client", "standfast.metrics."))]:
        monkeypatch.delitem(sys.modules, name)
    modules: dict[str, Any] = sys.modules
    monkeypatch.setitem(modules, "prometheus_client", None)
    assert program.main() == 78
    assert capsys.readouterr().err == (
        "<4>standfast-metrics: It needs the package python3-prometheus-client: "
        "apt install python3-prometheus-client [metrics-refused]\n"
    )
