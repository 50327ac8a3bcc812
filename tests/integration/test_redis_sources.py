"""Redis servers as they are met: with users of few rights, with TLS, as replicas, at work, and gone in the middle."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Thread

import pytest

from drkit.engines.redis.line import Server
from drkit.engines.redis.replica import snapshot
from drkit.engines.redis.url import parse_url
from drkit.errors import CaptureError, ConfigError, NotRestorable, SourceUnavailable
from redis_vault import capture, engine_of, restore
from servers.certificates import Certificates, make_ca_and_server
from servers.cutting import line_to
from servers.redis import FAR, Redis, fill, redis_server
from sqlite_vault import utc_now

REPLICATING = ("+psync", "+replconf", "+ping", "+time", "+info")
SCANNING = ("+scan", "+dump", "+pexpiretime", "+select", "+multi", "+exec", "+info", "+time", "+function|dump", "~*")
RESTORING = ("+restore", "+set", "+get", "+del", "+exists", "+select", "+info", "+time", "+function|load", "~*")
COMPARING = ("+psync", "+replconf", "+dump", "+client|list", "+client|setname")


@pytest.fixture(scope="module")
def shop() -> Iterator[Redis]:
    with redis_server() as server:
        fill(server)
        yield server


@pytest.fixture
def target() -> Iterator[Redis]:
    with redis_server() as server:
        yield server


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_ca_and_server(tmp_path_factory.mktemp("redis-tls"))


def user_of(server: Redis, *rights: str) -> str:
    server.call("ACL", "SETUSER", "backup", "reset", "on", ">a secret@/:", *rights)
    return server.url_of("backup", "a%20secret%40%2F%3A")


def test_a_user_that_may_replicate_and_nothing_else_is_enough(shop: Redis, target: Redis) -> None:
    url = user_of(shop, *REPLICATING)
    engine = engine_of(url)
    assert [finding.check for finding in engine.check() if not finding.passed] == []
    restore(engine, capture(engine), target.url)
    assert target.contents() == shop.contents()


def test_without_time_and_info_it_still_works_and_says_what_is_not_known(shop: Redis) -> None:
    vault = capture(engine_of(user_of(shop, "+psync", "+replconf")))
    assert vault.captured
    [note] = vault.captured.notes
    assert "does not let its user ask for TIME" in note


def test_a_user_that_may_not_replicate_is_told_what_to_allow(shop: Redis) -> None:
    engine = engine_of(user_of(shop, "+@read", "+info", "~*"))
    [finding] = [each for each in engine.check() if not each.passed]
    assert (finding.check, "+psync" in finding.hint, 'method = "scan"' in finding.hint) == ("replication", True, True)
    with pytest.raises(CaptureError, match="does not let its user run PSYNC") as caught:
        capture(engine)
    assert "+psync" in caught.value.hint


def test_a_service_that_hides_replication_is_read_key_by_key(target: Redis) -> None:
    with redis_server(settings={"rename-command": "PSYNC hidden"}) as managed:
        fill(managed)
        with pytest.raises(CaptureError, match="does not let its user run PSYNC"):
            capture(engine_of(managed.url))
        engine = engine_of(user_of(managed, *SCANNING), method="scan")
        assert [finding.check for finding in engine.check() if not finding.passed] == []
        vault = capture(engine)
        assert vault.captured
        assert "not of one moment" in vault.captured.notes[0]
        assert restore(engine, vault, target.url).verified
        assert target.contents() == managed.contents()


def test_a_target_that_hides_replication_is_compared_key_by_key(shop: Redis) -> None:
    with redis_server(settings={"rename-command": "PSYNC hidden"}) as managed:
        assert restore(engine_of(shop.url), capture(engine_of(shop.url)), managed.url).verified
        assert managed.contents() == shop.contents()


def test_a_user_that_may_only_restore_is_enough_to_restore(shop: Redis, target: Redis) -> None:
    vault = capture(engine_of(shop.url))
    assert restore(engine_of(""), vault, user_of(target, *RESTORING, *COMPARING)).verified


def test_keys_that_cannot_be_read_back_are_not_called_compared(shop: Redis, target: Redis) -> None:
    vault = capture(engine_of(shop.url))
    restored = restore(engine_of(""), vault, user_of(target, *RESTORING, "+dump"))
    assert not restored.verified
    assert "could not be read back" in restored.notes[0]
    assert target.contents() == shop.contents()


@pytest.mark.parametrize(
    ("password", "why"), [("wrong", "does not accept the user or the password"), ("", "wants a password")]
)
def test_a_wrong_password_is_told_without_it(shop: Redis, password: str, why: str) -> None:
    with pytest.raises(CaptureError, match=why) as caught:
        capture(engine_of(shop.url_of("default", password)))
    assert shop.password not in f"{caught.value}{caught.value.hint}"


def test_tls_is_spoken_by_the_scheme_and_the_certificate_is_verified(certificates: Certificates) -> None:
    with redis_server(tls=certificates) as source, redis_server(tls=certificates) as target:
        fill(source)
        engine = engine_of(source.url)
        assert restore(engine, capture(engine), target.url).verified
        assert target.contents() == source.contents()
        stranger = source.url.partition("?")[0]
        with pytest.raises(CaptureError, match="shows a certificate that cannot be verified"):
            capture(engine_of(stranger))
        assert capture(engine_of(f"{stranger}?ssl_cert_reqs=none")).captured
        with pytest.raises(CaptureError, match="closed the connection"):
            capture(engine_of(stranger.replace("rediss://", "redis://")))


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("localhost:6379", "begins with"),
        ("redis://:a#b@host", "cannot be read"),
        ("redis://u:p@w@host", "# or an @"),
        ("redis://", "names no host"),
        ("unix://host/socket", "names no host"),
        ("redis://host:99999", "cannot be read"),
        ("redis://host?secret=x", "does not know: secret"),
        ("rediss://host?ssl_cert_reqs=maybe", "neither required nor none"),
        ("rediss://host?ssl_ca_certs=/none/such", "cannot be read"),
    ],
)
def test_a_url_that_cannot_be_meant_is_refused_without_repeating_it(url: str, why: str) -> None:
    with pytest.raises((ConfigError, SourceUnavailable), match=why):
        Server(parse_url(url), CaptureError, SourceUnavailable).line().__enter__()


@pytest.mark.parametrize(
    "url",
    ["redis://host/0", "redis://host:6380?db=3", "redis://:p@h", "unix:///run/redis.sock?db=1", "redis://[::1]:7000"],
)
def test_urls_of_other_clients_are_understood(url: str) -> None:
    assert str(parse_url(url))


@pytest.mark.parametrize("cut_after", [0, 60, 500, 20_000, 46_000])
def test_a_line_that_is_cut_is_no_backup(shop: Redis, cut_after: int) -> None:
    with line_to("127.0.0.1", shop.port, cut_after) as line:
        engine = engine_of(shop.url_of("default", shop.password, line.port))
        with pytest.raises(SourceUnavailable):
            capture(engine)


def test_a_server_that_dies_in_the_middle_is_no_backup() -> None:
    with redis_server(settings={"rdb-key-save-delay": "2000"}) as source:
        source.calls(*(("SET", f"key {each}", "x" * 9000) for each in range(400)))
        server = Server(parse_url(source.url), CaptureError, SourceUnavailable)
        with pytest.raises(SourceUnavailable, match="closed the connection"):  # noqa: SIM117
            with snapshot(server) as chunks:
                next(chunks)
                source.kill()
                for _ in chunks:
                    pass


def test_a_server_that_is_gone_may_come_back() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(SourceUnavailable, match="refuses connections"):
        capture(engine_of(f"redis://127.0.0.1:{port}"))


def test_a_replica_is_captured_and_one_without_its_master_is_refused(shop: Redis, target: Redis) -> None:
    settings = {"replicaof": f"127.0.0.1 {shop.port}", "masterauth": shop.password}
    with redis_server(settings=settings) as replica:
        while b"master_link_status:up" not in replica.call("INFO", "replication"):
            pass
        vault = capture(engine_of(replica.url))
        assert vault.captured
        assert "is a replica" in vault.captured.notes[0]
        restore(engine_of(""), vault, target.url)
        assert target.contents() == shop.contents()
    with redis_server(settings={"replicaof": "127.0.0.1 1"}) as lost:
        [finding] = [each for each in engine_of(lost.url).check() if not each.passed]
        assert finding.detail == "it is a replica that has lost its master"
        with pytest.raises(CaptureError, match="has lost its master"):
            capture(engine_of(lost.url))
        with pytest.raises(NotRestorable, match="is a replica, and lets nobody write"):
            restore(engine_of(""), vault, lost.url)


def test_the_delay_of_diskless_replication_is_waited_for() -> None:
    with redis_server(settings={"repl-diskless-sync-delay": "1"}) as source:
        source.call("SET", "a", "1")
        began = utc_now()
        vault = capture(engine_of(source.url))
        assert vault.begun[0] > began + timedelta(milliseconds=100)


def test_the_moment_is_that_of_the_fork_even_where_a_snapshot_was_begun_for_somebody_else() -> None:
    settings = {"repl-diskless-sync": "no", "rdb-key-save-delay": "5000"}
    with redis_server(settings=settings) as source:
        source.calls(*(("SET", f"key {each}", each) for each in range(400)))
        server = Server(parse_url(source.url), CaptureError, SourceUnavailable)
        with _beginning(server):
            while b"rdb_bgsave_in_progress:1" not in source.call("INFO", "persistence"):
                pass
            forked = utc_now()
            while utc_now() < forked + timedelta(seconds=1.2):  # so that another second stands in between
                pass
            source.call("SET", "later", "1")
            vault = capture(engine_of(source.url))
    assert vault.begun[0] < forked + timedelta(seconds=1.1)
    assert b"later" not in b"".join(vault.kept["dump"])


@contextmanager
def _beginning(server: Server) -> Iterator[None]:
    """Somebody else asks for a snapshot, and takes it as it comes."""

    def take() -> None:
        with snapshot(server) as chunks:
            for _ in chunks:
                pass

    thread = Thread(target=take)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def test_nothing_later_than_its_moment_is_in_a_snapshot_of_a_server_that_is_written_to(target: Redis) -> None:
    with redis_server() as source:
        over: list[bool] = []

        def write() -> None:
            while not over:
                source.call("SET", "written", f"{utc_now():%s.%f}")

        source.call("SET", "written", "0")
        writer = Thread(target=write)
        writer.start()
        try:
            vaults = [capture(engine_of(source.url)) for _ in range(5)]
        finally:
            over.append(True)
            writer.join()
    for vault in vaults:
        target.call("FLUSHALL")
        restore(engine_of(""), vault, target.url)
        assert float(target.call("GET", "written")) <= vault.begun[0].timestamp()


def test_expiries_are_kept_to_the_millisecond(shop: Redis, target: Redis) -> None:
    restore(engine_of(shop.url), capture(engine_of(shop.url)), target.url)
    assert target.call("PEXPIRETIME", "session:1") == FAR


def test_something_that_is_no_redis_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            client, _ = listener.accept()
            with client:
                client.recv(100)
                client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = Thread(target=answer)
        thread.start()
        with pytest.raises(Exception, match="does not speak the protocol of Redis"):
            capture(engine_of(f"redis://127.0.0.1:{listener.getsockname()[1]}"))
        thread.join()
