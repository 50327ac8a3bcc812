"""A Redis engine between servers of the tests, with what stands where sealing and a store stand in drkit."""

from pathlib import Path

from drkit.engines.redis import RedisEngine
from drkit.engines.redis.capture import Method
from drkit.model import Manifest, Restored, Wishes
from servers.redis import program
from sqlite_vault import Vault, utc_now

DRILL = Wishes(compare="off", tolerant=True)


def engine_of(
    url: str, kind: str = "redis-7", scratch: Path | None = None, method: Method = "sync", lent: str = ""
) -> RedisEngine:
    given = (lambda: lent) if lent else None
    return RedisEngine(lambda: url, method, program(kind).parent, scratch, given, clock=utc_now)


def capture(engine: RedisEngine) -> Vault:
    vault = Vault()
    vault.captured = engine.capture(vault.begin)
    return vault


def manifest_of(vault: Vault, name: str = "1") -> Manifest:
    (at,) = vault.begun
    assert vault.captured
    return Manifest(name, "shop/cache", "redis", at, at, at, vault.captured.pieces, "run", "test")


def restore(engine: RedisEngine, vault: Vault, target: str, name: str = "1", wishes: Wishes = Wishes()) -> Restored:  # noqa: B008
    return engine.restore(manifest_of(vault, name), vault.load, target, wishes)
