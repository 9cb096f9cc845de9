"""What only a machine can say against probes: each node has files and libraries of its own, so each must have them."""

import os
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from standfast.configuration.model import Group, Heuristic, Probe, Problem, Source
from standfast.probes.libraries import MODULES, missing
from standfast.probes.secrets import find_credential, no_credential

_FILES: Final = {"CAFile": "ca_file", "ClientCertificate": "client_certificate", "ClientKey": "client_key"}


def probe_problems(groups: Iterable[Group], heuristics: Iterable[Heuristic]) -> Iterator[Problem]:
    """`groups` are those that may run here."""
    for group in groups:
        for resource in group.resources:
            for probe in resource.probes:
                yield from _of_files(probe)
                yield from _of_program(probe)
                yield from _of_expressions(probe)
                yield from _of_libraries_and_credentials(probe)
    for heuristic in heuristics:
        if heuristic.body is not None:
            yield from _of_expression(heuristic.sources["Body"], "Body", heuristic.body)


def _of_files(probe: Probe) -> Iterator[Problem]:
    for key, field in _FILES.items():
        path = getattr(probe, field)
        if path is not None and not Path(path).is_file():
            text = f"this node has no file {path}; put it there, or correct {key}="
            yield Problem(source=probe.sources[key], text=text)


def _of_libraries_and_credentials(probe: Probe) -> Iterator[Problem]:
    """Warnings: they may come later, and until then the probe is unknown."""
    module = MODULES.get(probe.type)
    if module is not None and find_spec(module) is None:
        yield Problem(source=probe.sources["Type"], text=missing(probe.type), warning=True)
    if probe.credential is not None:
        try:
            known = find_credential(probe.credential) is not None
        except OSError:  # only root may look
            known = True
        if not known:
            text = f"{no_credential(probe.credential)}; without it this probe is unknown here"
            yield Problem(source=probe.sources["Credential"], text=text, warning=True)


def _of_program(probe: Probe) -> Iterator[Problem]:
    """It may be in a file system that is mounted where the group runs."""
    if probe.command and not os.access(probe.command[0], os.X_OK):
        text = f"this node has no program {probe.command[0]}; install it, or correct Exec="
        yield Problem(source=probe.sources["Exec"], text=text, warning=True)


def _of_expressions(probe: Probe) -> Iterator[Problem]:
    written: dict[str, tuple[str | None, ...]] = {
        "Body": (probe.body,),
        "Header": tuple(header.expression for header in probe.headers),
        "StatusText": (probe.status_text,),
        "Expect": (probe.expect,),
    }
    for key, expressions in written.items():
        for expression in filter(None, expressions):
            yield from _of_expression(probe.sources[key], key, expression)


def _of_expression(source: Source, key: str, expression: str) -> Iterator[Problem]:
    """The loader compiled it with Python's own `re`, which costs the daemons nothing; what searches is `regex`."""
    import regex

    try:
        regex.compile(expression.encode() if key == "Expect" else expression)
    except regex.error as error:
        yield Problem(source=source, text=f"{key}= cannot be searched: {error}; write it otherwise")
