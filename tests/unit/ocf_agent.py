"""A resource agent that does what a test says, in sh as agents are."""

from dataclasses import dataclass
from pathlib import Path

from standfast.ocf.agent import Agent
from standfast.ocf.resource import Resource

SCRIPT = """\
#!/bin/sh
here=$OCF_RESKEY_here
[ "$1" = meta-data ] && exec cat "$(dirname "$0")/$(basename "$0").xml"
echo "$1 $OCF_CHECK_LEVEL $OCF_RESKEY_CRM_meta_interval" >>"$here/calls"
env >"$here/$1.env"
if [ -f "$here/$1.say" ]; then cat "$here/$1.say" >&2; fi
if [ -f "$here/$1.hang" ]; then sleep 600 & echo $! >"$here/$1.pid"; wait; fi
if [ -s "$here/$1.codes" ]; then
    code=$(head -n1 "$here/$1.codes")
    sed -i 1d "$here/$1.codes"
    exit "$code"
fi
case $1 in
start) touch "$here/running" ;;
stop) rm -f "$here/running" ;;
monitor) [ -f "$here/running" ] || exit 7 ;;
*) exit 3 ;;
esac
"""
METADATA = """\
<?xml version="1.0"?>
<!DOCTYPE resource-agent SYSTEM "ra-api-1.dtd">
<resource-agent name="Thing" version="1.0"><version>1.1</version>
<parameters>
<parameter name="here" required="1" unique="1"><content type="string"/></parameter>
<parameter name="device" required="1"><content type="string" default="/dev/null"/></parameter>
<parameter name="options"><content type="string" default=""/></parameter>
</parameters>
<actions>
<action name="start" timeout="20s"/><action name="stop" timeout="20s"/>
<action name="monitor" timeout="20s" interval="10s" depth="0"/><action name="meta-data" timeout="5s"/>
</actions></resource-agent>
"""


@dataclass
class Bench:
    """ocf:test:Thing below `folder`, and one resource of it."""

    folder: Path
    limit_s: float = 20.0

    def __post_init__(self) -> None:
        self.here.mkdir()
        self.install()

    @property
    def root(self) -> Path:
        return self.folder / "ocf"

    @property
    def here(self) -> Path:
        return self.folder / "here"

    @property
    def kept(self) -> Path:
        return self.folder / "kept"

    def install(self, name: str = "Thing", script: str = SCRIPT, metadata: str = METADATA) -> Path:
        program = self.root / "resource.d/test" / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(script)
        program.chmod(0o755)
        program.with_name(f"{name}.xml").write_text(metadata)
        return program

    def resource(self) -> Resource:
        agent = Agent(instance="db", provider="test", type="Thing", parameters={"here": str(self.here)})
        return Resource(agent, self.limit_s, root=self.root, folder=self.kept)

    def answers(self, action: str, *codes: int) -> None:
        """Its next answers; then it does again what it should."""
        (self.here / f"{action}.codes").write_text("".join(f"{code}\n" for code in codes))

    def says(self, action: str, text: str) -> None:
        (self.here / f"{action}.say").write_text(text)

    def hangs(self, action: str) -> None:
        (self.here / f"{action}.hang").touch()

    def calls(self) -> list[str]:
        """The actions that were asked for so far."""
        file = self.here / "calls"
        return [line.split()[0] for line in file.read_text().splitlines()] if file.exists() else []

    def environment(self, action: str) -> dict[str, str]:
        lines = (self.here / f"{action}.env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    @property
    def runs(self) -> bool:
        return (self.here / "running").exists()

    @property
    def held(self) -> bool:
        """It counts as not stopped."""
        return (self.kept / "db").exists()
