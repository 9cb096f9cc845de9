"""What the lab's client counts as a failed request."""

from standfast_lab.client import LATE, Request, failures


def request(begun: float, *, took: float = 0.01, ok: bool = True, text: str = "node1") -> Request:
    return Request(t_start=begun, t_end=begun + took, ok=ok, text=text)


def test_a_refused_request_failed() -> None:
    refused = request(1.0, ok=False, text="Connect call failed")
    assert failures([request(0.5), refused, request(1.5)]) == [refused]


def test_a_late_one_failed_only_where_nothing_else_was_answered_for_long() -> None:
    late = request(1.0, took=1.0, ok=False, text=LATE)
    assert failures([request(0.5), late, request(2.1)]) == []
    assert failures([request(0.5), late, request(6.0)]) == [late]


def test_only_what_began_in_between_counts() -> None:
    refused = request(1.0, ok=False, text="HTTP/1.1 500")
    assert failures([request(0.5), refused], since=1.1) == failures([refused], until=0.9) == []
