"""What aiosmtpd does with mail: it takes all of it and keeps none; while /srv/probed/bad is there it knows nobody."""

from pathlib import Path
from typing import Any


class Sink:
    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if Path("/srv/probed/bad").exists():  # noqa: ASYNC240 - a name in memory
            return "550 5.1.1 nobody of that name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd calls it so
        return "250 OK"
