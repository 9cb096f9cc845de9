"""The addresses of standfast-ip@ADDRESS.service: one process that looks after all of them.

Each unit's own process (units/standfast-address, a shell script of 0.1 MiB) adds its address, and this one says when:
it probes for duplicates, announces, defends, and watches links and addresses. Its imports are few on purpose, plain
classes instead of dataclasses: 20 ms and a few MiB instead of 150 ms and 29 MiB with pyroute2.
"""
