"""One look at what a resource does for its users: a checker for each type of probe, imported when one is used."""
