"""For all tests: a loaded machine may take its time, and one commit has one result; --full looks for new examples."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "loaded",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="STANDFAST_FULL" not in os.environ,
)
settings.load_profile("loaded")
