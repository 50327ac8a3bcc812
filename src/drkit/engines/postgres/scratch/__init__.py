"""Where drills restore to: a throw-away server of drkit's own, or a database on one that was lent for it."""
