"""The endpoint for Prometheus: a service of its own that reads what the daemons publish, and this node's journal."""
