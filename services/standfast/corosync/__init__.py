"""Corosync's client libraries, bound with ctypes."""
