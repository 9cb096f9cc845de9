"""What the OCF resource agent API says (1.1, https://github.com/ClusterLabs/OCF-spec): names, environment, answers."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Final

ROOT: Final = Path("/usr/lib/ocf")
CHECK_LEVEL: Final = "OCF_CHECK_LEVEL"
_PART: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
PARAMETER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ELSEWHERE: Final = {
    "lsb": "write {type}.service into Resources=",
    "service": "write {type}.service into Resources=",
    "systemd": "write {type}.service into Resources=",
    "stonith": "it belongs in [FenceDevice] of cluster.conf",
}


class Code(IntEnum):
    """What an agent's exit code means."""

    SUCCESS = 0
    FAILED = 1
    ARGUMENTS = 2
    UNIMPLEMENTED = 3
    PERMISSIONS = 4
    NOT_INSTALLED = 5
    NOT_CONFIGURED = 6
    NOT_RUNNING = 7
    PROMOTED = 8
    PROMOTED_FAILED = 9
    TIMED_OUT = 124  # ours, as timeout(1) has it
    DEGRADED = 190  # it runs all the same
    PROMOTED_DEGRADED = 191


WORDS: Final = {
    Code.SUCCESS: "success",
    Code.FAILED: "it failed",
    Code.ARGUMENTS: "wrong arguments",
    Code.UNIMPLEMENTED: "not implemented",
    Code.PERMISSIONS: "not allowed",
    Code.NOT_INSTALLED: "not installed",
    Code.NOT_CONFIGURED: "not configured rightly",
    Code.NOT_RUNNING: "not running",
    Code.PROMOTED: "it runs promoted, which nobody asked for",
    Code.PROMOTED_FAILED: "it runs promoted and has failed",
    Code.TIMED_OUT: "no answer in time",
    Code.DEGRADED: "it runs, degraded",
    Code.PROMOTED_DEGRADED: "it runs promoted and degraded",
}
MEANT: Final = frozenset(Code)
RUNNING: Final = frozenset({Code.SUCCESS, Code.DEGRADED})
PROMOTED: Final = frozenset({Code.PROMOTED, Code.PROMOTED_FAILED, Code.PROMOTED_DEGRADED})
# No second try would change it
HOPELESS: Final = frozenset(
    {Code.ARGUMENTS, Code.UNIMPLEMENTED, Code.PERMISSIONS, Code.NOT_INSTALLED, Code.NOT_CONFIGURED}
)


def words(code: int) -> str:
    """For people."""
    if code < 0:
        return f"it was killed by signal {-code}"
    return WORDS[Code(code)] if code in Code._value2member_map_ else f"exit code {code}, which means nothing to OCF"


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """An agent with its parameters, as one resource has it."""

    instance: str  # the resource's name
    provider: str
    type: str
    parameters: Mapping[str, str]

    @property
    def name(self) -> str:
        return f"ocf:{self.provider}:{self.type}"

    def program(self, root: Path = ROOT) -> Path:
        return root / "resource.d" / self.provider / self.type

    def environment(
        self, timeout_ms: int, *, interval_ms: int = 0, depth: int = 0, root: Path = ROOT
    ) -> dict[str, str]:
        """What an action gets; an interval of 0 is a look of its own, as before a start."""
        return {
            **base_environment(root),
            "OCF_RESOURCE_INSTANCE": self.instance,
            "OCF_RESOURCE_TYPE": self.type,
            "OCF_RESOURCE_PROVIDER": self.provider,
            **{f"OCF_RESKEY_{name}": value for name, value in self.parameters.items()},
            "OCF_RESKEY_CRM_meta_timeout": str(timeout_ms),
            "OCF_RESKEY_CRM_meta_interval": str(interval_ms),
            CHECK_LEVEL: str(depth),
        }


def base_environment(root: Path = ROOT) -> dict[str, str]:
    """What every call of an agent gets, also one that asks what it is."""
    return {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "OCF_ROOT": str(root),
        "OCF_RA_VERSION_MAJOR": "1",
        "OCF_RA_VERSION_MINOR": "1",
    }


def parse_agent(text: str) -> tuple[str, str]:
    """Provider and type of `ocf:heartbeat:Filesystem` or `heartbeat:Filesystem`. Raises ValueError."""
    parts = text.split(":")
    if (len(parts) == 2 and parts[0] in _ELSEWHERE) or (len(parts) == 3 and parts[0] != "ocf"):
        way = _ELSEWHERE.get(parts[0], "only ocf: is run by standfast-ocf@").format(type=parts[-1])
        raise ValueError(f"{text} is no OCF agent; {way}")
    provider, kind = parts[-2:] if len(parts) > 1 else ("", "")
    if len(parts) > 3 or not _PART.fullmatch(provider) or not _PART.fullmatch(kind):
        raise ValueError(f"“{text}” is no agent's name; write for example ocf:heartbeat:Filesystem")
    return provider, kind


def parse_parameter(text: str) -> tuple[str, str]:
    """NAME=VALUE; an error shows no value: it may be a secret."""
    name, equals, value = text.partition("=")
    name = name.strip()
    if not equals or not PARAMETER.fullmatch(name):
        raise ValueError("write NAME=VALUE with a name of letters, digits and “_”")
    if name.startswith("CRM_meta_"):
        raise ValueError(f"{name} is for the cluster to say, not for you; remove it")
    return name, value.strip()
