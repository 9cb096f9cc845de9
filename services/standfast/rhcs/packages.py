"""Which package of Debian has what a unit needs; pure."""

from collections.abc import Mapping
from typing import Final

from standfast.rhcs.units import Unit

FENCING: Final = "fence-agents"
_AGENTS: Final = "/usr/lib/ocf/", "resource-agents"
_BY_UNIT: Final[Mapping[str, str]] = {
    "apache2": "apache2",
    "cups": "cups-daemon",
    "dovecot": "dovecot-core",
    "haproxy": "haproxy",
    "isc-dhcp-server": "isc-dhcp-server",
    "mariadb": "mariadb-server",
    "memcached": "memcached",
    "named": "bind9",
    "nfs-server": "nfs-kernel-server",
    "nginx": "nginx",
    "nmbd": "samba",
    "openvpn": "openvpn",
    "postfix": "postfix",
    "postgresql@15-main": "postgresql-15",
    "rsyslog": "rsyslog",
    "slapd": "slapd",
    "smbd": "samba",
    "snmpd": "snmpd",
    "squid": "squid",
    "ssh": "openssh-server",
    "tomcat10": "tomcat10",
    "vsftpd": "vsftpd",
    "xinetd": "xinetd",
}
_BY_PROGRAM: Final[Mapping[str, str]] = {
    "apache2": "apache2",
    "drbdadm": "drbd-utils",
    "exportfs": "nfs-kernel-server",
    "mariadbd": "mariadb-server",
    "named": "bind9",
    "postgres": "postgresql-15",
    "slapd": "slapd",
}
_BY_FILE_SYSTEM: Final[Mapping[str, str]] = {
    "cifs": "cifs-utils",
    "gfs2": "gfs2-utils",
    "nfs": "nfs-common",
}


def package_of(unit: Unit) -> str:
    """The package that every node needs for it; "" where none is known, or none is needed."""
    values = {key: value for section in unit.sections for key, value in section.lines}
    if not unit.whole:
        return _BY_UNIT.get(unit.name.removesuffix(".service"), "")
    if unit.name.endswith(".mount"):
        return _BY_FILE_SYSTEM.get(values.get("Type", ""), "")
    program = values.get("ExecStart", "").partition(" ")[0]
    folder, package = _AGENTS
    return package if program.startswith(folder) else _BY_PROGRAM.get(program.rpartition("/")[2], "")
