"""standfast-alerts: runs the executables of alerts.d and starts units when something happens; nothing waits for it."""
