"""OCF resource agents as units: the program behind standfast-ocf@NAME.service."""
