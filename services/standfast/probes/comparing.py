"""Whether a value compares as a probe wants it; what is wanted is written as JSON writes it."""

import operator
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

_COMPARE: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def holds(value: Any, comparison: str, wanted: str | int | float | bool | None) -> bool:
    """Values of two types differ; true and 1 are two, 1 and 1.0 are not. Only numbers and texts have an order.

    A Decimal is compared digit by digit: 0.1 of a database is the 0.1 that is written.
    """
    same = type(value) is type(wanted) or (_is_number(value) and _is_number(wanted))
    if same and isinstance(value, Decimal):
        wanted = Decimal(str(wanted))  # type: ignore[assignment]  # both are numbers
    if comparison in ("==", "!="):
        return (same and value == wanted) == (comparison == "==")
    ordered = same and (_is_number(value) or isinstance(value, str))
    return ordered and bool(_COMPARE[comparison](value, wanted))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)
