"""What to do about elements and attributes of cluster.conf that have no counterpart; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unless:
    """Advice that is due unless the attribute says what Standfast does anyway."""

    values: frozenset[str]
    text: str


def _unless(values: str, text: str) -> _Unless:
    return _Unless(values=frozenset(values.split()), text=text)


_KNET: Final = "Corosync's links are encrypted unicast; write one Address= for each link of a node"
_NEW_KEY: Final = "every cluster has a key of its own now, corosync.key; a new one was made"
_NO_NEED: Final = ""  # said without words: Standfast needs no such setting
_JOURNAL: Final = "all is in the journal: journalctl -u 'standfast-*', standfast timeline"
_DLM: Final = "there is no DLM in Standfast; GFS2 and clvmd need Debian's dlm-controld beside it"
_EVENTS: Final = "there are no event scripts; watch the signals of org.standfast.Groups1 on the bus"
_SIGNALS: Final = "systemd's signals are followed, nothing is polled; a probe has an Interval= of its own"
_QDISK: Final = "there is no disk that votes; use an arbiter: standfast quorum arbiter add HOST"
_VALIDATED: Final = "a failed check counts by FailAfter= of its [X-Probe]"

_ELEMENTS: Final[Mapping[str, str]] = {
    "multicast": f"no multicast is used: {_KNET}",
    "interface": f"links are found by address: {_KNET}",
    "logging": _JOURNAL,
    "dlm": _DLM,
    "gfs_controld": _DLM,
    "clvmd": _DLM,
    "group": "groupd is gone; remove it",
    "ccs": "the configuration is one folder that all nodes have, /etc/standfast",
    "uidgid": "who may do what is said by polkit: org.standfast.operate, .configure, .fence",
    "events": _EVENTS,
    "event": _EVENTS,
    "gulm": "lock_gulmd is gone; quorum is votequorum's: standfast quorum",
    "lock_gulmd": "lock_gulmd is gone; quorum is votequorum's: standfast quorum",
    "batch_fence": "fencing of several nodes runs at once anyway",
}

_ATTRIBUTES: Final[Mapping[str, Mapping[str, str | _Unless]]] = {
    "cluster": {
        "config_version": _NO_NEED,
        "alias": "a cluster has one name; remove it",
    },
    "cman": {
        "port": f"Corosync's own port is used: {_KNET}",
        "keyfile": _NEW_KEY,
        "cluster_id": _NO_NEED,
        "hash_cluster_id": _NO_NEED,
        "broadcast": _unless("0 no", f"no broadcast is used: {_KNET}"),
        "transport": _unless("udpu knet", f"knet is the transport: {_KNET}"),
        "disallowed": "a node that returns with the state of an earlier life is told to reboot, always",
        "quorum_dev_poll": _QDISK,
        "shutdown_timeout": "systemctl stop standfast.target waits until all groups have moved away",
        "ccsd_poll": _NO_NEED,
        "upgrading": _unless("0 no", "a cluster is upgraded node by node, without a setting"),
        "debug_mask": _NO_NEED,
        "startup_config_timeout": _NO_NEED,
        "nodename": "the host's name says which node it is; see `uname -n`",
    },
    "totem": {
        "rrp_mode": "knet uses every link that is up; there is no mode to choose",
        "secauth": _unless("1 on yes", "links are always encrypted"),
        "keyfile": _NEW_KEY,
        "consensus": "it follows from DetectWithin=",
        "token_retransmits_before_loss_const": "it follows from DetectWithin=",
        "join": "it follows from DetectWithin=",
        "fail_recv_const": _NO_NEED,
        "netmtu": "knet finds the largest packet itself",
        "vsftype": _NO_NEED,
        "version": _NO_NEED,
    },
    "quorumd": {
        "tko": "a heuristic has FailAfter= of its own, a lost node is found by DetectWithin=",
        "tko_up": "a heuristic has PassAfter= of its own",
        "votes": _QDISK,
        "device": _QDISK,
        "label": _QDISK,
        "cman_label": _QDISK,
        "interval": "a heuristic has Interval= of its own",
        "upgrade_wait": _QDISK,
        "master_wait": _QDISK,
        "master_wins": "a tie of two nodes is broken by fencing or by an arbiter: standfast quorum arbiter add HOST",
        "reboot": "an unhealthy node gives its groups away, it does not reboot; write Watchdog=auto to its [Node]",
        "allow_kill": "a node that is not heard is fenced, always",
        "paranoid": "write Watchdog=auto to the [Node]",
        "io_timeout": "write Watchdog=auto to the [Node]",
        "max_error_cycles": _QDISK,
        "stop_cman": "an unhealthy node gives its groups away",
        "use_uptime": _NO_NEED,
        "scheduler": _NO_NEED,
        "priority": _NO_NEED,
        "status_file": "the score is in `standfast quorum`",
        "log_level": _JOURNAL,
        "log_facility": _JOURNAL,
    },
    "fence_daemon": {
        "clean_start": _unless("0 no", "nodes that were never seen are fenced after PostJoinDelay=, which is safe"),
        "override_path": "standfast fence confirm takes its place",
        "override_time": "standfast fence confirm takes its place",
        "skip_undefined": "nodes without a device need Unsafe=yes of [Cluster]: a person confirms each loss",
    },
    "clusternode": {
        "weight": "it has no meaning without GFS; remove it",
    },
    "altname": {
        "port": f"Corosync's own port is used: {_KNET}",
        "mcast": f"no multicast is used: {_KNET}",
        "ttl": f"no multicast is used: {_KNET}",
    },
    "device": {
        "nodename": _NO_NEED,  # fenced told the victim's name so; the agents of today have `plug`
        "log": _JOURNAL,
    },
    "rm": {
        "log_level": _JOURNAL,
        "log_facility": _JOURNAL,
        "status_poll_interval": _SIGNALS,
        "status_child_max": _SIGNALS,
        "transition_throttling": _NO_NEED,
        "disabled": _unless("0 no", "groups start with the cluster; then `standfast maintenance on` does the same"),
    },
    "service": {
        "nfslock": _unless("0 no", "locks are not reclaimed by a group; the NFS server's own grace period does it"),
        "nfs_client_cache": _NO_NEED,
        "hardrecovery": _unless("0 no", "a group that cannot be stopped fences its node, by default (StopFailure=)"),
    },
    "vm": {
        "migrate": "a group is stopped and started elsewhere; there is no live migration",
        "migration_mapping": "a group is stopped and started elsewhere; there is no live migration",
        "migration_uri": "a group is stopped and started elsewhere; there is no live migration",
        "migrate_options": "a group is stopped and started elsewhere; there is no live migration",
        "tunnelled": "a group is stopped and started elsewhere; there is no live migration",
        "no_kill": _unless("0 no false", "what does not stop within TimeoutStopSec= is killed"),
        "status_program": "write an [X-Probe] to the unit; probes that run a command are not supported yet",
        "use_virsh": _unless("1 yes", "xm is gone; the domain needs a file for libvirt"),
        "hypervisor": _unless("auto qemu", "it is always asked by libvirt"),
        "hypervisor_uri": _unless("auto", "write the agent's option `hypervisor` to the unit"),
    },
    "ip": {
        "monitor_link": _unless("1 yes on true", "the link is always watched; nothing switches that off"),
        "sleeptime": _NO_NEED,  # the address is looked at, not waited for
        "nfslock": _unless("0 no", "locks are not reclaimed by a group"),
        "disable_rdisc": _unless("0 no", "rdisc is not stopped; stop it on every node"),
        "family": _unless("auto inet inet6", "the address says it itself"),
    },
    "netfs": {
        "force_unmount": _unless(
            "0 no", "the group's own processes are killed; others that keep it busy make StopFailure= count"
        ),
        "no_unmount": _unless("0 no", "a mount of a group is always unmounted; mount it outside of the group instead"),
        "use_findmnt": _NO_NEED,
    },
    "nfsclient": {
        "allow_recover": _unless("1 yes", "a failed resource restarts its group, or what follows it with InPlace=yes"),
        "service_name": _NO_NEED,
        "svcname": _NO_NEED,
        "use_cache": _NO_NEED,
    },
    "nfsserver": {
        "nfspath": "the server's state is not moved; bind-mount a folder of the share over /var/lib/nfs",
        "path": "the server's state is not moved; bind-mount a folder of the share over /var/lib/nfs",
        "statdport": "write it to /etc/nfs.conf on every node",
        "krbhost": "write it to /etc/nfs.conf on every node",
    },
    "lvm": {
        "nfslock": _unless("0 no", "locks are not reclaimed by a group"),
    },
}
_LIKE_NETFS: Final[Mapping[str, str | _Unless]] = {
    **_ATTRIBUTES["netfs"],
    "quick_status": _NO_NEED,
    "nfslock": _unless("0 no", "locks are not reclaimed by a group; the NFS server's own grace period does it"),
    "nfsrestart": _unless("0 no", "the NFS server is not restarted; the processes that keep it busy are named"),
    "fsid": _NO_NEED,  # an export below it takes it
}
_OF_EVERY_RESOURCE: Final[Mapping[str, str | _Unless]] = {
    "service_name": _NO_NEED,
    "__enforce_timeouts": _unless("1 yes", "systemd always enforces TimeoutStartSec= and TimeoutStopSec="),
    "__max_failures": _VALIDATED,
    "__failure_expire_time": _VALIDATED,
    "__max_restarts": "restarts are counted for the whole group: MaxRestarts=",
    "__restart_expire_time": "restarts are counted for the whole group: RestartWindow=",
    "shutdown_wait": "it is TimeoutStopSec= of the unit",
    "startup_wait": "it is TimeoutStartSec= of the unit",
}
_TABLES: Final[Mapping[str, Mapping[str, str | _Unless]]] = {
    **_ATTRIBUTES,
    "fs": _LIKE_NETFS,
    "clusterfs": _LIKE_NETFS,
    "bind-mount": _ATTRIBUTES["netfs"],
}


def advice_for(tag: str, attribute: str, value: str) -> str | None:
    """What to do about it ("" for attribute: the element itself); "": nothing; None: it is not known at all."""
    if not attribute:
        return _ELEMENTS.get(tag)
    found = _TABLES.get(tag, {}).get(attribute, _OF_EVERY_RESOURCE.get(attribute))
    if isinstance(found, _Unless):
        return "" if value.strip().lower() in found.values | {""} else found.text
    return found
