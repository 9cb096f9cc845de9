"""The commands of the Red Hat Cluster Suite, answered by Standfast: what they print and how they end is RHCS's.

Where RHCS's answer would be untrue here (locks, votes set by hand, a fence domain to leave) a command says so and
fails.
"""
