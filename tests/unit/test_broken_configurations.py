"""Broken configurations: each gets all its errors with file and line, exit code 1, and nothing is changed.

broken_configurations.txt has what is told of each. STANDFAST_REWRITE=1 writes it anew; it is then reviewed as a diff.
"""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from unit.site import CLUSTER, Site, site

__all__ = ["site"]

Break = Callable[[Site], None]

TOLD = Path(__file__).with_name("broken_configurations.txt")
WEB = "units/webserv.target"


def edit(name: str, old: str, new: str) -> Break:
    return lambda site: site.edit(name, old, new)


def write(name: str, text: str | bytes, mode: int = 0o644) -> Break:
    return lambda site: site.write(name, text, mode)


def link(name: str, target: str) -> Break:
    return lambda site: site.link(name, target)


def chmod(name: str, mode: int) -> Break:
    return lambda site: (site.root / name).chmod(mode)


def remove(name: str) -> Break:
    return lambda site: (site.root / name).unlink()


def beside(name: str, text: str) -> Break:
    """A file of this machine's own."""
    return write(f"../{name}", text)


def group(name: str, resources: str, *more: str) -> Break:
    return write(f"units/{name}.target", "\n".join(("[X-Standfast]", f"Resources={resources}", *more, "")))


BROKEN: dict[str, tuple[Break, ...]] = {
    "a line that means nothing": (edit("cluster.conf", "Id=2\n", "Id=2\nAddress 192.0.2.12\n"),),
    "unknown keys and sections": (
        edit("cluster.conf", "Fence=bmc:2", "Fence=bmc:2\nVotse=1"),
        edit(WEB, "Domain=web", "Domian=web\n[X-Stanfast]"),
        edit("units/apache2.service.d/page.conf", "URL=", "Intervall=1s\nURL="),
    ),
    "probes that need what is not there": (
        write(
            "units/apache2.service.d/needs.conf",
            "[X-Probe]\nOnFail=alert\nNeeds=portt other\nNeeds=port port\n"
            "[X-Probe port]\nOnFail=recover\nLevel=ready\nNeeds=port\nURL=http://x/\n",
        ),
    ),
    "probes that take what is not there": (
        write(
            "units/apache2.service.d/takes.conf",
            "[X-Probe a]\nType=probe\nUnit=mariadb.servic\n[X-Probe b]\nType=probe\nProbe=aa\nInterval=1s\n"
            "[X-Probe c]\nType=probe\n[X-Probe d]\nType=probe\nUnit=mariadb.service\nURL=http://x/\n",
        ),
    ),
    "probes that take each other's result": (
        write(
            "units/apache2.service.d/takes.conf",
            "[X-Probe a]\nType=probe\nUnit=mariadb.service\n[X-Probe b]\nURL=http://x/\nNeeds=a\n"
            "[X-Probe c]\nType=probe\nProbe=c\n",
        ),
        write("units/mariadb.service.d/takes.conf", "[X-Probe]\nType=probe\nUnit=apache2.service\nProbe=b\n"),
        group("data", "mariadb.service"),
    ),
    "probes that peers cannot make": (
        write(
            "units/apache2.service.d/peers.conf",
            "[X-Probe a]\nFrom=peers\nURL=http://localhost:8080/\n[X-Probe b]\nFrom=peers\nType=unit\n"
            "[X-Probe c]\nFrom=peers\nURL=http://x/\nSocket=/run/x\n[X-Probe d]\nFrom=peer\nURL=http://x/\n"
            "[X-Probe e]\nFrom=peers\nURL=http://192.0.2.100/\n",
        ),
    ),
    "probes that wait for each other": (
        write(
            "units/apache2.service.d/needs.conf",
            "[X-Probe a]\nNeeds=b\nURL=http://x/\n[X-Probe b]\nNeeds=c\nURL=http://x/\n"
            "[X-Probe c]\nNeeds=a\nURL=http://x/\n",
        ),
    ),
    "a circle of Needs=": (
        group("one", "worker@1.service", "Needs=two"),
        group("two", "worker@2.service", "Needs=three"),
        group("three", "worker@3.service", "Needs=one"),
    ),
    "a group that needs itself": (edit(WEB, "Domain=web", "Needs=webserv"),),
    "a unit that this node does not have": (edit(WEB, "srv-www", "nginx.service srv-www"),),
    "an address in no subnet": (edit(WEB, "192.0.2.100", "203.0.113.9"),),
    "an interface that is not there": (
        write("units/standfast-ip@192.0.2.100.service.d/place.conf", "[X-Address]\nInterface=eth1\nPrefix=24\n"),
    ),
    "resource agents": (
        edit(
            WEB,
            "apache2.service",
            "apache2.service standfast-ocf@a.service standfast-ocf@b.service standfast-ocf@c.service",
        ),
        edit(WEB, "Domain=web", "Resources=standfast-ocf@d d.service standfast-ocf@.service standfast-ocf@x:y.service"),
        write("units/standfast-ocf@a.service.d/a.conf", "[X-Ocf]\nAgent=systemd:nginx\nParameter=a\nParamter=b=c\n"),
        write("units/standfast-ocf@b.service.d/a.conf", "[X-Ocf]\nAgent=ocf:heartbeat:Filesystm\n"),
        write("units/apache2.service.d/ocf.conf", "[X-Ocf]\nAgent=ocf:heartbeat:apache\n"),
        write("units/standfast-ocf@e.service.d/a.conf", "[X-Ocf]\nAgent=ocf:heartbeat:Dummy\n"),
        write("units/d.service", "[Service]\nExecStart=/bin/true\n[X-Ofc]\n"),
        beside("vendor/standfast-ocf@.service", "[Service]\nExecStart=/bin/true\n"),
    ),
    "files of a probe that are not there": (
        beside("authority.pem", ""),
        lambda site: site.write(
            "units/apache2.service.d/page.conf",
            f"[X-Probe]\nURL=https://x/\nCAFile={site.folder}/authority.pem\n"
            f"ClientCertificate={site.folder}/client.pem\nClientKey={site.folder}\n",
        ),
    ),
    "expressions that would be found in what is only alike": (
        edit("cluster.conf", "[Domain]", "[Heuristic]\nName=web\nURL=http://x/\nBody=fine{i<=2}\n[Domain]"),
        write(
            "units/apache2.service.d/page.conf",
            "[X-Probe]\nURL=http://x/\nBody=ok{e}\nHeader=Via: a\\{e}\nHeader=Via: a{2}\n"
            "[X-Probe port]\nType=tcp\nConnect=x:1\nExpect={ 1 <= s <= 3}\n",
        ),
    ),
    "probes whose look is a process": (
        write(
            "units/apache2.service.d/page.conf",
            "[X-Probe a]\nType=exec\nExec=check\n"
            "[X-Probe b]\nType=exec\nExec=/root/bin/check -v\nTimeout=100ms\nPath=/srv\n"
            "[X-Probe c]\nType=exec\nExec=/no/such/check\nExpect=ok{e<=1}\n"
            "[X-Probe d]\nType=file\nPath=srv/alive\n"
            "[X-Probe e]\nType=file\nPath=/srv/\nFreePercent=5\n"
            "[X-Probe f]\nType=file\nPath=/srv/../etc/alive\nMaxAge=10ms\n"
            "[X-Probe g]\nType=mount\nMaxAge=1h\n"
            "[X-Probe h]\nType=mount\nPath=/srv\nFreePercent=100\nTimeout=200ms\n",
        ),
    ),
    "two groups with one unit": (group("other", "apache2.service mariadb.service mariadb.service"),),
    "unit names with escapes": (
        edit(WEB, "srv-www.mount", r"srv-www.mount srv\x2g.mount my\ unit.service srv-my-data.mount"),
        write("units/srv-my-data.mount", "[Mount]\nWhat=nas:/data\nWhere=/srv/my-data\n"),
    ),
    "no UTF-8": (
        write("units/b.service", b"[Unit]\nDescription=\xe4\n[X-Prob]\n"),
        edit("cluster.conf", "Nodes=node1 node2", "Nodes=node1 node2\nOrdred=yes"),
    ),
    "a name that is no UTF-8": (write(os.fsdecode(b"units/caf\xe9.service"), ""),),
    "ten megabytes": (write("dump.sql", b"x" * (10 << 20)),),
    "nine files of a megabyte": tuple(write(f"part{number}", b"x" * (1 << 20)) for number in range(9)),
    "links": (
        link("units/passwd.service", "/etc/passwd"),
        link("units/above.service", "../../vendor/apache2.service"),
        link("units/gone.service", "nowhere.service"),
        link("units/round.service", "round.service"),
        link("units/first.service", "second.service"),
        link("units/second.service", "first.service"),
        link("units/httpd.service", "srv-www.mount"),
        link("more", "units"),
    ),
    "a link in the place of a resource's unit": (
        edit(WEB, "apache2.service", "apache2.service own.service"),
        link("units/own.service", "/opt/own.service"),
    ),
    "secrets that others can read": (chmod("bmc.secret", 0o644), chmod("corosync.key", 0o640)),
    "agents by path, and none at all": (
        edit("cluster.conf", "Agent=fence_pdu", "Agent=../sbin/fence_pdu"),
        edit("cluster.conf", "[Domain]", "[FenceDevice]\nName=x\n[Domain]"),
    ),
    "an agent that is not installed": (edit("cluster.conf", "fence_pdu", "fence_ipmilan"),),
    "file systems that this node cannot mount": (
        lambda site: (site.programs / "mount.nfs").unlink(),
        edit(WEB, "srv-www.mount", "srv-www.mount mnt-x.mount"),
        write("units/mnt-x.mount", "[Mount]\nWhat=//nas/x\nWhere=/mnt/x\n"),
        write("units/mnt-x.mount.d/type.conf", "[Mount]\nType=cifs\n"),
    ),
    "what an agent says of its device": (
        edit("cluster.conf", "Option=ip=", "Option=ipp="),
        edit("cluster.conf", "bmc:2", "bmc"),
    ),
    "a group with the name of one of systemd's targets": (group("network-online", "mariadb.service"),),
    "a template as a resource": (edit(WEB, "apache2.service", "apache2.service worker@.service"),),
    "folders in the place of units": (
        write("units/b.service/c.conf", ""),
        lambda site: (site.root / "units/d.service").mkdir(),
    ),
    "a pipe": (lambda site: os.mkfifo(site.root / "units/pipe.service"),),
    "one id twice": (edit("cluster.conf", "Id=2", "Id=1"),),
    "one address twice": (edit("cluster.conf", "192.0.2.12", "192.0.2.11"),),
    "two nodes with one name": (edit("cluster.conf", "Name=node2", "Name=node1"),),
    "a domain that there is not": (edit(WEB, "Domain=web", "Domain=wbe"),),
    "a domain with a node that there is not": (edit("cluster.conf", "Nodes=node1 node2", "Nodes=node1 node3"),),
    "no keys": (remove("corosync.key"), remove("bmc.secret")),
    "no cluster.conf": (remove("cluster.conf"),),
    "NUL bytes": (
        write("units/n.service", b"[Service]\nExecStart=/bin/true\0\n"),
        edit("cluster.conf", "Id=2", "Id=2\0"),
    ),
    "a very long line": (edit("cluster.conf", "Id=2", "Id=" + "2" * 100_000),),
    "a drop-in with the name of the guard": (
        write("units/apache2.service.d/zz-standfast.conf", "[Unit]\nAssertPathExists=\n"),
    ),
    "resources that carry the cluster": (
        edit(WEB, "apache2.service", "apache2.service standfast-resourced.service corosync.service dbus.service"),
    ),
    "a mask of a resource": (link("units/apache2.service", "/dev/null"),),
    "a folder of links that start units": (link("units/multi-user.target.wants/apache2.service", "/dev/null"),),
    "a drop-in of cluster.conf with a wrong name": (write("cluster.conf.d/more", "[Cluster]\n"),),
    "a mount in fstab": (
        beside("fstab", "# fstab\nnas:/www /srv/./www/ nfs nofail 0 0\n/dev/sdb /srv ext4 defaults 0 0\n"),
    ),
    "guards that later drop-ins take away": (
        write("units/apache2.service.d/zzz.conf", "[Unit]\nAssertPathIsMountPoint=\n[Service]\nRestart=always\n"),
        beside("system/srv-www.mount.d/zzz.conf", "[Unit]\nAssertPathExists=\n"),
    ),
    "a file of an administrator in the way": (beside("system/webserv.target", "[Unit]\n"),),
    "passwords of probes": (
        edit("units/apache2.service.d/page.conf", "URL=", "PasswordFile=web.secret\nCredential=web\nURL="),
        write("units/worker@1.service.d/page.conf", "[X-Probe]\nURL=http://127.0.0.1/\nUser=x\nPasswordFile=w.secret"),
        edit(WEB, "apache2.service", "apache2.service worker@1.service"),
        write("w.secret", "hidden"),
    ),
    "probes of databases": (
        write("units/apache2.service.d/m.conf", "[X-Probe m]\nType=mysql\nConnect=127.0.0.1:3306\n"),
        write(
            "units/apache2.service.d/p.conf",
            "[X-Probe p]\nType=pgsql\nUser=x\n"
            "[X-Probe q]\nType=pgsql\nUser=x\nConnect=db:5432\nSocket=/run/db\nTLS=yes\n",
        ),
        write(
            "units/apache2.service.d/r.conf",
            '[X-Probe r]\nType=redis\nConnect=db:6379\nDatabase=shop\nQuery=GET "x\nUser=x\nBody=x\n',
        ),
    ),
    "what is outside of nothing": (
        edit("units/apache2.service.d/page.conf", "URL=", "Outside=yes\nLevel=ready\nURL="),
        write("units/worker@1.service.d/page.conf", "[X-Probe]\nType=unit\nOutside=yes\n"),
        edit(WEB, "apache2.service", "apache2.service worker@1.service"),
    ),
    "more than ten at once": (
        write("cluster.conf", CLUSTER.replace("Id=2", "Id=two").replace("[Domain]", "[Domian]")),
        chmod("bmc.secret", 0o640),
        write("corosync.key", "short", mode=0o600),
        edit(WEB, "Domain=web", "Recovery=maybe\nStartTimeout=soon"),
        edit("units/apache2.service.d/page.conf", "http:", "gopher:"),
        group("other", "apache2.service mariadb standfast-ip@198.51.100.1.service"),
        write("units/notes.txt", "later"),
        write("units/b.service.d/p.conf", "[X-Probe]\nURL=http://127.0.0.1/\n"),
    ),
}


def golden() -> dict[str, list[str]]:
    """By case: what is told, with FOLDER for the temporary one."""
    found: dict[str, list[str]] = {}
    for block in filter(None, TOLD.read_text().strip().split("\n\n")):
        case, *lines = block.splitlines()
        found[case] = lines
    return found


@pytest.mark.parametrize("case", BROKEN)
def test_everything_wrong_is_told_and_nothing_is_changed(site: Site, case: str) -> None:
    for one in BROKEN[case]:
        one(site)
    result = site.check()
    told = [line.replace(str(site.folder), "FOLDER") for line in site.errors()]
    if os.environ.get("STANDFAST_REWRITE"):
        whole = {**golden(), case: told}
        blocks = ["\n".join((name, *whole[name])) for name in BROKEN if name in whole]
        TOLD.write_text("\n\n".join(blocks) + "\n")
    assert told == golden()[case]
    assert told
    count = f"{len(told)} error{'s' if len(told) > 1 else ''}"
    assert (result.exit_code, result.stderr) == (1, f"standfast: {site.root} cannot come into force: {count}.\n")


def test_what_is_told_is_told_of_these_cases() -> None:
    assert list(golden()) == list(BROKEN)
    assert len(BROKEN) >= 25
    assert len(golden()["more than ten at once"]) > 10


def test_what_the_cases_were_made_of_is_good(site: Site) -> None:
    result = site.check()
    assert (result.exit_code, site.errors(), site.warnings(), result.stderr) == (0, [], [], "")
    assert f"{site.root} has no error" in result.stdout


def test_a_file_that_cannot_be_read_is_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    really_open = os.open

    def open_unless_secret(path: str | Path, *arguments: int) -> int:
        if Path(path).name == "bmc.secret":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return really_open(path, *arguments)

    monkeypatch.setattr(os, "open", open_unless_secret)
    assert site.errors() == ["bmc.secret: cannot be read: Permission denied"]
