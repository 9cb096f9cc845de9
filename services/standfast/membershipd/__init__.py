"""The node's Corosync: its configuration, the view, the nodes and their links."""
