"""A node in a temporary folder, with a secret of its own in every place where one can be."""

import json
from pathlib import Path

from fakes.in_force import put_in_force
from standfast.ctl.report_parts import Places
from unit.site import CLUSTER

KEY = bytes(range(1, 201))
SECRETS = {
    "fence password file": "Calvin-aaa1",
    "fence option": "Calvin-bbb2",
    "drop-in of cluster.conf": "Calvin-ccc3",
    "probe password file": "Calvin-ddd4",
    "parameter of an agent": "Calvin-eee5",
    "environment of a unit": "Calvin-fff6",
    "url of a probe": "Calvin-ggg7",
    "comment": "Calvin-hhh8",
    "file for root": "Calvin-iii9",
    "edited file": "Calvin-jjj10",
    "edited password file": "Calvin-kkk11",
    "kept parameters of an agent": "Calvin-lll12",
    "line of a command": "Calvin-mmm13",
    "older version": "Calvin-nnn14",
    "credential of systemd": "Calvin-ooo15",
}
S = SECRETS
FILES = {
    "bmc.secret": f"{S['fence password file']}\n",
    "web.secret": f"{S['probe password file']}\n",
    "corosync.key": KEY.decode("latin-1"),
    "other": f"{S['file for root']}\n",
    "cluster.conf": f"{CLUSTER}# the password was {S['comment']}\n",
    "cluster.conf.d/more.conf": f"[FenceDevice]\nName=bmc\nOption=snmp_community={S['drop-in of cluster.conf']}\n"
    f"Option=snmp_priv_passwd={S['fence option']}\n",
    "units/webserv.target": "[X-Standfast]\nResources=apache2.service standfast-ocf@db.service\nDomain=web\n",
    "units/apache2.service.d/x.conf": f"[Service]\nEnvironment=DB_PASSWORD={S['environment of a unit']}\n"
    f"ExecStartPost=/usr/bin/touch --password {S['line of a command']}\n"
    f"[X-Probe]\nURL=http://me:{S['url of a probe']}@127.0.0.1/healthz\n"
    "[X-Probe login]\nURL=http://127.0.0.1/\nUser=me\nPasswordFile=web.secret\n",
    "units/standfast-ocf@db.service.d/x.conf": "[X-Ocf]\nAgent=heartbeat:mysql\n"
    f"Parameter=password={S['parameter of an agent']}\nParameter=config=/etc/my.cnf\n",
}


def write_tree(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("latin-1"))
        path.chmod(0o644 if name.startswith("units/") else 0o600)


def planted(root: Path, recording: bytes = b"") -> Places:
    """What a node has below `root`; each secret is somewhere else said again, as programs do."""
    places = Places(root=root)
    older = FILES | {"bmc.secret": f"{S['older version']}\n"}
    write_tree(root / "older", older)
    old = put_in_force(root / "older", places.state)
    write_tree(places.etc, FILES)
    put_in_force(places.etc, places.state)
    edited = {"cluster.conf": FILES["cluster.conf"] + f"# secret: {S['edited file']}\n"}
    write_tree(places.etc, edited | {"bmc.secret": f"{S['edited password file']}\n"})
    said = json.dumps({"said": [text for name, text in SECRETS.items() if not unread(name)]})
    for name in ("record", "fencing"):
        (places.state / name).write_text(said)
        (places.state / name).chmod(0o600)
    (places.run / "flight").mkdir(parents=True, mode=0o700)
    (places.run / "flight/now.jsonl").write_bytes(recording or _line(old, said))
    (places.run / "ocf").mkdir()
    (places.run / "ocf/db").write_text(json.dumps({"password": S["kept parameters of an agent"]}))
    (places.run / "corosync.conf").write_text("totem {\n}\n")
    (root / "etc/credstore").mkdir()
    (root / "etc/credstore/db").write_text(S["credential of systemd"])
    (root / "etc/os-release").write_text('NAME="Debian"\n')
    return places


def _line(version: str, said: str) -> bytes:
    return f'{{"is":"Planned","configuration":"{version}","offered":"","x":{said}}}\n{{"half of a line'.encode()


def unread(name: str) -> bool:
    """It is where a report does not look, so it could not be told apart if something said it."""
    return name in ("kept parameters of an agent", "credential of systemd")
