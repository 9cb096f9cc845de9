"""A real browser on the lab's bridge, as an administrator's would be; see contrib/cockpit/tests/browser.mjs."""

import contextlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from standfast_lab import cockpit
from standfast_lab.lab import Lab
from standfast_lab.package import CONTRIB

CHROMIUM = "/usr/bin/chromium"


class Browser:
    """Each step is answered before the next one; AssertionError with what the page says where one fails."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def login(self, node: str, user: str = "admin", *, rights: bool = False) -> None:
        """Through Cockpit's own login of that node; with `rights` as one who has administrative access."""
        self.do("login", url=self.address(node), user=user, password=cockpit.PASSWORD, rights=rights)

    @staticmethod
    def address(node: str, *, alone: bool = True) -> str:
        """The page alone, or in Cockpit's window beside its other pages."""
        where = "cockpit/@localhost/standfast/index.html" if alone else "standfast"
        return f"https://192.0.2.{10 + int(node.removeprefix('node'))}:{cockpit.PORT}/{where}"

    def has(self, selector: str, text: str = "", within_s: float = 30) -> None:
        self.do("has", selector=selector, text=text, within_s=within_s)

    def text(self, selector: str = "main") -> str:
        return str(self.do("text", selector=selector))

    def field(self, within: str, label: str, value: str | bool) -> None:
        """The control of that label has this value."""
        self.do("field", within=within, label=label, value=value)

    def button(self, name: str, within: str = "main") -> None:
        self.do("button", within=within, name=name)

    def attributes(self, selector: str, name: str) -> list[str]:
        """This attribute of every such element."""
        return [str(value) for value in self.do("attributes", selector=selector, name=name)]

    def do(self, step: str, **values: Any) -> Any:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"step": step, **values}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the browser ended at {step} {values}"
        found = json.loads(line)
        assert "error" not in found, f"{step} {values}: {found['error']}"
        return found["answer"]


@contextlib.contextmanager
def browser(lab: Lab) -> Iterator[Browser]:
    """It is closed at the end, whatever happened."""
    assert Path(CHROMIUM).exists(), f"{CHROMIUM} is missing: contrib/install-packages browser"
    script = CONTRIB / "cockpit/tests/browser.mjs"
    command = ["nsenter", f"--net=/run/netns/{lab.place.bridge_namespace}", "node", str(script), CHROMIUM]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Browser(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
