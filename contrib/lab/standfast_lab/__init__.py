"""A test cluster of real machines on this one (DESIGN section 13).

The lab knows Standfast; nothing of Standfast knows the lab.
"""
