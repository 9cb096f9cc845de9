"""RHCS's cluster.conf, read and translated: what `standfast import` makes of it."""
