"""What a person has done to a cluster, and asks of it, whatever he does it with: a command, or a console on the bus.

Nothing here knows a terminal: `telling` says how it goes on to whoever listens, and what is refused is a CommandError.
"""
