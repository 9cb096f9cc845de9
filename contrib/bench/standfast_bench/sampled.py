"""A daemon that samples itself: `python3 sampled.py DAEMON FILE`; SIGUSR1 begins anew, SIGUSR2 writes FILE.

It stands alone, for it is copied to a node. The kernel's clock counts the processor time that the process takes, so at
rest it costs nothing; each sample is the stack of the main thread.
"""

import collections
import json
import os
import runpy
import signal
import sys
from pathlib import Path
from types import FrameType

INTERVAL_S = 0.002


class Samples:
    def __init__(self, file: Path) -> None:
        self._file = file
        self._stacks: collections.Counter[tuple[str, ...]] = collections.Counter()

    def take(self, _: int, frame: FrameType | None) -> None:
        stack = []
        while frame is not None:
            code = frame.f_code
            stack.append(f"{os.path.basename(code.co_filename)}:{frame.f_lineno}:{code.co_qualname}")  # noqa: PTH119 - a name, no path
            frame = frame.f_back
        self._stacks[tuple(stack)] += 1

    def begin(self, *_: object) -> None:
        self._stacks.clear()

    def write(self, *_: object) -> None:
        rows = [[list(stack), count] for stack, count in dict(self._stacks).items()]  # samples come meanwhile
        temporary = self._file.with_suffix(".new")
        temporary.write_text(json.dumps({"interval_s": INTERVAL_S, "stacks": rows}))
        temporary.replace(self._file)


def main(daemon: str, file: str) -> None:
    samples = Samples(Path(file))
    signal.signal(signal.SIGPROF, samples.take)
    signal.signal(signal.SIGUSR1, samples.begin)
    signal.signal(signal.SIGUSR2, samples.write)
    signal.setitimer(signal.ITIMER_PROF, INTERVAL_S, INTERVAL_S)
    sys.argv = [f"standfast.{daemon}"]
    try:
        runpy.run_module(f"standfast.{daemon}", run_name="__main__", alter_sys=True)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
