"""The program behind standfast-ip@ADDRESS.service.

One process runs for each address, so its imports are few on purpose: socket and struct, plain classes instead of
dataclasses. That is 9 MiB (4 of its own) and 20 ms instead of 29 MiB and 150 ms with pyroute2.
"""
