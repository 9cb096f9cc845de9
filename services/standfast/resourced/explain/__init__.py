"""`standfast explain`: why a group or a node is as it is, from the plan's own reasons (DESIGN section 12). Pure."""
