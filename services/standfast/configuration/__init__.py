"""What the administrator writes: systemd syntax, cluster.conf, units with [X-Standfast]."""
