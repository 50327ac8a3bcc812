"""What status makes of points and evidence that are not what their names say."""

import re
from datetime import timedelta
from typing import Any

import pytest

from cli.conftest import Shop, stands
from cli_drills import ago, put_evidence
from drills import BAD
from drkit.verify.verdicts import judge_rto
from drkit.when import format_moment

RTO = judge_rto(timedelta(minutes=15), None)


@pytest.fixture
def two(shop: Shop) -> Shop:
    """A point of ten minutes ago and one from just now, with an RTO of 15 minutes and an RPO of an hour."""
    text = re.sub(r"objectives = .*", 'objectives = { rto = "15m", rpo = "1h" }', shop.schedule.read_text())
    shop.schedule.write_text(
        re.sub(r"(?m)^(#\s*)?verify = .*\n", "", text).replace("backup = ", 'verify = "0 4 1 1 *"\nbackup = ')
    )
    for path in shop.objects():
        path.unlink()
    shop.capture_at(format_moment(ago(minutes=10)))
    shop.drkit.ok("backup", "now")
    return shop


def put(shop: Shop, token: str, backup: str | None, seconds: float, **changes: Any) -> str:
    changes = {"backup": backup, "reached": None} | changes
    return put_evidence(shop.schedule, shop.folder / "backups", ago(seconds=seconds), token, **changes).id


def refute(shop: Shop, backup: str) -> str:
    return put(shop, "7f3a9c01", backup, 120, result="failed", checks=(BAD,))


def test_a_refuted_newest_point_stays_an_alarm_whatever_else_passes_until_a_newer_one_is_captured(two: Shop) -> None:
    older, newest = two.ids()
    refute(two, newest)
    put(two, "7f3a9c02", older, 60, reached=ago(minutes=10))
    found = stands(two, 8)
    assert found["last_drill"]["result"] == "passed"
    assert [each["id"] for each in found["damaged"]] == [newest]
    assert found["rpo"]["measured"] >= 600
    [trouble] = found["troubles"]
    assert trouble["what"].startswith(f"the newest point, {newest}, cannot be relied on: the drill of ")
    assert f"`drkit restore shop/main --at {found['captured_at']} --to …`" in trouble["next_step"]
    two.drkit.ok("backup", "now")
    assert stands(two, 0)["damaged"] == []


def test_a_list_of_points_names_those_that_a_drill_refuted(two: Shop) -> None:
    _, newest = two.ids()
    refute(two, newest)
    points = two.drkit.json("backup", "list")["points"]
    assert [bool(each["refuted_at"]) for each in points] == [True, False]
    assert "REFUTED" in two.drkit.ok("backup", "list").out


def test_points_whose_pieces_are_gone_are_an_alarm(two: Shop) -> None:
    for path in two.objects(".age"):
        path.unlink()
    found = stands(two, 8)
    assert (found["captured_at"], len(found["damaged"])) == (None, 2)
    assert found["troubles"][0]["what"].endswith("nor can 1 point before it: its pieces are gone")


def test_a_piece_of_the_newest_point_that_is_cut_is_an_alarm_and_the_point_before_it_counts(two: Shop) -> None:
    older, newest = two.ids()
    [piece] = [path for path in two.objects(".age") if newest in str(path)]
    piece.chmod(0o600)
    piece.write_bytes(piece.read_bytes()[:-1])
    found = stands(two, 8)
    assert piece.name in found["troubles"][0]["what"]
    assert older.startswith(re.sub(r"[-:]", "", str(found["captured_at"]))[:15])


def test_a_manifest_that_nobody_signed_hides_no_stopped_backup(two: Shop) -> None:
    for point in two.ids():
        for path in (two.folder / f"backups/shop/main/backups/{point}").iterdir():
            path.unlink()
    two.capture_at(format_moment(ago(hours=3)))
    forged = two.folder / f"backups/shop/main/backups/{ago(seconds=3):%Y%m%dT%H%M%S.%f}Z-deadbeef"
    forged.mkdir()
    (forged / "manifest.json").write_text("{}")
    (forged / "database.zst.age").write_text("junk")
    found = stands(two, 8)
    assert found["rpo"]["met"] is False
    assert any(forged.name in each["what"] for each in found["troubles"])


def test_evidence_of_a_failed_drill_that_was_removed_is_an_alarm_as_its_mark_tells(two: Shop) -> None:
    older, _ = two.ids()
    put(two, "7f3a9c02", older, 180, reached=ago(minutes=10))
    drill = refute(two, older)
    (two.folder / f"backups/shop/main/drills/{drill}.json").unlink()
    [trouble] = stands(two, 8)["troubles"]
    assert drill in trouble["what"]


def test_evidence_that_is_missing_between_others_is_an_alarm(two: Shop) -> None:
    drills = [put(two, f"7f3a9c0{n}", None, 200 - n) for n in range(3)]
    stands(two, 0)
    (two.folder / f"backups/shop/main/drills/{drills[1]}.json").unlink()
    [trouble] = stands(two, 8)["troubles"]
    assert drills[1] in trouble["what"]


def test_evidence_older_than_what_status_reads_is_not_missed(two: Shop) -> None:
    older, _ = two.ids()
    for number in range(10):
        put(two, f"7f3a9c{number:02}", older, 200 - number, reached=ago(minutes=10))
    stands(two, 0)


def test_a_drill_that_was_stopped_too_late_is_an_alarm_and_one_stopped_in_time_a_note(two: Shop) -> None:
    put(two, "7f3a9c01", None, 7200, result="aborted", checks=(), rto=RTO, ended_at=ago(seconds=7100))
    assert any("was stopped before it had shown anything" in note for note in stands(two, 0)["notes"])
    put(two, "7f3a9c02", None, 3600, result="aborted", checks=(), rto=RTO, ended_at=ago(seconds=1800), phases=())
    found = stands(two, 8)
    assert found["rto"]["met"] is False
    assert found["troubles"][0]["what"].startswith("RTO missed: the last drill was stopped after 30m")


def test_a_promised_rto_that_nothing_shows_and_no_drill_is_planned_for_is_noted(two: Shop) -> None:
    two.edit('verify = "0 4 1 1 *"\n', "")
    [note] = stands(two, 0)["notes"]
    assert note.startswith("an RTO is promised, but no drill is planned and none has come to its end")
    assert note in two.drkit.ok("status").out


def test_points_that_lie_in_the_future_are_told_as_a_clock_that_is_wrong(two: Shop) -> None:
    for path in two.objects():
        path.unlink()
    two.capture_at(format_moment(ago(hours=-2)))
    [trouble, *_] = stands(two, 8)["troubles"]
    assert trouble["what"] == "there is nothing but 1 point with a moment that cannot be true"
    assert "clock" in trouble["next_step"]
