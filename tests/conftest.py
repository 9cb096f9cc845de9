"""For all tests: a loaded machine may take its time, and one commit has one result; --full looks for new examples."""

import os
import signal

from hypothesis import HealthCheck, settings

settings.register_profile(
    "loaded",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="STANDFAST_FULL" not in os.environ,
)
settings.load_profile("loaded")

# Tests type Ctrl-C at commands, also where a shell has begun the tests in the background and lets them ignore it.
signal.signal(signal.SIGINT, signal.default_int_handler)
