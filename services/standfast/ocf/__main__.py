"""`python3 -m standfast.ocf start|stop|settle NAME` does what systemd asks of standfast-ocf@NAME.service.

`monitor NAME [DEPTH [INTERVAL_MS [TIMEOUT_MS]]]` asks it as a probe does. The exit code is the agent's, 124 for one
that gave no answer; the sentence goes to the journal and, as STATUS=, to systemd, from where resourced takes the cause.
"""

import sys

from standfast.notify import notify
from standfast.ocf import settings
from standfast.ocf.agent import Agent, Code, words
from standfast.ocf.resource import Done, Resource

_MONITOR_MS = 20_000
_CRASHED = 125  # an agent that crashed says nothing of its resource


def main(arguments: list[str]) -> int:
    try:
        match arguments:
            case ["start", instance]:
                return _tell(_start(instance))
            case ["stop", instance]:
                return _tell(_stop(instance, settle=False), ends=True)
            case ["settle", instance]:
                return _tell(_stop(instance, settle=True), ends=True)
            case ["monitor", instance, *numbers] if len(numbers) <= 3 and all(one.isdecimal() for one in numbers):
                return _monitor(instance, *map(int, numbers))
    except settings.NotConfiguredError as error:
        return _tell(Done(code=Code.NOT_CONFIGURED, text=str(error)))
    except OSError as error:
        return _tell(Done(code=Code.FAILED, text=f"the system refused: {error}"))
    usage = "usage: python3 -m standfast.ocf start|stop|settle NAME, or monitor NAME [DEPTH [INTERVAL_MS [TIMEOUT_MS]]]"
    return _tell(Done(code=Code.ARGUMENTS, text=usage))


def _start(instance: str) -> Done:
    found = settings.read_settings(instance)
    return Resource(found.agent, found.start_s).start()


def _stop(instance: str, *, settle: bool) -> Done:
    """By what was kept at the start; the drop-ins only say how long it may take."""
    agent = settings.kept(instance)
    if agent is None:
        return Done(code=0, text="")
    try:
        limit_s = settings.read_settings(instance).stop_s
    except settings.NotConfiguredError:
        limit_s = settings.STOP_S
    resource = Resource(agent, limit_s)
    return resource.settle() if settle else resource.stop()


def _monitor(instance: str, depth: int = 0, interval_ms: int = 0, timeout_ms: int = _MONITOR_MS) -> int:
    """What it says, on stdout; a resource that was not started is asked by its drop-ins."""
    agent: Agent = settings.kept(instance) or settings.read_settings(instance).agent
    answer = Resource(agent, timeout_ms / 1000).monitor(interval_ms=interval_ms, depth=depth)
    print(f"{words(answer.code)} ({answer.said})" if answer.said else words(answer.code), flush=True)
    return answer.code if answer.code >= 0 else _CRASHED


def _tell(done: Done, *, ends: bool = False) -> int:
    """`ends`: what its start said stays, for that is why the unit failed, unless it cannot be ended."""
    if done.text and (done.code or done.taken_over):
        _write(done)
    if done.text and (done.code or not ends):
        notify(f"STATUS={done.text}")
    return done.code


def _write(done: Done) -> None:
    """That it runs or is stopped systemd says; the journal has from here what went wrong, and what is odd."""
    from standfast import journal  # it is not lean

    journal.identify("ocf")
    if done.code:
        journal.write(journal.Event.OCF_FAILED, journal.Level.WARNING, done.text, code=str(done.code))
    else:
        journal.write(journal.Event.OCF_TAKEN_OVER, journal.Level.NOTICE, done.text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
