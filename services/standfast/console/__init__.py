"""What a graphical console needs besides what the daemons publish (Console1). Whoever calls it starts it."""
