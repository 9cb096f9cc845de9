"""Turns a loss into a proof with the fence agents."""
