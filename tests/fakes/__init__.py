"""Stand-ins for what is outside of the daemons."""
