import re
from datetime import timedelta
from typing import Any

import pytest

from cli.conftest import Shop, stands
from cli.golden_text import compare
from cli_drills import ago, put_evidence
from cli_runner import settled
from drills import BAD
from drkit.verify.model import Drill
from drkit.verify.verdicts import judge_rto
from drkit.when import format_moment

SLOW = {"result": "failed", "rto": judge_rto(timedelta(minutes=15), timedelta(minutes=20))}
WRONG = {"result": "failed", "checks": (BAD,)}


@pytest.fixture
def kept(shop: Shop) -> Shop:
    """A shop with a drill every hour, whose promises are kept: RTO 15 minutes, RPO one hour, a point from just now."""
    text = shop.schedule.read_text()
    text = re.sub(r"objectives = .*", 'objectives = { rto = "15m", rpo = "1h" }', text)
    shop.schedule.write_text(
        re.sub(r"(?m)^(#\s*)?verify = .*\n", "", text).replace("backup = ", 'verify = "0 * * * *"\nbackup = ')
    )
    for path in shop.objects():
        path.unlink()
    shop.drkit.ok("backup", "now")
    return shop


def drilled(shop: Shop, age: timedelta = timedelta(minutes=1), token: str = "7f3a9c01", **changes: Any) -> Drill:
    changes = {"backup": None, "reached": None} | changes
    return put_evidence(shop.schedule, shop.folder / "backups", ago(seconds=age.total_seconds()), token, **changes)


def test_a_source_whose_promises_are_kept_ends_with_0(kept: Shop) -> None:
    drill = drilled(kept)
    found = stands(kept, 0)
    assert found["rto"] == {"target": 900.0, "measured": 600.0, "met": True}
    assert found["rpo"]["met"] is True
    assert found["last_drill"]["id"] == drill.id
    assert set(found["next"]) == {"backup", "verify"}


def test_a_new_source_is_not_blamed_for_a_drill_that_was_never_due(kept: Shop) -> None:
    found = stands(kept, 0)
    assert (found["verified_at"], found["last_drill"], found["rto"]["measured"]) == (None, None, None)


def test_the_point_that_a_drill_verified_last_is_named(kept: Shop) -> None:
    [point] = kept.ids()
    drill = drilled(kept, backup=point, reached=ago(minutes=1))
    found = stands(kept, 0)
    assert found["verified_point"]["id"] == point
    assert found["verified_at"] == format_moment(drill.started_at)


def test_a_drill_that_restored_the_wrong_data_ends_with_8(kept: Shop) -> None:
    drilled(kept, **WRONG)
    [trouble] = stands(kept, 8)["troubles"]
    assert trouble["what"] == "the last drill failed: orders: expected 17 rows, found 16 rows"
    assert trouble["next_step"] == "`drkit verify now shop/main` runs it again"


def test_a_drill_that_took_longer_than_promised_ends_with_8(kept: Shop) -> None:
    drilled(kept, **SLOW)
    found = stands(kept, 8)
    assert found["rto"] == {"target": 900.0, "measured": 1200.0, "met": False}
    assert [each["what"] for each in found["troubles"]] == ["RTO missed: the last drill took 20m, and 15m was promised"]


def test_a_drill_that_is_overdue_ends_with_8(kept: Shop) -> None:
    drilled(kept, timedelta(hours=3))
    found = stands(kept, 8)
    assert found["drill_overdue_since"]
    assert [each["since"] for each in found["troubles"]] == [found["drill_overdue_since"]]


def test_a_backup_that_is_overdue_ends_with_8_without_any_promise(kept: Shop) -> None:
    kept.edit('objectives = { rto = "15m", rpo = "1h" }', "")
    kept.edit('verify = "0 * * * *"', "")
    for path in kept.objects():
        path.unlink()
    kept.capture_at(format_moment(ago(hours=2)))
    found = stands(kept, 8)
    assert found["rpo"]["met"] is None
    assert [each["since"] for each in found["troubles"]] == [found["overdue_since"]]


def test_an_rpo_that_is_missed_ends_with_8(kept: Shop) -> None:
    drilled(kept)
    kept.edit('rpo = "1h"', 'rpo = "26h"')
    kept.edit('backup = "*/30 * * * *"', 'backup = "0 0 * * *"')
    for path in kept.objects("manifest.json"):
        for each in path.parent.iterdir():
            each.unlink()
    kept.capture_at(format_moment(ago(hours=28)))
    found = stands(kept, 8)
    assert found["rpo"]["met"] is False
    assert found["troubles"][-1]["what"].startswith("RPO missed: what would be lost now is 1d4h")


def test_evidence_that_cannot_be_believed_ends_with_8_and_says_which(kept: Shop) -> None:
    drilled(kept, timedelta(minutes=2))
    drill = drilled(kept, token="7f3a9c02", **WRONG)
    file = kept.folder / f"backups/shop/main/drills/{drill.id}.json"
    file.write_bytes(file.read_bytes().replace(b'"failed"', b'"passed"'))
    [trouble] = stands(kept, 8)["troubles"]
    assert drill.id in trouble["what"]
    assert trouble["next_step"] == "`drkit evidence verify all shop/main` shows more"


def test_what_status_says_reads_as_it_is_written_down(kept: Shop) -> None:
    good = kept.drkit.ok("status").out
    drilled(kept, timedelta(hours=3), **(WRONG | SLOW))
    bad = kept.drkit("status")
    assert bad.code == 8
    compare("status", settled(f"{good}\n{bad.out}"))


def test_status_writes_nothing(kept: Shop) -> None:
    drilled(kept, timedelta(hours=3), **WRONG)
    before = {path: path.stat().st_mtime_ns for path in kept.objects()}
    stands(kept, 8)
    assert {path: path.stat().st_mtime_ns for path in kept.objects()} == before
