"""Mounted file systems and the devices below them, as the kernel tells of them; nothing mounted is ever touched."""
