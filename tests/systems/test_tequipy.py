"""Tequipy promised: a database that fails is back within 15 minutes and less than an hour is lost; a region that fails,
within 4 hours. Its CronJobs make it true, and its stack hears of what does not."""

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest
import yaml

from cli_runner import Done
from kubernetes_pods import container_of, named, of_kind, pod_spec, read_documents
from servers.prometheus import promtool
from servers.radosgw import radosgw_server
from servers.redis import FAR, Redis, redis_server
from servers.s3_server import S3Server
from systems.team import Team, utc
from systems.tequipy import DATABASE, Tequipy, tequipy_running

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy/prometheus/drkit.rules.yaml"
HALF_HOUR = timedelta(minutes=30)
RUNS = int(os.environ.get("DRKIT_TEST_RUNS", "7"))  # from nine to noon; 49 are a whole day
KILLED = RUNS // 2


@dataclass(frozen=True, slots=True)
class Seen:
    """What the stack sees after a run: how that ended, `drkit status`, and the figures that it scrapes."""

    run: Done
    status: Done
    figures: str


@dataclass(frozen=True, slots=True)
class Morning:
    tequipy: Tequipy
    noon: datetime
    killed: Seen
    tried_again: Seen


@pytest.fixture(scope="module")
def morning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Morning]:
    """An order every half hour until noon, and the CronJob of the database; halfway its pg_dump is killed, as by a node
    that is short of memory, and the Job tries again."""
    with tequipy_running(tmp_path_factory.mktemp("tequipy")) as tequipy:
        [day] = tequipy.team.days(1)
        noon = tequipy.team.moment(day, 12)
        backup = tequipy.pod("tequipy-main-backup")
        seen = []
        for number in range(RUNS):
            now = noon - (RUNS - 1 - number) * HALF_HOUR
            tequipy.team.clock.set(now)
            tequipy.place_order(now - timedelta(seconds=1))
            if number == KILLED:
                seen.append(look(tequipy, kill_pg_dump(tequipy)))
                tequipy.team.clock.set(now + timedelta(minutes=1))
                seen.append(look(tequipy, backup()))
            else:
                done = backup()
                assert done.code == 0, done
        yield Morning(tequipy, noon, *seen)


def kill_pg_dump(tequipy: Tequipy) -> Done:
    pod = tequipy.pod("tequipy-main-backup")
    with psycopg.connect(tequipy.postgres.dsn(DATABASE)) as somebody:
        somebody.execute("LOCK TABLE pg_ts_parser IN ACCESS EXCLUSIVE MODE")  # it waits there, so it is in the middle
        with pod.running() as child:
            os.kill(pod.child("pg_dump"), signal.SIGKILL)
            out, err = child.communicate(timeout=60)
            return Done(child.returncode, out, err)


def look(tequipy: Tequipy, run: Done) -> Seen:
    return Seen(run, tequipy.team.drkit("status", "tequipy/main"), tequipy.team.drkit.ok("metrics").out)


def firing(figures: str, folder: Path, alert: str) -> bool:
    """Whether Prometheus raises it over figures that stay as they are for ten minutes."""
    lines = [line.rsplit(" ", 1) for line in figures.splitlines() if line and not line.startswith("#")]
    series = [{"series": name, "values": f"{value}+0x10"} for name, value in lines]
    query = f'count(ALERTS{{alertname="{alert}", alertstate="firing", source="main"}}) or vector(0)'

    def holds(count: int) -> bool:
        expected = {"expr": query, "eval_time": "10m", "exp_samples": [{"labels": "{}", "value": count}]}
        test = {"interval": "1m", "input_series": series, "promql_expr_test": [expected]}
        file = folder / f"{alert}.yaml"
        file.write_text(yaml.safe_dump({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": [test]}))
        try:
            promtool("test", "rules", str(file))
        except AssertionError:
            return False
        return True

    assert holds(0) != holds(1)
    return holds(1)


def test_the_pod_is_the_one_that_ships_and_needs_no_rights_and_no_disk(morning: Morning) -> None:
    shipped = named(read_documents((ROOT / "k8s-cronjob.yaml").read_text()), "CronJob", "shop-main-backup")
    ours = named(morning.tequipy.documents, "CronJob", "tequipy-main-backup")
    assert container_of(ours)["args"] == [word.replace("shop", "tequipy") for word in container_of(shipped)["args"]]
    for what in ("securityContext", "resources"):
        assert container_of(ours)[what] == container_of(shipped)[what]
    assert container_of(ours)["securityContext"]["readOnlyRootFilesystem"] is True
    assert pod_spec(ours)["securityContext"]["runAsNonRoot"] is True
    for each in of_kind(morning.tequipy.documents, "CronJob"):
        assert ("TEQUIPY_REDIS_URL" in str(each)) == (each["metadata"]["name"] == "tequipy-queue-backup")
    pod = morning.tequipy.pod("tequipy-queue-backup")
    mounted = pod.started.files()
    assert pod().code == 0
    assert pod.started.files() == mounted


def test_a_pg_dump_that_is_killed_is_a_run_that_failed_and_each_line_of_the_log_says_of_which_run(
    morning: Morning,
) -> None:
    run = morning.killed.run
    assert run.code == 4
    assert [line["message"] for line in run.errors] == [run.errors[0]["message"]]
    assert "pg_dump was ended by signal 9" in run.errors[0]["message"]
    for line in run.lines:
        assert {"timestamp", "level", "message", "correlation_id"} <= line.keys()
    assert len({line["correlation_id"] for line in run.lines}) == 1


def test_status_metrics_and_an_alert_tell_of_it_until_the_job_has_tried_again(morning: Morning, tmp_path: Path) -> None:
    assert (morning.killed.status.code, "pg_dump" in morning.killed.status.out) == (8, True)
    assert (morning.tried_again.run.code, morning.tried_again.status.code) == (0, 0)
    failures = 'drkit_backup_failures_total{system="tequipy",source="main"} 1'
    assert failures in morning.killed.figures
    assert failures in morning.tried_again.figures
    promtool("check", "metrics", given=morning.killed.figures)
    assert firing(morning.killed.figures, tmp_path, "DrkitJobFailing")
    assert not firing(morning.tried_again.figures, tmp_path, "DrkitJobFailing")


def test_at_no_time_of_the_morning_an_hour_was_lost(morning: Morning) -> None:
    team = morning.tequipy.team
    told = team.drkit.json("report", "--month", f"{morning.noon:%Y-%m}", "--no-store", "--format", "json")
    [source] = [each for each in told["sources"] if each["source"] == "tequipy/main"]
    [rpo] = [each for each in source["promises"] if each["promise"] == "rpo"]
    assert (rpo["kept"], rpo["promised"]) == ("yes", 3600), rpo
    assert source["backups"]["points"] == RUNS


def test_a_restore_test_of_a_failed_database_keeps_both_promises_at_any_moment(morning: Morning) -> None:
    """By the CronJob of its own namespace, and at moments that nobody chose."""
    drill = morning.tequipy.pod("tequipy-main-verify")
    done = drill()
    assert (done.code, "tequipy/main: database-failure passed" in done.out) == (0, True), done
    team = restoring(morning.tequipy.team)
    asked = ("--scenario", "corruption", "--at", "random", "--seed", "a monday", "--json")
    [proof] = team.drkit.json("verify", "now", "tequipy/main", *asked)["drills"]
    assert (proof["passed"], proof["rto"]["met"], proof["rpo"]["met"]) == (True, True, True)
    assert team.drkit.json("status", "tequipy/main")["sources"][0]["verified_at"]


def test_after_a_failure_traffic_is_stopped_all_is_restored_and_migrated_and_traffic_resumes(morning: Morning) -> None:
    """A release had just been rolled out: what is restored is older, and is migrated."""
    tequipy = morning.tequipy
    team = restoring(tequipy.team)
    failed_at = morning.noon + timedelta(minutes=20)
    team.clock.set(failed_at)
    captured = tequipy.orders()
    tequipy.place_order(failed_at - timedelta(minutes=5))
    tequipy.release("0002_paid")
    told = team.drkit.json("restore", "tequipy/main", "--at", utc(failed_at), "--to", "recovered")
    assert told["verified"]
    assert [(hook["when"], hook["status"]) for hook in told["hooks"]] == [("before", 0), ("after", 0)]
    assert tequipy.orders("recovered") == captured
    assert tequipy.postgres.query("SELECT count(*) FROM orders WHERE NOT paid", database="recovered") == [(RUNS,)]
    reached = datetime.fromisoformat(told["reached"])
    assert failed_at - reached < timedelta(hours=1)
    assert tequipy.told_kubectl() == [
        "scale deployment/api deployment/worker deployment/beat --replicas=0",
        "scale deployment/api --replicas=3",
        "scale deployment/worker deployment/beat --replicas=1",
    ]


def test_a_lost_region_is_drilled_and_restored_from_the_replica_alone(
    radosgw_url: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Its store, its database, its Redis and its identity are gone; there are the replica and the key that lies
    elsewhere. Redis is back with its keys and their time."""
    folder = tmp_path_factory.mktemp("regions")
    (folder / "other").mkdir()
    with radosgw_server(folder / "other") as other, tequipy_running(folder, radosgw_url, other.http) as tequipy:
        tequipy.place_order(datetime.now().astimezone())
        put_sessions(tequipy.redis)
        known = tequipy.redis.contents()
        for job in ("tequipy-main-backup", "tequipy-queue-backup"):
            done = tequipy.pod(job)()
            assert done.code == 0, done
        elsewhere = after_the_loss_of_the_region(tequipy.team)
        tequipy.redis.kill()
        drills = elsewhere.drkit.json("verify", "now", "tequipy", "--scenario", "region-failure")["drills"]
        assert {drill["source"]: drill["passed"] for drill in drills} == {"tequipy/main": True, "tequipy/queue": True}
        assert all(drill["rto"]["met"] and drill["rpo"]["met"] for drill in drills)
        with redis_server() as anew:
            told = elsewhere.given(NEW_REDIS=anew.url).drkit.json(
                "restore", "tequipy/queue", "--from", "replica", "--to", "env:NEW_REDIS"
            )
            assert told["verified"]
            assert anew.contents() == known
            assert anew.call("PEXPIRETIME", "session:2") == FAR


def put_sessions(redis: Redis) -> None:
    redis.calls(
        ("SET", "session:1", json.dumps({"user": 1})),
        ("SET", "session:2", json.dumps({"user": 2})),
        ("PEXPIREAT", "session:2", FAR),
        ("RPUSH", "celery", *(json.dumps({"task": number}) for number in range(20))),
        ("ZADD", "beat", 1.5, "clean up"),
        ("SELECT", 1),
        ("SET", "celery-task-meta-1", "done", "EX", 86_400),
    )


def restoring(team: Team) -> Team:
    """The machine that restores: the identity has been brought there."""
    if "# identity" in team.schedule.read_text():
        team.edit('# identity = "file:../keys/identity"', 'identity = "file:../keys/identity"')
    return team


def after_the_loss_of_the_region(team: Team) -> Team:
    """A machine in the other region, with the key from outside; whatever was in the first one leads nowhere."""
    team.edit("# escrow_identity", "escrow_identity")
    team.edit('# identity = "file:../keys/identity"', 'identity = "file:../escrow/identity"')
    nowhere = "127.0.0.1:9"
    return team.given(
        TEQUIPY_STORE=f"s3://gone/prod?region=us-east-1&endpoint_url=http%3A%2F%2F{nowhere}",
        TEQUIPY_DATABASE_URL=f"postgresql://gone@{nowhere}/tequipy",
        TEQUIPY_REDIS_URL=f"redis://{nowhere}",
    )
