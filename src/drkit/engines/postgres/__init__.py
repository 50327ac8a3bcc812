"""PostgreSQL, both ways: dumps of one snapshot in parallel streams, and a database that was compared with them."""

from drkit.engines.postgres.engine import PostgresEngine
from drkit.engines.postgres.options import DumpOptions

__all__ = ["DumpOptions", "PostgresEngine"]
