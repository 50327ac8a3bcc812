"""SQLite, both ways: a consistent copy out of a live database, and a checked file back into place."""

from drkit.engines.sqlite.engine import SqliteEngine

__all__ = ["SqliteEngine"]
