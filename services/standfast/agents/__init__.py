"""Fence agents, run: by fenced for what is configured, by a console for what is not pushed yet."""
