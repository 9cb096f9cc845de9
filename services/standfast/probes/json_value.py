"""Values in a body of JSON, found by their path and compared."""

import json
import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from standfast.configuration.model import JsonTest
from standfast.probes.verdict import BadAnswerError, excerpt

_COMPARE: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def judge_json(tests: tuple[JsonTest, ...], body: bytes, told: str) -> None:
    """Each of the tests holds. Raises BadAnswerError, whose sentence begins with what was `told` already."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadAnswerError(f"{told}, but the body is no JSON: {excerpt(body)}") from error
    for test in tests:
        value = _find(document, test, told)
        if not _holds(value, test):
            shown = excerpt(json.dumps(value, ensure_ascii=False).encode())
            raise BadAnswerError(f"{told}, but {test.text} does not hold: it is {shown}")


def _find(document: Any, test: JsonTest, told: str) -> Any:
    step: Any
    for step in test.path:
        try:
            if not isinstance(document, list if isinstance(step, int) else dict):
                raise KeyError(step)
            document = document[step]
        except (KeyError, IndexError) as error:
            text = f"{told}, but there is no {step if isinstance(step, str) else f'[{step}]'} for {test.text}"
            raise BadAnswerError(text) from error
    return document


def _holds(value: Any, test: JsonTest) -> bool:
    """Values of two types differ; true and 1 are two, 1 and 1.0 are not. Only numbers and texts have an order."""
    same = type(value) is type(test.value) or (_is_number(value) and _is_number(test.value))
    if test.comparison in ("==", "!="):
        return (same and value == test.value) == (test.comparison == "==")
    ordered = same and (_is_number(value) or isinstance(value, str))
    return ordered and bool(_COMPARE[test.comparison](value, test.value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
