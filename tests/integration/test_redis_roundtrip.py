"""Redis and Valkey, there and back: every type in every encoding, expiries to the millisecond, functions, databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from drkit.errors import ConfigError, NotRestorable, ObjectiveMissed, UsageError
from drkit.model import Wishes
from recovering import short_folder
from redis_vault import DRILL, capture, engine_of, manifest_of, restore
from servers.redis import KINDS, Redis, fill, redis_server


@pytest.fixture(scope="module", params=KINDS)
def source(request: pytest.FixtureRequest) -> Iterator[Redis]:
    with redis_server(request.param) as server:
        fill(server)
        yield server


@pytest.fixture(scope="module")
def shop() -> Iterator[Redis]:
    with redis_server() as server:
        fill(server)
        yield server


@pytest.fixture
def target() -> Iterator[Redis]:
    with redis_server() as server:
        yield server


@pytest.fixture
def scratch() -> Iterator[Path]:
    with short_folder() as folder:
        yield folder


def same(server: Redis, other: Redis) -> bool:
    """Redis 6 tells only how long a key has left, and so not exactly the same twice."""
    if server.kind != "redis-6":
        return server.contents() == other.contents()
    return {key: value for key, (value, _) in server.contents().items()} == {
        key: value for key, (value, _) in other.contents().items()
    }


@pytest.mark.parametrize("method", ["sync", "scan"])
def test_an_empty_server_gets_all_that_was_captured(source: Redis, method: str) -> None:
    engine = engine_of(source.url, source.kind, method="sync" if method == "sync" else "scan")
    vault = capture(engine)
    with redis_server(source.kind) as target:
        restored = restore(engine, vault, target.url)
        assert restored.verified
        assert target.call("EXISTS", "drkit:unfinished-restore") == 0
        assert same(source, target)
        if source.kind != "redis-6":
            assert target.call("FUNCTION", "LIST") == source.call("FUNCTION", "LIST")


def test_a_server_that_is_started_with_the_file_has_all_that_was_captured(source: Redis, tmp_path: Path) -> None:
    engine = engine_of(source.url, source.kind)
    restore(engine, capture(engine), str(tmp_path / "dump.rdb"))
    with redis_server(source.kind, settings={"dir": str(tmp_path)}) as target:
        assert same(source, target)


def test_a_drill_passes_on_a_server_of_its_own_and_leaves_nothing(source: Redis, scratch: Path) -> None:
    engine = engine_of(source.url, source.kind, scratch)
    vault = capture(engine)
    with engine.scratch(manifest_of(vault), vault.load) as place:
        assert "without TCP" in place.place
        restore(engine, vault, place.target, wishes=DRILL)
        checks = {check.name: check.outcome for check in engine.prove(manifest_of(vault), vault.load, place.target)}
    functions = {"functions": "passed"} if source.kind != "redis-6" else {}
    expected = ("first query", "database 0", "database 3", "database 15")
    assert checks == {**dict.fromkeys(expected, "passed"), **functions}
    assert list(scratch.iterdir()) == []


def test_a_newer_server_takes_what_an_older_one_gave_and_an_older_one_refuses(shop: Redis) -> None:
    engine = engine_of(shop.url)
    vault = capture(engine)
    with redis_server("redis-8") as newer:
        assert restore(engine, vault, newer.url).verified
        assert newer.contents() == shop.contents()
    with redis_server("redis-6") as older:
        with pytest.raises(NotRestorable, match="reads version 9 of the format"):
            restore(engine, vault, older.url)
        assert older.contents() == {}


def test_what_valkey_added_is_refused_by_redis(tmp_path: Path, target: Redis) -> None:
    with redis_server("valkey-9") as source:
        fill(source)
        vault = capture(engine_of(source.url))
    with pytest.raises(NotRestorable, match="version 80"):
        restore(engine_of(""), vault, target.url)
    engine = engine_of("", "redis-7", tmp_path)
    with pytest.raises(ConfigError, match="what Valkey 9\\.1\\.2 gave needs its server program"):  # noqa: SIM117
        with engine.scratch(manifest_of(vault), vault.load):
            pass


def test_a_snapshot_from_the_disk_of_the_server_is_read_as_well() -> None:
    with redis_server(settings={"repl-diskless-sync": "no"}) as source, redis_server() as target:
        fill(source)
        engine = engine_of(source.url)
        assert restore(engine, capture(engine), target.url).verified
        assert target.contents() == source.contents()


def test_an_empty_server_is_captured_and_restored(target: Redis) -> None:
    with redis_server() as source:
        for method in ("sync", "scan"):
            engine = engine_of(source.url, method="sync" if method == "sync" else "scan")
            assert restore(engine, capture(engine), target.url).verified
    assert target.contents() == {}


def test_keys_whose_time_is_over_do_not_come_back_and_that_is_told(shop: Redis, target: Redis) -> None:
    with redis_server() as source:
        source.call("SET", "stays", "1")
        source.call("SET", "goes", "2", "PX", 60)
        engine = engine_of(source.url)
        vault = capture(engine)
        while source.call("EXISTS", "goes"):
            pass
    restored = restore(engine, vault, target.url)
    assert restored.verified
    assert restored.notes == ("1 of 2 keys had come to the end of their time, and are not there",)
    assert set(target.contents()) == {(0, b"stays")}


def test_a_server_that_is_not_empty_is_refused_and_stays_as_it_is(shop: Redis, target: Redis) -> None:
    engine = engine_of(shop.url)
    vault = capture(engine)
    target.calls(("SELECT", 7), ("SET", "mine", "1"))
    with pytest.raises(UsageError, match="is not empty: it has 1 key in database 7"):
        restore(engine, vault, target.url)
    assert set(target.contents()) == {(7, b"mine")}


def test_a_file_that_exists_is_refused_and_stays_as_it_is(shop: Redis, tmp_path: Path) -> None:
    file = tmp_path / "dump.rdb"
    file.write_bytes(b"mine")
    with pytest.raises(UsageError, match="exists"):
        restore(engine_of(shop.url), capture(engine_of(shop.url)), str(file))
    assert file.read_bytes() == b"mine"


@pytest.mark.parametrize("wishes", [Wishes(swap=True), Wishes(tables=("a",)), Wishes(schema_only=True)])
def test_what_means_nothing_here_is_refused(wishes: Wishes) -> None:
    with pytest.raises(UsageError):
        engine_of("").check_target("redis://127.0.0.1:1", wishes)


def test_a_restore_that_was_cut_off_is_marked_and_finished_by_the_next(shop: Redis, target: Redis) -> None:
    engine = engine_of(shop.url)
    vault = capture(engine)
    whole = vault.kept["dump"]
    vault.kept["dump"] = [b"".join(whole)[:-3000]]
    with pytest.raises(Exception, match="ends in the middle"):
        restore(engine, vault, target.url)
    assert target.call("GET", "drkit:unfinished-restore") == b"1"
    vault.kept["dump"] = whole
    with pytest.raises(UsageError, match="holds an unfinished restore of 1"):
        restore(engine, vault, target.url, name="2")
    with pytest.raises(Exception, match="unfinished restore"):
        capture(engine_of(target.url))
    assert restore(engine, vault, target.url).verified
    assert target.contents() == shop.contents()


def test_a_restore_over_what_somebody_else_wrote_meanwhile_is_no_success(shop: Redis, target: Redis) -> None:
    engine = engine_of(shop.url)
    vault = capture(engine)
    target.call("SET", "drkit:unfinished-restore", "1")
    target.call("SET", "text", "somebody else's")
    with pytest.raises(ObjectiveMissed, match="does not hold what was captured: database 0"):
        restore(engine, vault, target.url)
    assert target.call("GET", "text") == b"somebody else's"
    assert target.call("GET", "drkit:unfinished-restore") == b"1"


def limit(server: Redis, policy: str) -> None:
    """To half of what `heavy` takes."""
    used = int(
        dict(row.split(":") for row in server.call("INFO", "memory").decode().split("\r\n")[1:-1])["used_memory"]
    )
    server.call("CONFIG", "SET", "maxmemory", used + 2_000_000, "maxmemory-policy", policy)


@pytest.fixture(scope="module")
def heavy() -> Iterator[Redis]:
    with redis_server(settings={"rdbcompression": "no"}) as server:
        server.calls(*(("SET", f"key {each}", "x" * 10_000) for each in range(400)))
        yield server


def test_a_server_that_evicts_what_is_put_into_it_is_no_success(heavy: Redis, target: Redis) -> None:
    limit(target, "volatile-ttl")
    heavy.calls(*(("PEXPIREAT", f"key {each}", 1_900_000_000_000) for each in range(400)))
    with pytest.raises(ObjectiveMissed, match="does not hold what was captured"):
        restore(engine_of(heavy.url), capture(engine_of(heavy.url)), target.url)
    assert target.call("EXISTS", "drkit:unfinished-restore") == 1


def test_a_server_without_room_says_so(heavy: Redis, target: Redis) -> None:
    limit(target, "noeviction")
    with pytest.raises(NotRestorable, match="has no memory left"):
        restore(engine_of(heavy.url), capture(engine_of(heavy.url)), target.url)
    assert target.call("EXISTS", "drkit:unfinished-restore") == 1


@pytest.mark.parametrize(
    ("harm", "subject"),
    [
        (("SET", "text", "other"), "database 0"),
        (("DEL", "session:1"), "database 0"),
        (("PERSIST", "session:1"), "database 0"),
        (("PEXPIRE", "text", 10**9), "database 0"),
        (("LSET", "list", 0, "b"), "database 0"),
        (("HSET", "long hash", "f699", "x"), "database 0"),
        (("XACK", "stream", "workers", "2-1"), "database 0"),
        (("ZINCRBY", "scores", "0.000001", "a"), "database 0"),
        (("FUNCTION", "DELETE", "shop"), "functions"),
        (("SWAPDB", 3, 15), "database 3"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else value,
)
def test_a_drill_finds_whatever_is_not_as_it_was_captured(
    shop: Redis, target: Redis, harm: tuple[str | int, ...], subject: str
) -> None:
    engine = engine_of(shop.url, lent=target.url)
    vault = capture(engine)
    with engine.scratch(manifest_of(vault), vault.load) as place:
        restore(engine, vault, place.target, wishes=DRILL)
        target.call(*harm)
        checks = {check.name: check.outcome for check in engine.prove(manifest_of(vault), vault.load, place.target)}
    assert checks[subject] == "failed"
    assert target.contents() == {}


def test_a_lent_server_that_is_not_empty_or_is_the_source_is_refused(shop: Redis, target: Redis) -> None:
    vault = capture(engine_of(shop.url))
    target.call("SET", "mine", "1")
    for url, why in ((shop.url, "is the source itself"), (target.url, "is not empty")):
        engine = engine_of(shop.url, lent=url)
        with pytest.raises(ConfigError, match=why):  # noqa: SIM117
            with engine.scratch(manifest_of(vault), vault.load):
                pass
    tunnel = engine_of("", lent=shop.url)  # whose place nobody knows
    with pytest.raises(ConfigError, match="is the captured one"):  # noqa: SIM117
        with tunnel.scratch(manifest_of(vault), vault.load):
            pass
    assert target.call("GET", "mine") == b"1"


def test_what_a_dead_drill_left_on_a_lent_server_is_removed_and_a_living_ones_is_not(
    shop: Redis, target: Redis
) -> None:
    from drkit.disk.life import name_process

    engine = engine_of(shop.url, lent=target.url)
    vault = capture(engine)
    target.call("SET", "drkit:drill", name_process())
    target.call("SET", "left", "1")
    with pytest.raises(NotRestorable, match="is used by the drill of"):  # noqa: SIM117
        with engine.scratch(manifest_of(vault), vault.load):
            pass
    target.call("SET", "drkit:drill", name_process(2**22 - 1).rpartition("/")[0] + "/12345")
    with engine.scratch(manifest_of(vault), vault.load):
        assert target.call("EXISTS", "left") == 0
    assert target.contents() == {}
