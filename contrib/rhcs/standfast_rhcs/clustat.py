"""clustat: members and services, in the columns of RHCS."""

import shutil
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from standfast_rhcs import xml_report
from standfast_rhcs.cluster import Cluster, EndedError, Member, Service, State, run, seen
from standfast_rhcs.options import parse_alone

VERSION: Final = f"clustat version {xml_report.VERSION}, answered by Standfast"
UNKNOWN: Final = 255
EXCLUSIVE: Final = "Error: Options '-i' and '-x' are mutually exclusive"
USAGE: Final = """usage: clustat <options>
    -i <interval>      Refresh every <interval> seconds.  May not be used
                       with -x.
    -I                 Display local node ID and exit
    -m <member>        Display status of <member> and exit
    -s <service>       Display status of <service> and exit
    -v                 Display version and exit
    -x                 Dump information as XML
    -Q                 Return 0 if quorate, 1 if not (no output)
    -f                 Enable fast clustat reports
    -l                 Use long format for services"""
_CLEAR: Final = "\033[2J\033[H"


def main(words: Sequence[str]) -> int:
    """The exit code."""
    options = parse_alone(words, "fIls:m:hi:xvQ", USAGE)
    if "-h" in options:
        print(USAGE)
        return 0
    if "-v" in options:
        print(VERSION)
        return 0
    if "-i" not in options:
        return _once(options)
    if "-x" in options:
        raise EndedError(1, EXCLUSIVE)
    while True:
        sys.stdout.write(_CLEAR)
        _once(options)
        sys.stdout.flush()
        time.sleep(max(1, _number(options["-i"])))


def _number(text: str) -> int:
    if not text.isdigit():
        raise EndedError(1, f"-i takes a number of seconds, not {text!r}")
    return int(text)


def _once(options: dict[str, str]) -> int:
    cluster = run(seen())
    if "-Q" in options:
        return 0 if cluster.quorate else 1
    if "-I" in options:
        print(f"0x{cluster.local.id if cluster.local else 0:08x}")
        return 0
    if "-x" in options:
        print(xml_report.make(cluster))
        return 0
    if "-m" in options:
        return _one_member(cluster, options["-m"])
    if "-s" in options:
        return _one_service(cluster, options["-s"], long="-l" in options)
    print("\n".join(report(cluster, datetime.now(), columns(), long="-l" in options)))
    return 0


def columns() -> int:
    """Of the terminal; 80 without one."""
    return max(shutil.get_terminal_size((80, 24)).columns, 40)


def report(cluster: Cluster, now: datetime, width: int, *, long: bool) -> list[str]:
    """The lines of the whole report."""
    lines = [f"Cluster Status for {cluster.name} @ {_ctime(now)}"]
    lines += [f"Member Status: {'Quorate' if cluster.quorate else 'Inquorate'}", "", *_members(cluster.members, width)]
    if cluster.services:
        lines += ["", *(_long(cluster.services) if long else _services(cluster.services, width))]
    return [*lines, ""]


def _ctime(moment: datetime) -> str:
    """As ctime(3), in English whatever the locale."""
    return time.asctime(moment.timetuple())


def _members(members: Sequence[Member], width: int) -> list[str]:
    name = width // 2
    lines = [f" {title:<{name}.{name}}{number:<4} {status}" for title, number, status in _MEMBER_HEAD]
    return lines + [f" {one.name:<{name}.{name}} {one.id:4d} {_words(one)}" for one in members]


_MEMBER_HEAD: Final = (("Member Name", "ID", "Status"), ("------ ----", "----", "------"))
_SERVICE_HEAD: Final = (("Service Name", "Owner (Last)", "State"), ("------- ----", "----- ------", "-----"))


def _words(member: Member) -> str:
    words = ["Online" if member.online else "Offline"]
    words += ["Local"] if member.local else []
    return ", ".join(words + (["rgmanager"] if member.rgmanager else []))


def _services(services: Sequence[Service], width: int) -> list[str]:
    wide = (width - 20) // 2
    lines = [f" {name:<{wide}.{wide}} {owner:<{wide}.{wide}} {state:<14.14}" for name, owner, state in _SERVICE_HEAD]
    return lines + [f" {one.name:<{wide}.{wide}} {_owner(one):<{wide}.{wide}} {_state(one)}" for one in services]


def _owner(service: Service) -> str:
    """In parentheses who had it last, where nobody runs it."""
    if service.state in (State.STOPPED, State.DISABLED, State.FAILED):
        return f"({service.last_owner or service.owner or 'none'})"
    return service.owner or "none"


def _state(service: Service) -> str:
    marks = "".join({"frozen": "Z", "partial": "P"}[word] for word in service.flag_words)
    marks = f"[{marks}]" if marks else ""
    return f"{service.state!s:<{14 - len(marks)}}{marks}"


def _long(services: Sequence[Service]) -> list[str]:
    lines = ["Service Information", "------- -----------", ""]
    for one in services:
        lines += [
            f"Service Name      : {one.name}",
            f"  Current State   : {one.state} ({one.state.value})",
            f"  Flags           : {', '.join(one.flag_words) or 'none'} ({one.flags})",
            f"  Owner           : {one.owner or 'none'}",
            f"  Last Owner      : {one.last_owner or 'none'}",
            f"  Last Transition : {_ctime(one.since.astimezone()) if one.since else 'unknown'}",
            "",
        ]
    return lines[:-1]


def _one_member(cluster: Cluster, name: str) -> int:
    member = cluster.member(name)
    if member is None:
        raise EndedError(UNKNOWN)
    print("\n".join(_members([member], columns())))
    return 0 if member.online else 1


def _one_service(cluster: Cluster, name: str, *, long: bool) -> int:
    service = cluster.service(name)
    if service is None:
        raise EndedError(UNKNOWN)
    print("\n".join(_long([service]) if long else _services([service], columns())))
    return 0 if service.active else service.state.value
