"""The command line with a Redis server: from the schedule to a proven restore, and no password anywhere."""

import os
import shlex
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cli_runner import Drkit, drkit_in
from patience import PATIENCE, await_true
from processes import living
from recovering import short_folder
from servers.redis import Redis, fill, redis_cli, redis_server

SCHEDULE = """
[store]
url = "file://{folder}/backups"
[encryption]
recipients = ["file:../keys/recipient"]
signers = ["file:../keys/signer"]
signing_key = "file:../keys/signing"
identity = "file:../keys/identity"
[sources.cache]
kind = "redis"
dsn = "env:REDIS_URL"
backup = "*/15 * * * *"
verify = "0 4 * * *"
keep = {{ within = "2d" }}
objectives = {{ rto = "15m", rpo = "1h" }}
checks = [{{ name = "a session is there", command = "{check}" }}]
"""
CHECK = "test \\\"$({cli} -s ${{DRKIT_TARGET#unix://}} get session:1)\\\" = 'user 1'"


@dataclass(frozen=True)
class Shop:
    drkit: Drkit
    server: Redis

    @property
    def folder(self) -> Path:
        return self.drkit.folder

    @property
    def schedule(self) -> Path:
        return self.folder / "schedules/shop.toml"

    def edit(self, old: str, new: str) -> None:
        text = self.schedule.read_text()
        assert old in text
        self.schedule.write_text(text.replace(old, new))

    @property
    def scratch(self) -> list[Path]:
        return list(Path(self.drkit.environment["TMPDIR"]).glob("drkit-scratch-*"))


@pytest.fixture(scope="module")
def server() -> Iterator[Redis]:
    with redis_server() as started:
        fill(started)
        yield started


@pytest.fixture
def shop(server: Redis, tmp_path: Path) -> Iterator[Shop]:
    with short_folder() as short:  # pytest's folders are closed, and too deep for a socket's path
        yield make_shop(drkit_in(tmp_path / "shop", REDIS_URL=server.url, TMPDIR=str(short)), server)


def make_shop(drkit: Drkit, server: Redis) -> Shop:
    drkit.ok("keys", "new", "--out", "keys")
    shop = Shop(drkit, server)
    shop.schedule.parent.mkdir()
    shop.schedule.write_text(SCHEDULE.format(folder=shop.folder, check=CHECK.format(cli=redis_cli())))
    return shop


def test_from_a_schedule_to_a_proven_restore(shop: Shop) -> None:
    said = [shop.drkit.ok("check").err, shop.drkit.ok("backup", "now").err]
    with redis_server() as target:
        restored = shop.drkit("restore", "--to", "env:NEW_REDIS", "--json", NEW_REDIS=target.url)
        assert restored.code == 0, restored
        assert restored.document["verified"]
        assert restored.document["target"] == f"127.0.0.1:{target.port}"
        assert target.contents() == shop.server.contents()
        again = shop.drkit("restore", "--to", "env:NEW_REDIS", NEW_REDIS=target.url)
        assert (again.code, "is not empty" in again.err) == (2, True)
        said += [restored.out, restored.err, again.err]
        assert target.password not in "".join(said)
    drill = shop.drkit.ok("verify", "now", "--json")
    [proof] = drill.document["drills"]
    outcomes = {check["name"]: check["passed"] for check in proof["checks"]}
    expected = ("first query", "database 0", "database 3", "database 15", "functions", "a session is there")
    assert (proof["passed"], outcomes) == (True, dict.fromkeys(expected, True))
    assert proof["rto"]["met"] and proof["rpo"]["met"]
    said += [drill.out, drill.err, shop.drkit.ok("status").out, shop.drkit.ok("backup", "list").out]
    stored = b"".join(path.read_bytes() for path in shop.folder.rglob("*") if path.is_file())
    assert shop.server.password.encode() not in stored + "".join(said).encode()
    assert shop.scratch == []


def test_a_file_and_the_script_by_hand_are_the_same_and_start_a_server(shop: Shop) -> None:
    shop.drkit.ok("backup", "now")
    shop.drkit.ok("restore", "--to", "new/dump.rdb".replace("new", str(shop.folder)))
    by_hand = shop.folder / "by hand" / "it's.rdb"
    by_hand.parent.mkdir()
    script = shop.drkit.ok("restore", "--to", str(by_hand), "--by-hand").out
    done = subprocess.run(
        ["/bin/bash", "-s"],
        input=script,
        env={"PATH": "/usr/bin:/bin", "IDENTITY": str(shop.folder / "keys/identity")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "RDB looks OK" in done.stderr
    assert by_hand.read_bytes() == (shop.folder / "dump.rdb").read_bytes()
    assert f"--dbfilename {shlex.quote(by_hand.name)}" in script
    with redis_server(settings={"dir": str(by_hand.parent), "dbfilename": by_hand.name}) as target:
        assert target.contents() == shop.server.contents()


def test_a_drill_in_which_the_users_own_check_fails_is_told(shop: Shop) -> None:
    shop.drkit.ok("backup", "now")
    shop.edit("get session:1", "get session:2")
    failed = shop.drkit("verify", "now", "--json")
    assert failed.code == 8
    assert [check["name"] for check in failed.document["drills"][0]["checks"] if not check["passed"]] == [
        "a session is there"
    ]


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('command = "', 'sql = "', "asks SQL of a Redis server"),
        ('dsn = "env:REDIS_URL"', 'dsn = "redis://:secret-pass@host"', "a secret is given by reference"),
        ('dsn = "env:REDIS_URL"', 'dsn = "env:REDIS_URL"\nmethod = "dump"', 'the method is \\"sync'),
        ('dsn = "env:REDIS_URL"', 'dsn = "env:REDIS_URL"\npath = "x"', "unknown key"),
        ('kind = "redis"', 'kind = "rediss"', "'redis'"),
        ('"*/15 * * * *"', '"0 * * * *"', "back up more often or promise less"),
    ],
)
def test_a_schedule_that_cannot_be_meant_is_refused(shop: Shop, old: str, new: str, why: str) -> None:
    shop.edit(old, new)
    done = shop.drkit("check")
    assert (done.code, why in done.err, "secret-pass" in done.err) == (3, True, False), done.err


@pytest.mark.parametrize("target", ["postgresql://host/x", "http://host/x"])
def test_a_target_of_another_kind_is_refused(shop: Shop, target: str) -> None:
    shop.drkit.ok("backup", "now")
    assert shop.drkit("restore", "--to", target).code == 2


def test_a_backup_that_is_killed_in_the_middle_is_none_and_the_next_one_is_clean(shop: Shop) -> None:
    with redis_server(settings={"rdb-key-save-delay": "3000"}) as slow:
        slow.calls(*(("SET", f"key {each}", os.urandom(9000)) for each in range(700)))
        for word in (signal.SIGKILL, signal.SIGTERM):
            with shop.drkit.running("backup", "now", REDIS_URL=slow.url) as child:
                await_true(lambda: b"connected_slaves:1" in slow.call("INFO", "replication"))
                child.send_signal(word)
                assert child.wait(PATIENCE) == (130 if word == signal.SIGTERM else -9)
        assert shop.drkit.json("backup", "list")["points"] == []
        slow.call("CONFIG", "SET", "rdb-key-save-delay", 0)
        await_true(lambda: b"connected_slaves:0" in slow.call("INFO", "replication"))
        shop.drkit.ok("backup", "now", REDIS_URL=slow.url)
    assert len(shop.drkit.json("backup", "list")["points"]) == 1


def test_a_restore_that_is_killed_in_the_middle_is_finished_by_the_next(shop: Shop) -> None:
    with redis_server(settings={"rdbcompression": "no"}) as large, redis_server() as target:
        large.calls(*(("SET", f"key {each}", os.urandom(5000) * 20) for each in range(100)))
        shop.drkit.ok("backup", "now", REDIS_URL=large.url)
        with shop.drkit.running("restore", "--to", "env:NEW_REDIS", NEW_REDIS=target.url) as child:
            await_true(lambda: target.call("DBSIZE") > 3)
            child.kill()
            child.wait()
        assert 0 < target.call("DBSIZE") < 100
        assert target.call("EXISTS", "drkit:unfinished-restore") == 1
        assert shop.drkit("backup", "now", REDIS_URL=target.url).code == 4
        shop.drkit.ok("restore", "--to", "env:NEW_REDIS", NEW_REDIS=target.url)
        assert target.call("DBSIZE") == 100
        assert target.contents() == large.contents()


def test_a_drill_that_is_killed_leaves_no_server_and_the_next_one_removes_its_folder(shop: Shop) -> None:
    shop.drkit.ok("backup", "now")
    waiting = shop.folder / "waiting"
    shop.edit("test ", f"touch {waiting}; sleep 60; test ")
    with shop.drkit.running("verify", "now") as child:
        await_true(waiting.exists)
        [folder] = shop.scratch
        [process] = _serving(folder)
        status = Path(f"/proc/{process}/status").read_text()
        if os.geteuid() == 0:
            assert "Uid:\t0" not in status
        assert Path(f"/proc/{process}/ns/net").readlink() != Path("/proc/self/ns/net").readlink()
        child.kill()
        child.wait()
        await_true(lambda: not _serving(folder))
    shop.edit(f"touch {waiting}; sleep 60; ", "")
    shop.drkit.ok("verify", "now")
    assert shop.scratch == []


def _serving(folder: Path) -> list[int]:
    listed = [(process.pid, process.words) for process in living()]
    return [pid for pid, words in listed if f"{folder}/data" in words and words[0].endswith("redis-server")]
