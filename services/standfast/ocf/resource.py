"""One resource of an agent: started, stopped, asked, each judged by what the agent's monitor says afterwards."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from standfast.ocf import settings
from standfast.ocf.action import Answer, run
from standfast.ocf.agent import HOPELESS, PROMOTED, ROOT, RUNNING, Agent, Code, words

_SHARE: Final = 0.7  # of the time for what comes first; the rest is for what comes after it
_BEFORE_S: Final = 2.0  # we are done so much earlier than systemd would kill us
_PAUSES_S: Final = (0.1, 0.2, 0.4, 0.8)  # an agent may say too early that it has started


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    code: int  # 0: it is as it was asked for
    text: str  # for people
    taken_over: bool = False  # it ran before it was started here


class Resource:
    """An agent with its parameters; each method ends within `limit_s`."""

    def __init__(
        self,
        agent: Agent,
        limit_s: float,
        *,
        root: Path = ROOT,
        folder: Path = settings.KEPT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._agent = agent
        self._root, self._folder = root, folder
        self._clock = clock
        self._deadline = clock() + max(limit_s - _BEFORE_S, limit_s / 2)

    def start(self) -> Done:
        """It runs, as its monitor says. One that has failed is stopped first."""
        before = self._act("monitor", _SHARE)
        if before.code in RUNNING:
            settings.keep(self._agent, self._folder)
            return Done(code=0, text=f"{self._agent.name} ran already, and was taken over", taken_over=True)
        if before.code in HOPELESS or before.code == Code.TIMED_OUT:
            return self._failed("monitor", before)
        settings.keep(self._agent, self._folder)
        if before.code != Code.NOT_RUNNING:
            cleaned = self._act("stop")
            if cleaned.code:
                return self._failed("stop", cleaned, f"before the start monitor says: {words(before.code)}; then ")
        started = self._act("start")
        if started.code:
            return self._failed("start", started)
        after = self._after_start()
        if after.code not in RUNNING:
            done = self._failed("monitor", after, "start says that it succeeded; then ")
            return Done(code=Code.FAILED, text=done.text)
        return Done(code=0, text=f"{self._agent.name} runs")

    def stop(self) -> Done:
        """Nothing of it runs, as its monitor says; then what was kept is gone."""
        stopped = self._act("stop", _SHARE)
        after = self.monitor()
        if after.code == Code.NOT_RUNNING or (stopped.code == 0 and not _may_run(after)):
            settings.drop(self._agent.instance, self._folder)
            said = "" if stopped.code == 0 else f"; its stop said: {words(stopped.code)}"
            return Done(code=0, text=f"{self._agent.name} is stopped{said}")
        if stopped.code:
            return self._failed("stop", stopped, f"monitor still says: {words(after.code)}; ")
        done = self._failed("monitor", after, "stop says that it succeeded; then ")
        return Done(code=done.code or Code.FAILED, text=done.text)

    def settle(self) -> Done:
        """The same after whatever end: a monitor that says that nothing runs is enough."""
        if self.monitor().code == Code.NOT_RUNNING:
            settings.drop(self._agent.instance, self._folder)
            return Done(code=0, text=f"{self._agent.name} is stopped")
        return self.stop()

    def monitor(self, *, interval_ms: int = 0, depth: int = 0) -> Answer:
        """What its monitor answers."""
        return self._act("monitor", interval_ms=interval_ms, depth=depth)

    def _after_start(self) -> Answer:
        answer = self.monitor()
        for pause_s in _PAUSES_S:
            if answer.code in RUNNING or answer.code in PROMOTED or answer.code == Code.TIMED_OUT:
                break
            time.sleep(pause_s)
            answer = self.monitor()
        return answer

    def _act(self, action: str, share: float = 1.0, *, interval_ms: int = 0, depth: int = 0) -> Answer:
        left_s = max((self._deadline - self._clock()) * share, 0.0)
        environment = self._agent.environment(
            round(left_s * 1000), interval_ms=interval_ms, depth=depth, root=self._root
        )
        return run((str(self._agent.program(self._root)), action), environment, left_s)

    def _failed(self, action: str, answer: Answer, before: str = "") -> Done:
        said = f" ({answer.said})" if answer.said else ""
        text = f"{before}{action} of {self._agent.name} says: {words(answer.code)}{said}"
        return Done(code=answer.code if answer.code >= 0 else Code.FAILED, text=text)


def _may_run(answer: Answer) -> bool:
    """A monitor that gave no answer has not said that nothing runs."""
    return answer.code in RUNNING or answer.code in PROMOTED or answer.code == Code.TIMED_OUT
