"""Values in a body of JSON, found by their path and compared."""

import json
from typing import Any

from standfast.configuration.model import JsonTest
from standfast.probes.comparing import holds
from standfast.probes.verdict import BadAnswerError, excerpt


def judge_json(tests: tuple[JsonTest, ...], body: bytes, told: str) -> None:
    """Each of the tests holds. Raises BadAnswerError, whose sentence begins with what was `told` already."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadAnswerError(f"{told}, but the body is no JSON: {excerpt(body)}") from error
    for test in tests:
        value = _find(document, test, told)
        if not holds(value, test.comparison, test.value):
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
