"""The power fails, or the disk is full, at a chosen change of the disk."""

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHANGES = ("mkdir", "rename", "replace", "rmdir", "symlink_to", "unlink")


class Crash(BaseException):
    """The power fails here."""


@contextmanager
def crashing(step: int, failure: BaseException) -> Iterator[None]:
    """The `step`-th change of the disk, counted from 0, does not come about: `failure` is raised instead of it."""
    steps = itertools.count()

    def wrapped(real: Callable[..., Any], counts: Callable[..., bool] = lambda *_: True) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if counts(*arguments) and next(steps) == step:
                raise failure
            return real(*arguments, **options)

        return call

    with pytest.MonkeyPatch.context() as patched:
        for name in CHANGES:
            patched.setattr(Path, name, wrapped(getattr(Path, name)))
        patched.setattr(os, "open", wrapped(os.open, lambda _, flags, *__: bool(flags & os.O_CREAT)))
        patched.setattr(os, "fsync", wrapped(os.fsync))
        yield
