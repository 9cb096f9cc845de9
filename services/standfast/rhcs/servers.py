"""script and the agents of known servers become the units of Debian's packages, or units of their own."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Final

from standfast.rhcs.resource import Resource
from standfast.rhcs.unit_text import Section, plain_name, section, specifiers
from standfast.rhcs.units import (
    Place,
    Translation,
    Unit,
    UntranslatableError,
    command,
    commands,
    described,
    own_name,
    whole,
)

# The unit of Debian for the init script of RHEL.
UNITS: Final[Mapping[str, str]] = {
    "cups": "cups",
    "dhcpd": "isc-dhcp-server",
    "dovecot": "dovecot",
    "haproxy": "haproxy",
    "httpd": "apache2",
    "ldap": "slapd",
    "memcached": "memcached",
    "mysql": "mariadb",
    "mysqld": "mariadb",
    "named": "named",
    "nfs": "nfs-server",
    "nginx": "nginx",
    "nmb": "nmbd",
    "openvpn": "openvpn",
    "postfix": "postfix",
    "postgresql": "postgresql@15-main",
    "rsyslog": "rsyslog",
    "slapd": "slapd",
    "smb": "smbd",
    "snmpd": "snmpd",
    "squid": "squid",
    "sshd": "ssh",
    "tomcat5": "tomcat10",
    "tomcat6": "tomcat10",
    "vsftpd": "vsftpd",
    "xinetd": "xinetd",
}
_INIT_FOLDERS: Final = ("/etc/init.d", "/etc/rc.d/init.d")
_ONLY_ALIVE: Final = "its check is that the unit is active; write an [X-Probe] that sees whether it serves"


def script(resource: Resource, _place: Place) -> tuple[Unit, ...]:
    file = resource.text("file")
    folder, _, name = file.rpartition("/")
    if not file.startswith("/") or not name:
        raise UntranslatableError(f"“{file}” is no script's path")
    resource.ledger.differs(resource.element, _ONLY_ALIVE)
    if folder not in _INIT_FOLDERS:
        text = f"{file} must be on every node; a process that it leaves behind counts as it, nothing asks its status"
        resource.ledger.differs(resource.element, text, "file")
        return (commands(resource, f"runs {file}", (file, "start"), (file, "stop")),)
    known = UNITS.get(name)
    if known is not None:
        return (Unit(name=f"{known}.service", what=f"Debian's unit for RHEL's {name}"),)
    if plain_name(name) != name:
        raise UntranslatableError(f"the init script's name “{name}” can be no unit's")
    text = f"systemd makes {name}.service of /etc/init.d/{name}; install the script on every node"
    resource.ledger.to_do(resource.element, text, "file")
    return (Unit(name=f"{name}.service", what="the unit that systemd makes of the init script"),)


def apache(resource: Resource, _place: Place) -> tuple[Unit, ...]:
    return _server(
        resource,
        "apache2",
        program=resource.text("httpd") or "/usr/sbin/apache2",
        arguments=("-D", "FOREGROUND"),
        options=(("-d", "server_root"), ("-f", "config_file")),
        more="httpd_options",
        service=(("KillSignal", "SIGWINCH"), ("KillMode", "mixed")),
    )


def mysql(resource: Resource, place: Place) -> tuple[Unit, ...]:
    if not resource.text("listen_address"):
        address = place.first("ip")
        if address is not None:
            text = f"rgmanager bound it to {address.name}; it listens where its configuration says (bind-address)"
            resource.ledger.differs(resource.element, text)
    return _server(
        resource,
        "mariadb",
        program="/usr/sbin/mariadbd",
        arguments=(),
        options=(("--defaults-file=", "config_file"), ("--bind-address=", "listen_address")),
        more="mysqld_options",
        service=(("Type", "notify"), ("User", "mysql"), ("RuntimeDirectory", "mysqld"), ("TimeoutStopSec", "15min")),
    )


def samba(resource: Resource, _place: Place) -> tuple[Unit, ...]:
    config = resource.text("config_file")
    return tuple(_daemon(resource, name, config, resource.text(f"{name}_options")) for name in ("nmbd", "smbd"))


def smb(resource: Resource, _place: Place) -> tuple[Unit, ...]:
    config = f"/etc/samba/smb.conf.{resource.name}"
    workgroup = resource.text("workgroup", "LINUXCLUSTER")
    text = f"write {config} on every node (workgroup {workgroup}, the group's addresses and shares), as rgmanager did"
    resource.ledger.to_do(resource.element, text)
    return tuple(_daemon(resource, name, config, "") for name in ("nmbd", "smbd"))


def named(resource: Resource, _place: Place) -> tuple[Unit, ...]:
    for name in ("named_sdb", "named_working_dir", "update_source"):
        if resource.text(name):
            resource.ledger.left(resource.element, "write it to named.conf (directory, query-source)", name)
    return _server(
        resource,
        "named",
        program="/usr/sbin/named",
        arguments=("-f", "-u", "bind"),
        options=(("-c", "config_file"),),
        more="named_options",
        service=(),
    )


def openldap(resource: Resource, _place: Place) -> tuple[Unit, ...]:
    return _server(
        resource,
        "slapd",
        program="/usr/sbin/slapd",
        arguments=("-u", "openldap", "-g", "openldap", "-d", "none"),
        options=(("-f", "config_file"), ("-h", "url_list")),
        more="slapd_options",
        service=(("RuntimeDirectory", "slapd"),),
    )


def postgres(resource: Resource, _place: Place) -> tuple[Unit, ...]:
    text = "Debian's PostgreSQL is another version: bring the data over (pg_dumpall), then check the program's path"
    resource.ledger.to_do(resource.element, text)
    return _server(
        resource,
        "postgresql@15-main",
        program="/usr/lib/postgresql/15/bin/postgres",
        arguments=(),
        options=(("--config-file=", "config_file"),),
        more="postmaster_options",
        service=(
            ("Type", "notify"),
            ("User", resource.text("postmaster_user", "postgres")),
            ("RuntimeDirectory", "postgresql"),
            ("KillSignal", "SIGINT"),
            ("TimeoutStopSec", "5min"),
        ),
    )


def tomcat(resource: Resource, _place: Place) -> tuple[Unit, ...]:
    for name in ("config_file", "tomcat_user", "catalina_options", "catalina_base"):
        if resource.text(name):
            resource.ledger.left(resource.element, "write it to a drop-in of tomcat10.service (Environment=)", name)
    resource.ledger.differs(resource.element, _ONLY_ALIVE)
    return (Unit(name="tomcat10.service", what="Debian's Tomcat"),)


def drbd(resource: Resource, _place: Place) -> tuple[Unit, ...]:
    name = resource.text("resource") or resource.name
    if not name:
        raise UntranslatableError("it does not say which resource of DRBD")
    program = "/usr/sbin/drbdadm"
    text = "fence-peer in DRBD's own configuration must not call crm-fence-peer; see `drbdadm up` at boot"
    resource.ledger.differs(resource.element, text)
    return (commands(resource, "makes DRBD primary", (program, "primary", name), (program, "secondary", name)),)


def _server(
    resource: Resource,
    debian: str,
    *,
    program: str,
    arguments: Sequence[str],
    options: Sequence[tuple[str, str]],
    more: str,
    service: Sequence[tuple[str, str]],
) -> tuple[Unit, ...]:
    """Debian's own unit where the resource says nothing special, else a unit that runs the program as it says.

    `options`: an option and the attribute with its value; one that ends with “=” is one word with it.
    """
    resource.ledger.differs(resource.element, _ONLY_ALIVE)
    words = [program, *arguments]
    special = False
    for option, attribute in options:
        if value := resource.text(attribute):
            special = True
            words += [f"{option}{value}"] if option.endswith("=") else [option, value]
    written = resource.text(more)
    if not special and not written:
        return (Unit(name=f"{debian}.service", what=f"Debian's {debian}"),)
    words += _split(resource, more, written)
    text = f"{words[0]} is run with what stands there; its files must be on every node, in Debian's format"
    resource.ledger.to_do(resource.element, text)
    known = dict(service)
    lines = [("Type", known.pop("Type", "exec")), *known.items(), ("ExecStart", command(words))]
    lines = [(key, value if key == "ExecStart" else specifiers(value)) for key, value in lines]
    unit = whole(f"{own_name(resource)}.service", f"runs {program}", described(resource), section("Service", *lines))
    return (unit,)


def _daemon(resource: Resource, name: str, config: str, options: str) -> Unit:
    """smbd or nmbd; with settings of its own its ExecStart= is replaced."""
    if name == "smbd":
        resource.ledger.differs(resource.element, _ONLY_ALIVE)
    if not config and not options:
        return Unit(name=f"{name}.service", what=f"Debian's {name}")
    words = [f"/usr/sbin/{name}", "--foreground", "--no-process-group"]
    words += [f"--configfile={config}"] if config else []
    words += _split(resource, f"{name}_options", options)
    lines = Section(name="Service", lines=(("ExecStart", ""), ("ExecStart", command(words))))
    return Unit(name=f"{name}.service", what=f"Debian's {name} with the options of the file", sections=(lines,))


def _split(resource: Resource, attribute: str, text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        resource.ledger.left(resource.element, "has a quote without an end; the options were left out", attribute)
        return []


SERVERS: Final[Mapping[str, Translation]] = {
    "script": script,
    "apache": apache,
    "mysql": mysql,
    "samba": samba,
    "smb": smb,
    "named": named,
    "openldap": openldap,
    "postgres-8": postgres,
    "tomcat-5": tomcat,
    "tomcat-6": tomcat,
    "drbd": drbd,
}
