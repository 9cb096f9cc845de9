"""Fire drills: conducted by a process of its own (`python3 -m standfast.drills`), and their reports."""
