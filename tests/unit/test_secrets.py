"""Which files nobody is shown, also where cluster.conf is broken."""

import pytest

from standfast.configuration.secrets import secret_names
from standfast.configuration.tree import File, Tree


def names(text: str, **modes: int) -> frozenset[str]:
    files = {"cluster.conf": File(content=text.encode(errors="surrogateescape"), mode=0o600)}
    files |= {name.replace("_", "/"): File(content=b"x", mode=mode) for name, mode in modes.items()}
    return secret_names(Tree(files=files, problems=()))


@pytest.mark.parametrize(
    "text",
    [
        "[FenceDevice]\nPasswordFile=bmc.secret\n",
        "PasswordFile = bmc.secret \n[FenceDevice",  # before any section
        "#PasswordFile=bmc.secret\n",  # was one yesterday
        "[FenceDevice]\nPasswordFile=\\\n  bmc.secret\n",
        "\udcff\nPasswordFile=bmc.secret",  # no UTF-8
    ],
)
def test_what_any_password_file_line_names_is_secret(text: str) -> None:
    assert names(text) == {"corosync.key", "bmc.secret"}


def test_drop_ins_name_secrets_too() -> None:
    dropin = File(content=b"[FenceDevice]\nPasswordFile=pdu.secret\n", mode=0o644)
    tree = Tree(files={"cluster.conf.d/pdu.conf": dropin}, problems=())
    assert secret_names(tree) == {"corosync.key", "pdu.secret"}


def test_units_name_secrets_too() -> None:
    dropin = File(content=b"[X-Probe]\nPasswordFile=db.secret\n", mode=0o644)
    tree = Tree(files={"units/mariadb.service.d/probe.conf": dropin}, problems=())
    assert secret_names(tree) == {"corosync.key", "db.secret"}


def test_what_others_may_not_read_is_secret_unless_it_is_configuration() -> None:
    """An administrator with umask 077 still sees what changed in a unit."""
    assert names("", other=0o600, open=0o644, units_web=0o600) == {"corosync.key", "other"}
