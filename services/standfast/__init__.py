"""Standfast: a high-availability cluster whose resources are systemd units."""
