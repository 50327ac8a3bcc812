"""Redis and Valkey, both ways: a snapshot by the replication protocol, and back into an empty server or a file."""

from drkit.engines.redis.engine import RedisEngine

__all__ = ["RedisEngine"]
