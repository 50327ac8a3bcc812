"""Following real servers: what is stored is the server's own log, byte by byte, whatever happens to the follower."""

import os
import re
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from threading import Thread
from time import monotonic, sleep
from typing import Any

import psycopg
import pytest

from drkit import catalog
from drkit.lsn import parse_lsn
from postgres.programs import MAJORS
from servers.cutting import line_to
from servers.physical import SOURCE, PhysicalSystem, make_physical, physical_system, server_settings, tool
from servers.postgres import postgres_server
from servers.proxy import Exchange, answer_error, forward, proxy_before, stall
from servers.s3_server import S3Server
from servers.standby import catch_up, standby_of

SLOT = "drkit_shop_main"
GONE = answer_error(503, "ServiceUnavailable")
NOISE = "SELECT n, repeat(md5(n::text), 8) AS note FROM generate_series(1, 400000) n"  # 130 MB of log
OUTAGE = float(os.environ.get("DRKIT_TEST_OUTAGE", "0"))  # in seconds; the long form takes ten minutes


def assert_log_is_the_servers(system: PhysicalSystem, timeline: int = 1) -> None:
    start, body = system.stored_bytes(timeline)
    assert body == system.server_bytes(start, len(body), timeline)
    assert start + len(body) <= system.position()


@pytest.mark.parametrize("major", MAJORS)
def test_the_stored_log_is_the_servers_byte_by_byte(tmp_path: Path, major: int) -> None:
    with physical_system(tmp_path, major, wal_keep_size="1GB") as system:
        with system.following() as follower:
            system.fill(2)
            system.await_stored()
            assert follower.end() == 130
        assert_log_is_the_servers(system)


def test_a_follower_that_is_killed_again_and_again_leaves_no_gap(tmp_path: Path) -> None:
    dice = Random(6)
    with physical_system(tmp_path, 17, interval="0.2s", wal_keep_size="2GB") as system:
        system.fill(2)
        with system.load("-c", "2", "-T", "600", "-R", "600"):
            for _ in range(40):
                wanted = system.furthest() + dice.randrange(1, 1 << 20)
                with system.following() as follower:
                    system.wait_for(lambda: system.furthest() >= wanted)  # noqa: B023  used before the next round
                    follower.kill()
            with system.following() as follower:
                system.await_stored()
                follower.end()
        assert not catalog.gaps(system.log().spans)
        assert_log_is_the_servers(system)


def test_what_the_server_may_forget_is_in_the_store(tmp_path: Path) -> None:
    with (
        physical_system(tmp_path, interval="0.3s") as system,
        system.following(),
        system.load("-i", "-q", "-s", "3") as load,
    ):
        while load.poll() is None:
            restart, _ = system.slot() if system.server.query("SELECT FROM pg_replication_slots") else (0, False)
            assert restart is not None
            assert restart <= system.furthest() or not system.log().spans


def test_an_idle_server_is_covered_until_now_all_the_same(tmp_path: Path) -> None:
    more = 'objectives = { rpo = "6s" }'
    with physical_system(tmp_path, more=more) as system, system.following():
        system.await_stored()
        asked = datetime.now(UTC)
        system.wait_for(lambda: (catalog.newest(system.log().spans) or never()).covered_until > asked)
        assert len([span for span in system.log().spans if not span.size]) <= 3


def never() -> catalog.Span:
    return catalog.Span("", 1, 0, 0, catalog.NOTHING_KNOWN)


def test_small_spans_become_whole_units_without_a_gap_in_any_listing(tmp_path: Path) -> None:
    with physical_system(tmp_path, interval="0.2s", wal_keep_size="1GB") as system, system.following() as follower:
        system.fill(1)
        for _ in range(3):
            for statement in ("INSERT INTO pgbench_history VALUES (1, 1, 1, 1)", "SELECT pg_switch_wal()"):
                system.server.execute(statement)
                system.await_stored()
            assert not catalog.gaps(system.log().spans)
        whole = [span for span in system.log().spans if span.size == 16 << 20]
        assert whole
        assert set(catalog.superseded(system.log().spans))
        follower.end()
        assert_log_is_the_servers(system)


def test_as_a_synchronous_standby_a_commit_returns_when_its_log_is_in_the_store(tmp_path: Path) -> None:
    with physical_system(
        tmp_path, 17, more="synchronous = true", synchronous_standby_names=SLOT, synchronous_commit="local"
    ) as system:
        system.server.execute("CREATE TABLE paid (number int)")
        acknowledged: list[int] = []
        with system.following() as follower:
            system.wait_for(lambda: system.server.query("SELECT FROM pg_stat_replication WHERE sync_state = 'sync'"))
            payers = [Thread(target=pay, args=(system.server.dsn(), acknowledged)) for _ in range(3)]
            for payer in payers:
                payer.start()
            system.wait_for(lambda: len(acknowledged) >= 60)
            known = list(acknowledged)
            follower.kill()  # nobody stores what is in its memory any more
            system.server.crash()
            for payer in payers:
                payer.join()
        folder = tmp_path / "wal"
        folder.mkdir()
        assert set(known) <= system.commits(folder)


def pay(dsn: str, acknowledged: list[int]) -> None:
    """Until the server is gone."""
    try:
        with psycopg.connect(f"{dsn}?options=-csynchronous_commit%3Don", autocommit=True) as connection:
            while True:
                row = connection.execute(
                    "INSERT INTO paid VALUES (1) RETURNING pg_current_xact_id()::text::bigint"
                ).fetchone()
                assert row
                acknowledged.append(row[0])
    except psycopg.OperationalError:
        return


def test_a_second_follower_waits_and_takes_over(tmp_path: Path) -> None:
    with physical_system(tmp_path, wal_keep_size="1GB") as system, system.following() as first:
        system.await_stored()
        with system.following() as second:
            second.await_words("waiting to take over")
            system.fill(1)
            first.kill()
            second.await_words("following timeline 1")
            system.server.execute("CREATE TABLE later ()")
            system.await_stored()
            second.end()
        assert not catalog.gaps(system.log().spans)
        assert_log_is_the_servers(system)


def test_a_follower_that_reads_a_slow_store_while_another_one_goes_on_takes_no_log_for_lost(
    tmp_path: Path, moto_url: S3Server, use_server: Callable[[S3Server], None]
) -> None:
    use_server(moto_url)
    with proxy_before(moto_url) as (proxy, near), postgres_server(tmp_path, 17, server_settings()) as server:
        bucket = moto_url.new_bucket()
        system = make_physical(tmp_path, server, url=moto_url.url(bucket, "prod"), **moto_url.environment())
        with system.following() as first:
            system.await_stored()
            first.end()

        def meanwhile(exchange: Exchange) -> None:
            with system.following() as other:
                other.await_words("following timeline 1")
                system.server.execute("CREATE TABLE later AS SELECT generate_series(1, 10000)")
                system.await_stored()
                other.end()
            forward(exchange)

        schedule = system.folder / "schedules/shop.toml"
        slow = shutil.copytree(schedule.parent, system.folder / "slow")
        (slow / schedule.name).write_text(schedule.read_text().replace(system.url, near.url(bucket, "prod")))
        proxy.breaks("GET .*list-type=2.*%2Flog%2F", meanwhile)
        with system.following(DRKIT_CONFIG=str(slow)) as second:
            second.await_words("following timeline 1")
            system.server.execute("CREATE TABLE last ()")
            system.await_stored()
            second.end()
        assert not catalog.gaps(system.log().spans)


def test_a_store_that_is_gone_for_a_while_loses_nothing_and_fills_no_memory(
    tmp_path: Path, moto_url: S3Server, use_server: Callable[[S3Server], None]
) -> None:
    use_server(moto_url)
    with (
        proxy_before(moto_url) as (proxy, near),
        postgres_server(tmp_path, None, server_settings(wal_keep_size="4GB")) as server,
    ):
        url = near.url(moto_url.new_bucket(), "prod")
        system = make_physical(tmp_path, server, url=url, **near.environment())
        system.fill(1)
        with system.following() as follower, system.load("-n", "-c", "2", "-R", "200", "-T", "7200"):
            system.await_stored()
            broken = proxy.breaks("PUT .*log", GONE, times=1_000_000)
            server.execute(f"CREATE TABLE noise AS {NOISE}")
            until = monotonic() + OUTAGE
            while monotonic() < until:
                sleep(1)
            system.wait_for(lambda: broken.met)
            kept, stored = system.slot()[0], system.furthest()
            assert kept is not None
            assert kept <= stored < system.position() - (100 << 20)
            broken.times = 0
            system.await_stored()
            assert follower.peak_memory < 250 << 20
            follower.end()
        assert_log_is_the_servers(system)


def test_a_server_that_is_short_of_room_for_our_log_is_told_of_in_the_store_until_there_is_room(
    tmp_path: Path, moto_url: S3Server, use_server: Callable[[S3Server], None]
) -> None:
    use_server(moto_url)
    limited = server_settings(max_slot_wal_keep_size="200MB", checkpoint_timeout="1h", max_wal_size="1GB")
    with proxy_before(moto_url) as (proxy, near), postgres_server(tmp_path, 17, limited) as server:
        url = near.url(moto_url.new_bucket(), "prod")
        system = make_physical(tmp_path, server, url=url, **near.environment())
        system.drkit.ok("backup", "now")
        with system.following() as follower:
            system.await_stored()
            follower.end()
        server.execute(f"CREATE TABLE noise AS {NOISE}")
        broken = proxy.breaks("PUT .*/log/", GONE, times=1_000_000)
        with system.following() as follower:
            [trouble] = system.wait_for(lambda: alarms(system))
            assert "the server gives up the log that it keeps for drkit after" in trouble["what"]
            assert "max_slot_wal_keep_size" in trouble["next_step"]
            assert follower.await_words("gives up the log")["level"] == "warning"
            broken.times = 0
            system.await_stored()
            system.wait_for(lambda: not alarms(system))
            follower.end()


def alarms(system: PhysicalSystem) -> list[Any]:
    [told] = system.drkit("status", "--json").document["sources"]
    return [trouble for trouble in told["troubles"] if trouble["kind"] == "follower"]


def test_a_promotion_is_followed_to_the_new_timeline(tmp_path: Path) -> None:
    with physical_system(tmp_path, 17, wal_keep_size="1GB") as system, standby_of(system.server, tmp_path) as standby:
        both = f"host=127.0.0.1,127.0.0.1 port={system.server.port},{standby.port} user=postgres"
        both += f" password={system.server.password} dbname=postgres target_session_attrs=read-write"
        with system.following(DATABASE_URL=both) as follower:
            system.fill(1)
            system.await_stored()
            system.wait_for(lambda: catch_up(system.server, standby))
            system.server.crash()
            standby.execute("SELECT pg_promote()")
            standby.execute("CREATE TABLE after_it AS SELECT generate_series(1, 1000)")
            new = PhysicalSystem(system.folder, standby, system.drkit, system.url)
            new.wait_for(lambda: any(span.timeline == 2 for span in new.log().spans))
            new.wait_for(lambda: max(run.end for run in timeline_runs(new, 2)) >= new.position())
            follower.end()
        assert {timeline for _, timeline in new.log().histories} == {2}
        assert_log_is_the_servers(new, timeline=2)
        [old], [later] = timeline_runs(new, 1), timeline_runs(new, 2)
        assert later.start <= old.end
        assert later.start % (16 << 20) == 0


def timeline_runs(system: PhysicalSystem, timeline: int) -> list[catalog.Run]:
    return [run for run in catalog.join_spans(system.log().spans) if run.timeline == timeline]


def test_a_standby_that_is_followed_is_followed_through_its_promotion(tmp_path: Path) -> None:
    with physical_system(tmp_path, 17, wal_keep_size="1GB") as system, standby_of(system.server, tmp_path) as standby:
        new = PhysicalSystem(system.folder, standby, system.drkit, system.url)
        with system.following(DATABASE_URL=standby.dsn()) as follower:
            system.fill(1)
            system.await_stored(system.position())
            standby.execute("SELECT pg_promote()", "CREATE TABLE after_it ()")
            follower.await_words("timeline 2 goes on")
            new.wait_for(lambda: [run for run in timeline_runs(new, 2) if run.end >= new.position()])
            follower.end()
        assert_log_is_the_servers(new, timeline=2)


def test_a_slot_that_was_lost_is_told_with_what_can_still_be_restored(tmp_path: Path) -> None:
    with physical_system(tmp_path, 17, max_slot_wal_keep_size="32MB", max_wal_size="64MB") as system:
        lose_slot(system)
        with system.following() as follower:
            code, lines = follower.await_end()
        assert code == 7
        error = lines[-1]
        assert "cannot be continued" in error["message"]
        assert "given up what it kept" in error["message"]
        assert "timeline 1 from" in error["message"]
        assert "--anew" in error["hint"]


def lose_slot(system: PhysicalSystem) -> None:
    with system.following() as follower:
        system.fill(1)
        system.await_stored()
        follower.kill()
    system.fill(10)
    system.server.execute("CHECKPOINT", "SELECT pg_switch_wal()", "CHECKPOINT")
    system.wait_for(lambda: system.slot()[0] is None)


def test_after_a_gap_the_log_begins_anew_where_that_is_accepted(tmp_path: Path) -> None:
    with physical_system(tmp_path, 17, max_slot_wal_keep_size="32MB", max_wal_size="64MB") as system:
        lose_slot(system)
        with system.following("--anew") as follower:
            told = follower.await_words("the log begins anew")
            assert "drkit backup now" in told["hint"]
            system.await_stored()
            follower.end()
        assert len(catalog.gaps(system.log().spans)) == 1


def test_where_it_is_configured_a_gap_is_answered_with_a_new_base_backup(tmp_path: Path) -> None:
    with physical_system(
        tmp_path, 17, more="rebase = true", max_slot_wal_keep_size="32MB", max_wal_size="64MB"
    ) as system:
        lose_slot(system)
        bases = len(catalog.survey(system.store, SOURCE).points)
        with system.following() as follower:
            system.wait_for(lambda: len(catalog.survey(system.store, SOURCE).points) > bases)
            base = system.manifest().base
            assert base
            system.await_stored(base.stop)
            follower.end()
        run = catalog.join_spans(system.log().spans)[-1]
        assert run.start <= base.start < base.stop <= run.end


def test_the_log_of_another_server_is_refused(tmp_path: Path) -> None:
    with physical_system(tmp_path / "one") as system, postgres_server(tmp_path / "one") as other:
        with system.following() as follower:
            system.await_stored()
            follower.end()
        with system.following(DATABASE_URL=other.dsn()) as follower:
            code, lines = follower.await_end()
        assert code == 7
        assert "it is another server" in lines[-1]["message"]


def test_a_server_that_lost_log_is_refused(tmp_path: Path) -> None:
    with physical_system(tmp_path, wal_keep_size="1GB") as system:
        with system.following() as follower:
            system.fill(1)
            system.await_stored()
            follower.end()
        [run] = catalog.join_spans(system.log().spans)
        ahead = catalog.Span(run.system, 1, run.end, run.end + (64 << 20), run.covered_until)
        system.store.put(catalog.span_key(SOURCE, ahead), iter([b"more than the server has"]))
        with system.following() as follower:
            code, lines = follower.await_end()
        assert code == 7
        assert "it has lost log" in lines[-1]["message"]


def test_another_history_of_the_same_timeline_is_refused(tmp_path: Path) -> None:
    with physical_system(tmp_path, 17, wal_keep_size="1GB") as system, standby_of(system.server, tmp_path) as standby:
        system.server.execute("CREATE TABLE t ()")
        system.wait_for(lambda: catch_up(system.server, standby))
        with standby_of(system.server, tmp_path) as clone:
            for each in (standby, clone):
                system.server.execute("INSERT INTO t DEFAULT VALUES")
                system.wait_for(lambda: catch_up(system.server, each))  # noqa: B023  used before the next round
                each.execute("SELECT pg_promote()")
            with system.following(DATABASE_URL=standby.dsn()) as follower:
                system.wait_for(lambda: timeline_runs(system, 2))
                follower.end()
            with system.following(DATABASE_URL=clone.dsn()) as follower:
                code, lines = follower.await_end()
        assert code == 7
        assert "another history" in lines[-1]["message"]


def test_a_server_that_crashes_and_comes_back_is_followed_on(tmp_path: Path) -> None:
    with physical_system(tmp_path, 17, wal_keep_size="1GB") as system, system.following() as follower:
        system.fill(1)
        system.await_stored()
        system.server.crash()
        follower.await_words("trying again")
        system.server.start()
        system.server.execute("CREATE TABLE later ()")
        system.await_stored()
        follower.end()
        assert_log_is_the_servers(system)


def test_a_source_that_is_dumped_has_no_log_to_follow(tmp_path: Path) -> None:
    with physical_system(tmp_path) as system:
        schedule = system.folder / "schedules/shop.toml"
        text = schedule.read_text().replace('method = "physical"\n', "")
        schedule.write_text(text.replace('log_interval = "1s"\n', ""))
        assert system.drkit("follow", SOURCE).code == 2


def test_what_was_on_the_servers_disk_by_a_spans_moment_lies_before_its_end(tmp_path: Path) -> None:
    with physical_system(tmp_path, 17, interval="0.3s", wal_keep_size="1GB") as system:
        system.fill(1)
        looks: list[tuple[datetime, int]] = []
        with system.load("-c", "2", "-T", "600"):
            for number in (1, 2):  # the second follower finds a backlog
                with system.following() as follower:
                    system.wait_for(lambda: look(system, looks) and len(moments(system)) > 6 * number)  # noqa: B023
                    follower.kill()
                start = system.position()
                system.wait_for(lambda: look(system, looks) and system.position() > start + (1 << 20))  # noqa: B023
        spans = [span for span in system.log().spans if span.covered_until in moments(system)]
        for span in spans:
            on_disk = max((position for at, position in looks if at <= span.covered_until), default=0)
            assert on_disk <= span.end


def moments(system: PhysicalSystem) -> set[datetime]:
    return {span.covered_until for span in system.log().spans} - {catalog.NOTHING_KNOWN}


def look(system: PhysicalSystem, looks: list[tuple[datetime, int]]) -> bool:
    """What was on the disk before a moment, and that moment: they are evaluated in this order."""
    [(position, at)] = system.server.query("SELECT pg_current_wal_flush_lsn() - '0/0'::pg_lsn, clock_timestamp()")
    looks.append((at.astimezone(UTC), int(position)))
    return True


def test_a_server_that_is_shut_down_is_stored_to_its_last_record(tmp_path: Path) -> None:
    with physical_system(tmp_path, 17, interval="30s") as system, system.following() as follower:
        system.wait_for(lambda: system.server.query("SELECT FROM pg_stat_replication WHERE state = 'streaming'"))
        system.server.execute("CREATE TABLE last ()")
        system.server.stop("fast")
        told = tool(system.server, "pg_controldata", str(system.server.data)).stdout.decode()
        [checkpoint] = re.findall(r"Latest checkpoint location: +(\S+)", told)
        assert system.furthest() > parse_lsn(checkpoint)
        system.server.start()
        follower.await_words("following timeline 1")
        follower.end()


def test_a_folder_that_takes_nothing_for_a_while_is_told_and_gets_the_rest_later(tmp_path: Path) -> None:
    with physical_system(tmp_path) as system, system.following() as follower:
        system.server.execute("CREATE TABLE before ()")
        system.await_stored()
        incoming = system.folder / "store/.incoming"
        incoming.rename(incoming.with_name("aside"))
        incoming.touch()
        system.server.execute("CREATE TABLE meanwhile ()")
        told = follower.await_words("the store takes no log")
        assert "Not a directory" in told["message"]
        kept, _ = system.slot()
        assert kept is not None
        assert kept < system.position()
        incoming.unlink()
        system.await_stored()
        follower.end()
        assert not catalog.gaps(system.log().spans)


def test_a_commit_waits_for_a_store_that_is_away_and_returns_when_it_is_back(
    tmp_path: Path, moto_url: S3Server, use_server: Callable[[S3Server], None]
) -> None:
    use_server(moto_url)
    settings = server_settings(synchronous_standby_names=SLOT)
    with proxy_before(moto_url) as (proxy, near), postgres_server(tmp_path, 17, settings) as server:
        url = near.url(moto_url.new_bucket(), "prod")
        system = make_physical(tmp_path, server, "synchronous = true", url=url, **near.environment())
        with system.following():
            server.execute("CREATE TABLE paid (number int)")
            broken = proxy.breaks("PUT .*log", GONE, times=1_000_000)
            payer = Thread(target=server.execute, args=("INSERT INTO paid VALUES (1)",))
            payer.start()
            system.wait_for(lambda: broken.met >= 3)
            assert payer.is_alive()
            broken.times = 0
            payer.join(60)
            assert not payer.is_alive()
            assert system.stored_to(system.slot()[0] or 1 << 60)


@pytest.mark.parametrize(
    ("more", "names", "told"),
    [
        ("synchronous = true", "", "COMMIT does not wait for the store"),
        ("", "*", "COMMIT waits for drkit"),
    ],
)
def test_a_server_that_waits_otherwise_than_the_schedule_says_is_told(
    tmp_path: Path, more: str, names: str, told: str
) -> None:
    system = physical_system(tmp_path, more=more, synchronous_standby_names=names)
    with system as started, started.following() as follower:
        assert follower.await_words(told)["level"] == "warning"


def test_a_follower_that_is_told_to_stop_does_not_wait_for_a_store_that_hangs(
    tmp_path: Path, moto_url: S3Server, use_server: Callable[[S3Server], None]
) -> None:
    use_server(moto_url)
    with proxy_before(moto_url) as (proxy, near), postgres_server(tmp_path, 17, server_settings()) as server:
        url = near.url(moto_url.new_bucket(), "prod")
        system = make_physical(tmp_path, server, url=url, **near.environment())
        with system.following() as follower:
            system.wait_for(lambda: system.log().spans)
            hanging = proxy.breaks("(PUT|POST) .*log", stall, times=1_000_000)
            noise = "CREATE TABLE noise AS SELECT sha512(n::text::bytea) FROM generate_series(1, 400000) n"
            server.execute(noise)
            system.wait_for(lambda: hanging.met >= 2)
            assert follower.end() == 130
            restart, _ = system.slot()
            assert restart is not None
            assert restart <= system.furthest()


def test_a_line_that_is_cut_again_and_again_leaves_no_gap(tmp_path: Path) -> None:
    dice = Random(14)
    with physical_system(tmp_path, 17, wal_keep_size="1GB") as system, ExitStack() as stack:
        schedule, way = system.folder / "schedules/shop.toml", system.folder / "way"
        schedule.write_text(schedule.read_text().replace("env:DATABASE_URL", f"file:{way}"))
        cuts = [dice.randrange(100_000, 8_000_000) for _ in range(3)]
        lines = [stack.enter_context(line_to("127.0.0.1", system.server.port, cut)) for cut in cuts]
        way.write_text(system.server.dsn(port=str(lines[0].port)))
        system.fill(3)
        with system.following() as follower:  # the first flood is cut before or after the first word of it was heard
            for number, cut in enumerate(cuts):
                system.wait_for(lambda: lines[number].passed >= cut)  # noqa: B023  used before the next round
                port = lines[number + 1].port if number + 1 < len(lines) else system.server.port
                way.write_text(system.server.dsn(port=str(port)))
            system.await_stored()
            follower.end()
        assert not catalog.gaps(system.log().spans)
        assert_log_is_the_servers(system)
