"""`standfast report` beside daemons that run, and one that does not; as root and as anybody."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bus.private import PrivateBus, as_nobody
from fakes.daemons import ALL, Cluster
from standfast import archive
from standfast.corosync.common import Code, CorosyncError
from standfast.ctl import report, report_live
from standfast.ctl.__main__ import main
from standfast.ctl.report_parts import Part
from unit.report_site import SECRETS, planted

HERE = os.uname().nodename
SECRET = SECRETS["fence password file"]


@pytest.fixture
def folder(tmp_path: Path, private_bus: PrivateBus, monkeypatch: pytest.MonkeyPatch) -> Path:
    def corosync() -> Part:
        raise CorosyncError("cmap_initialize_map", Code.ACCESS)

    monkeypatch.setattr(report, "HERE", planted(tmp_path / "root"))
    monkeypatch.setattr(report_live, "corosync", corosync)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def invoke() -> Result:
    return CliRunner(mix_stderr=False).invoke(main, ("report", "-o", "r.tar.gz"))


def taken(names: tuple[str, ...]) -> dict[str, bytes]:
    async def play() -> Result:
        async with Cluster().running(names) as cluster:
            cluster.publish("/org/standfast", "Groups1", NoTerm=f"the agent said {SECRET}")
            return await asyncio.to_thread(invoke)

    result = asyncio.run(play())
    assert result.exit_code == 0, result.stderr
    with Path("r.tar.gz").open("rb") as file:
        return archive.read(file)


def test_what_the_daemons_publish_is_in_it_without_secrets(folder: Path) -> None:
    files = taken(ALL)
    status = json.loads(files[f"{HERE}/status.json"])
    assert (status["cluster"], status["away"]) == ("webha", {})
    assert status["no_term"].startswith("the agent said removed-")
    assert "apache2.service" in files[f"{HERE}/published.json"].decode()
    assert SECRET.encode() not in b"".join(files.values())


def test_a_daemon_that_is_away_is_told(folder: Path) -> None:
    files = taken(ALL[:3])
    assert json.loads(files[f"{HERE}/status.json"])["away"] == {"resourced": "does not run"}
    assert b"what resourced publishes: it does not run" in files["README"]


def test_anybody_gets_what_anybody_may_read(folder: Path) -> None:
    for path in [folder, *folder.parents]:
        if path.stat().st_uid == 0 and ("pytest" in path.name or path.name.startswith("popen-")):  # xdist
            path.chmod(0o755)
    folder.chmod(0o777)

    async def play() -> list[Any]:
        result = await asyncio.to_thread(invoke)
        return [result.exit_code, result.stdout, result.stderr]

    code, said, errors = asyncio.run(as_nobody(play))
    assert (code, errors) == (0, "")
    assert "flight recorder  left out: only root may read" in said
    assert "Corosync         left out: only root may ask it" in said
    assert "Parts that only root may read are missing: sudo standfast report\n" in said
    with Path("r.tar.gz").open("rb") as file:
        files = archive.read(file)
    assert SECRET.encode() not in b"".join(files.values())
    assert b"corosync.key: cannot be read: Permission denied" in files["README"]
    assert b"lib/standfast/record: only root may read it" in files["README"]
