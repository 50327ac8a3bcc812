import re
from dataclasses import replace
from datetime import timedelta

import pytest

from bulletins import DAY, HOUR, MINUTE, NOW, ruined, source
from drkit.bulletin import Bulletin, Job, LogBulletin, ReplicaBulletin, SystemBulletin, read_bulletin
from drkit.daemon.model import Ended, State
from drkit.metrics import METRICS, Sample, render
from drkit.metrics.gateway import read_gateway
from drkit.metrics.text import write
from drkit.troubles import Trouble
from drkit.verify.model import Target
from servers.prometheus import promtool

MAIN = 'system="shop",source="main"'


def told(bulletin: Bulletin, now=NOW, daemon: State | None = None) -> dict[str, float]:
    """Samples as they are spelled, and their values."""
    lines = [line for line in render(bulletin, now, daemon).splitlines() if not line.startswith("#")]
    found = {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}
    assert len(found) == len(lines), "a sample is told twice"
    return found


def of(name: str, **changes) -> float | None:
    return told(Bulletin((source(**changes),))).get(f"drkit_{name}{{{MAIN}}}")


@pytest.mark.parametrize(
    ("name", "figure"),
    [
        ("healthy", 1),
        ("last_captured_timestamp_seconds", (NOW - 10 * MINUTE).timestamp()),
        ("last_verified_timestamp_seconds", (NOW - DAY).timestamp()),
        ("rpo_seconds", 600),
        ("rpo_objective_seconds", 3600),
        ("rto_seconds", 600),
        ("rto_expected_seconds", 660),
        ("rto_objective_seconds", 900),
        ("backup_duration_seconds", 90),
        ("stored_bytes", 1_000_000_000),
        ("points", 720),
        ("backup_failures_total", 0),
        ("gaps", 0),
        ("look_failed", 0),
        ("next_backup_timestamp_seconds", (NOW + 20 * MINUTE).timestamp()),
        ("backup_overdue_timestamp_seconds", (NOW + 25 * MINUTE).timestamp()),
    ],
)
def test_what_was_seen_of_a_source_is_told(name: str, figure: float) -> None:
    assert of(name) == figure


def test_what_nobody_knows_is_left_out() -> None:
    unknown = Target(None, None, None)
    never = {
        "captured_at": None,
        "made_at": None,
        "drilled_at": None,
        "verified_at": None,
        "rpo": unknown,
        "rto": unknown,
        "next_verify": None,
    }
    never |= {"takes": None, "red_at": None, "backup_late_at": None, "verify_late_at": None, "rto_expected": None}
    names = {sample.partition("{")[0] for sample in told(Bulletin((source(**never),)))}
    assert names == {
        *("drkit_info", "drkit_config_valid", "drkit_last_look_timestamp_seconds", "drkit_look_failed"),
        *("drkit_source_info", "drkit_healthy", "drkit_backup_failures_total"),
        *("drkit_next_backup_timestamp_seconds", "drkit_points", "drkit_stored_bytes", "drkit_gaps"),
    }


def test_figures_go_on_when_nobody_looks_any_more() -> None:
    """A scrape is later than the look that it is about."""
    seen, later = Bulletin((source(),)), NOW + 2 * HOUR
    assert told(seen, later)[f"drkit_rpo_seconds{{{MAIN}}}"] == 2 * 3600 + 600
    assert told(seen, later)[f"drkit_healthy{{{MAIN}}}"] == 0


def test_a_point_from_a_clock_that_is_a_little_fast_loses_nothing() -> None:
    assert of("rpo_seconds", captured_at=NOW + MINUTE) == 0


def test_troubles_and_warnings_are_counted_by_kind() -> None:
    twice = (Trouble("drill failed", "one", None, ""), Trouble("drill failed", "another", None, ""))
    warned = (Trouble("rto forecast", "it grows", None, ""),)
    system = SystemBulletin("shop", None, (), (Trouble("prune failed", "it failed", None, ""),))
    found = told(Bulletin((source(troubles=twice, warnings=warned),), (system,)))
    assert found[f'drkit_trouble{{{MAIN},kind="drill failed"}}'] == 2
    assert found[f'drkit_warning{{{MAIN},kind="rto forecast"}}'] == 1
    assert found['drkit_trouble{system="shop",source="",kind="prune failed"}'] == 1


def test_a_trouble_that_the_daemon_has_too_is_counted_with_those_of_the_store() -> None:
    trouble = Trouble("overdue", "late", None, "")
    bulletin = Bulletin((source(troubles=(trouble,)),))
    state = State(NOW, looked_at=NOW, bulletin=bulletin, troubles={"shop/main": (trouble,)})
    assert told(bulletin, daemon=state)[f'drkit_trouble{{{MAIN},kind="overdue"}}'] == 2


@pytest.mark.parametrize(
    ("failed_at", "failing"), [(NOW - HOUR, 0), (NOW - MINUTE, 1)], ids=["a point is newer", "no point is newer"]
)
def test_a_backup_fails_as_long_as_no_point_is_newer(failed_at, failing: int) -> None:
    found = told(Bulletin((source(jobs=(Job("backup", None, failed_at, 7, True),)),)))
    assert found[f'drkit_job_failing{{{MAIN},kind="backup"}}'] == failing
    assert (
        found[f'drkit_job_failures_total{{{MAIN},kind="backup"}}']
        == found[f"drkit_backup_failures_total{{{MAIN}}}"]
        == 7
    )


def test_jobs_of_whole_systems_have_no_source() -> None:
    system = SystemBulletin("shop", None, (Job("prune", NOW - HOUR, NOW - DAY, 1, False),), ())
    found = told(Bulletin((), (system,)))
    labels = '{system="shop",source="",kind="prune"}'
    assert found[f"drkit_job_failing{labels}"] == 0
    assert found[f"drkit_job_last_success_timestamp_seconds{labels}"] == (NOW - HOUR).timestamp()


def test_a_look_that_failed_is_told_also_of_a_source_that_was_seen() -> None:
    found = told(Bulletin((source(),), (), {"shop/main": "its system was not seen", "other/main": "no answer"}))
    assert found[f"drkit_look_failed{{{MAIN}}}"] == 1
    assert found['drkit_look_failed{system="other",source="main"}'] == 1
    assert 'drkit_points{system="other",source="main"}' not in found


def test_replicas_and_logs_are_told_where_there_are_any() -> None:
    near = ReplicaBulletin("s3://near", NOW - HOUR, HOUR, True)
    far = ReplicaBulletin("s3://far", None, None, None, "it does not answer")
    found = told(
        Bulletin((source(replicas=(near, far), log=LogBulletin(NOW, timedelta(seconds=3), None)),)), NOW + HOUR
    )
    assert found[f'drkit_replica_lag_seconds{{{MAIN},replica="s3://near"}}'] == 7200
    assert found[f'drkit_replica_healthy{{{MAIN},replica="s3://near"}}'] == 1
    assert found[f'drkit_replica_healthy{{{MAIN},replica="s3://far"}}'] == 0
    assert f'drkit_replica_lag_seconds{{{MAIN},replica="s3://far"}}' not in found
    assert found[f"drkit_log_lag_seconds{{{MAIN}}}"] == 3
    assert f"drkit_slot_safe_bytes{{{MAIN}}}" not in found


def test_a_run_that_was_somebody_elses_is_not_the_daemons() -> None:
    name = ("backup", "shop/main")
    state = State(NOW, looked_at=NOW, last={name: Ended(name, NOW, 1, NOW, NOW, 0, taken=True)})
    assert not [each for each in told(Bulletin(), daemon=state) if "exit_code" in each]


def test_a_daemon_that_has_not_looked_yet_does_not_say_when_it_did() -> None:
    assert "drkit_last_look_timestamp_seconds" not in told(Bulletin(), daemon=State(NOW))
    assert told(Bulletin(), daemon=State(NOW, config_error="wrong"))["drkit_config_valid"] == 0


def test_every_metric_is_told_where_all_is_wrong_at_once() -> None:
    bulletin, daemon = ruined(NOW)
    names = set(re.findall(r"^(drkit_\w+)", render(bulletin, NOW, daemon), re.MULTILINE))
    assert names == {metric.name for metric in METRICS}


def test_each_metric_has_one_help_one_type_and_all_its_samples_below_them() -> None:
    bulletin, daemon = ruined(NOW)
    text = render(bulletin, NOW, daemon)
    names = [re.match(r"(?:# \w+ )?(\w+)", line)[1] for line in text.splitlines()]
    assert len([name for name, before in zip(names, ["", *names], strict=False) if name != before]) == len(set(names))
    promtool("check", "metrics", given=text)


def test_odd_labels_are_escaped() -> None:
    text = write([Sample(METRICS[0], ('a"b\\c\nd',), 1)])
    assert text.splitlines()[-1] == r'drkit_info{version="a\"b\\c\nd"} 1'


def test_openmetrics_names_families_without_their_suffixes_and_has_an_end() -> None:
    text = render(Bulletin((source(),)), NOW, openmetrics=True)
    assert "# TYPE drkit_backup_failures counter\ndrkit_backup_failures_total{" in text
    assert "# TYPE drkit info\ndrkit_info{" in text
    assert text.endswith("\n# EOF\n")


def test_what_status_writes_of_replicas_logs_and_deadlines_is_read(status_document) -> None:
    [found] = read_bulletin(status_document).sources
    assert found.backup_late_at == NOW + 25 * MINUTE
    assert found.rto_missed_at == NOW + 20 * DAY
    assert found.replicas == (ReplicaBulletin("s3://far", NOW - HOUR, HOUR, True),)
    assert found.log == LogBulletin(NOW, timedelta(seconds=2), 5)


@pytest.fixture
def status_document() -> dict:
    def moment(at) -> str:
        return at.isoformat().replace("+00:00", "Z")

    target = {"target": None, "measured": None, "met": None}
    told = {
        "source": "shop/main",
        "kind": "sqlite",
        "captured_at": None,
        "made_at": None,
        "last_drill": None,
        "verified_at": None,
        "rpo": target,
    }
    told |= {"rto": target, "window": None, "gaps": [], "next": {"backup": moment(NOW), "verify": None}}
    told |= {"healthy": True, "red_at": None, "backup_seconds": None, "points": 0, "stored_bytes": 0, "troubles": []}
    told |= {"warnings": [], "notes": [], "jobs": [], "rto_expected": None}
    told |= {"late_at": {"backup": moment(NOW + 25 * MINUTE), "verify": None}}
    told |= {"rto_forecast": {"outlook": "missed later", "reason": "", "at": moment(NOW + 20 * DAY)}}
    told |= {"replica": [{"url": "s3://far", "captured_at": moment(NOW - HOUR), "lag": 3600.0, "met": True}]}
    told |= {"log": {"covered_until": moment(NOW), "lag": 2.0, "slot_safe_bytes": 5}}
    return {"sources": [told]}


@pytest.mark.parametrize(
    ("given", "put"),
    [
        ("http://host:9091", "http://host:9091/metrics/job/drkit/instance/shop"),
        ("https://host/gate/", "https://host/gate/metrics/job/drkit/instance/shop"),
        ("http://[::1]:9091", "http://[::1]:9091/metrics/job/drkit/instance/shop"),
        ("http://host:9091/metrics/job/mine/team/a", "http://host:9091/metrics/job/mine/team/a"),
    ],
)
def test_figures_are_put_where_a_pushgateway_wants_them(given: str, put: str) -> None:
    assert read_gateway(given, "shop").url == put


def test_a_name_with_a_slash_is_spelled_in_base64() -> None:
    assert read_gateway("http://host", "shop/main").url.endswith("/instance@base64/c2hvcC9tYWlu")


def test_a_password_is_in_nothing_that_is_shown() -> None:
    gateway = read_gateway("https://me:s3cr3t%21@host:9091", "shop")
    assert (gateway.user, gateway.password) == ("me", "s3cr3t!")
    assert "s3cr3t" not in f"{gateway!r} {gateway.shown} {gateway.url}"


def test_a_changed_source_changes_its_figures_alone() -> None:
    seen = Bulletin((source(), source("shop/other")))
    changed = replace(seen, sources=(source(points=1), source("shop/other")))
    assert {key for key, value in told(changed).items() if told(seen)[key] != value} == {f"drkit_points{{{MAIN}}}"}
