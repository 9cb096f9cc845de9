"""Quorum and votes, as votequorum tells them for the ring of the current view."""
