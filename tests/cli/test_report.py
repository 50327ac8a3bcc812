import json
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import Shop, copy_shop
from cli_drills import put_evidence
from drills import BAD
from drkit.catalog import parse_id
from drkit.config import load_system
from drkit.keyring import open_signers
from drkit.signing import check_document
from drkit.when import format_moment

TODAY = datetime.now(UTC).date()
THIS = f"{TODAY:%Y-%m}"


def monthly(shop: Shop) -> None:
    text = re.sub(r"(?m)^(#\s*)?verify = .*\n", "", shop.schedule.read_text())
    shop.schedule.write_text(
        text.replace("backup = ", 'verify = "0 4 1 * *"\nbackup = ').replace("*/30 * * * *", "0 1 * * *")
    )
    shop.edit('objectives = { rpo = "1h"', 'objectives = { rpo = "30h"')


@pytest.fixture(scope="module")
def _lived(captured: Callable[[], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lived") / "shop"
    shop = copy_shop(captured(), folder)
    monthly(shop)
    shop.capture_at(*(format_moment(datetime(2024, 4, 30, 1, tzinfo=UTC) + timedelta(days=day)) for day in range(33)))
    for manifest in shop.objects("manifest.json"):
        if (captured_at := parse_id(manifest.parent.name)) and captured_at.year == 2024:
            os.utime(manifest, (captured_at.timestamp() + 60,) * 2)  # when the store had it
    put_evidence(shop.schedule, folder / "backups", datetime(2024, 5, 1, 4, 0, 9, tzinfo=UTC))
    return folder


@pytest.fixture
def lived(_lived: Path, tmp_path: Path) -> Shop:
    """A shop with a point every night of May 2024, and a drill on its first day."""
    return copy_shop(_lived, tmp_path / "shop")


def report(shop: Shop, *options: str) -> dict[str, Any]:
    return shop.drkit.json("report", *options)


def test_a_month_that_is_over_is_stored_once_and_signed_with_its_page(lived: Shop) -> None:
    done = lived.drkit.ok("report", "--month", "2024-05")
    assert "shop: stored as shop/reports/2024-05.json" in [line["message"] for line in done.lines]
    folder = lived.folder / "backups/shop/reports"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert set(before) == {"2024-05.html", "2024-05.json"}
    signers = open_signers(load_system(lived.schedule))
    document = check_document(signers, "shop/reports/2024-05.json", before["2024-05.json"])
    assert (document["month"], document["complete"], document["kept"]) == (
        "2024-05",
        True,
        {"yes": 1, "no": 0, "unknown": 0},
    )
    again = lived.drkit.ok("report", "--month", "2024-05")
    assert "shop: stored already as shop/reports/2024-05.json" in [line["message"] for line in again.lines]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert all(each["passed"] for each in lived.drkit.json("evidence", "verify", "all")["findings"])


def test_a_page_that_a_killed_run_left_is_replaced(lived: Shop) -> None:
    folder = lived.folder / "backups/shop/reports"
    folder.mkdir()
    (folder / "2024-05.html").write_text("half a page")
    lived.drkit.ok("report", "--month", "2024-05")
    assert "were the promises" in (folder / "2024-05.html").read_text().lower()


def test_a_month_that_is_not_over_takes_no_key(shop: Shop) -> None:
    found = report(shop, "--month", THIS)
    assert (found["month"], found["complete"]) == (THIS, False)
    assert not (shop.folder / "backups/shop/reports").exists()


@pytest.mark.parametrize(
    ("options", "why"),
    [(["--no-store"], "--no-store says"), (["shop/main"], ""), ([], "there is no encryption.signing_key here")],
    ids=["when asked", "of one source among several", "without a key"],
)
def test_nothing_is_written_into_the_store(lived: Shop, options: list[str], why: str) -> None:
    if not options:
        lived.edit('signing_key = "file:../keys/signing"', "")
    if options == ["shop/main"]:
        with lived.schedule.open("a") as schedule:
            schedule.write('[sources.tree]\nkind = "files"\npath = "../tree"\nbackup = "0 * * * *"\n')
    before = lived.objects()
    done = lived.drkit.ok("report", "--month", "2024-05", *options)
    assert why in done.lines[-1]["message"]
    assert "not stored" in done.lines[-1]["message"]
    assert lived.objects() == before


def test_a_planned_drill_that_never_ran_is_in_the_report_and_leaves_evidence_once(lived: Shop) -> None:
    lived.edit('verify = "0 4 1 * *"', 'verify = "0 4 * * *"')
    first = report(lived, "--month", "2024-05")["sources"][0]["drills"]
    drills = sorted((lived.folder / "backups/shop/main/drills").iterdir())
    assert len(drills) == 51
    report(lived, "--month", "2024-05")
    assert sorted((lived.folder / "backups/shop/main/drills").iterdir()) == drills
    assert (first["planned"], first["run"], first["missed"]) == (31, 1, 30)


def test_points_that_were_pruned_are_no_gaps_in_the_report(lived: Shop) -> None:
    before = report(lived, "--month", "2024-05", "--no-store")["sources"][0]
    text = re.sub(r"keep = .*", "keep = { last = 2, min_points = 2 }", lived.schedule.read_text())
    lived.schedule.write_text(text)
    lived.drkit.ok("prune", "--yes")
    assert len(lived.ids()) == 2
    after = report(lived, "--month", "2024-05", "--no-store")["sources"][0]
    assert after["backups"] == before["backups"]
    assert (after["gaps"], after["kept"], after["rpo_by_day"]) == ([], "yes", before["rpo_by_day"])
    today = report(lived, "--month", THIS, "--no-store")["sources"][0]["retention"]
    assert today["removed"] == 32


def test_a_record_of_removals_that_cannot_be_believed_is_told_and_never_hides_a_gap(lived: Shop) -> None:
    text = re.sub(r"keep = .*", "keep = { last = 2, min_points = 2 }", lived.schedule.read_text())
    lived.schedule.write_text(text)
    lived.drkit.ok("prune", "--yes")
    [record] = (lived.folder / "backups/shop/main/removals").iterdir()
    record.write_bytes(record.read_bytes().replace(b"min_points 2", b"min_points 1"))
    found = report(lived, "--month", "2024-05", "--no-store")["sources"][0]
    [exception] = [each for each in found["exceptions"] if each["trouble"] == "not believed"]
    assert record.name in exception["cause"]
    assert found["promises"][-1]["kept"] == "unknown"
    assert (found["backups"]["missed"], found["gaps"]) == (0, [])


def test_evidence_that_was_altered_proves_nothing_and_is_an_exception(lived: Shop) -> None:
    put_evidence(
        lived.schedule, lived.folder / "backups", datetime(2024, 5, 2, tzinfo=UTC), result="failed", checks=(BAD,)
    )
    [_, failed] = sorted((lived.folder / "backups/shop/main/drills").iterdir())
    failed.write_bytes(failed.read_bytes().replace(b'"result": "failed"', b'"result": "passed"'))
    found = report(lived, "--month", "2024-05", "--no-store")["sources"][0]
    assert (found["drills"]["run"], found["kept"]) == (1, "unknown")
    [exception] = [each for each in found["exceptions"] if each["trouble"] == "not believed"]
    assert failed.name in exception["cause"]


def test_evidence_that_was_removed_is_an_exception(lived: Shop) -> None:
    for day in (2, 3):
        put_evidence(lived.schedule, lived.folder / "backups", datetime(2024, 5, day, tzinfo=UTC))
    sorted((lived.folder / "backups/shop/main/drills").iterdir())[1].unlink()
    found = report(lived, "--month", "2024-05", "--no-store")["sources"][0]
    assert any("is not here" in each["cause"] for each in found["exceptions"] if each["trouble"] == "not believed")
    kept = {each["promise"]: each["kept"] for each in found["promises"]}
    assert kept == {"restores": "unknown", "rto": "unknown", "rpo": "yes"}
    text = lived.drkit.ok("report", "--month", "2024-05", "--no-store").out
    assert "Not to be believed: 2 things in the store" in text  # a link of the chain, and a mark


def test_a_source_that_was_renamed_does_not_vanish(lived: Shop) -> None:
    lived.edit("[sources.main]", "[sources.primary]")
    lived.drkit.ok("backup", "now")
    left = f"shop/main, which no schedule names; its newest point is of {format_moment(newest_of(lived))}"
    found = report(lived, "--month", THIS)
    assert [each["source"] for each in found["sources"]] == ["shop/primary"]
    assert found["not_proven"][0] == f"Left out of this report: the store holds {left}."
    assert left in lived.drkit.ok("report", "--month", THIS).out


def newest_of(shop: Shop) -> datetime:
    moments = [parse_id(folder.name) for folder in (shop.folder / "backups/shop/main/backups").iterdir()]
    return max(moment for moment in moments if moment).replace(microsecond=0)


def test_each_format_is_what_it_says(lived: Shop) -> None:
    month = ("report", "--month", "2024-05", "--no-store")
    assert lived.drkit.ok(*month).out.startswith("shop, May 2024: were the promises kept?\nYes: ")
    assert lived.drkit.ok(*month, "--format", "html").out.startswith("<!doctype html>")
    assert lived.drkit.ok(*month, "--format", "json").document["month"] == "2024-05"
    assert lived.drkit.json(*month, "--out", "may.html") == {
        "file": "may.html",
        "stored": "not stored, as --no-store says",
        "signed": False,
    }
    assert (lived.folder / "may.html").read_text().startswith("<!doctype html>")
    lived.drkit.ok(*month, "--out", "may.json")
    assert json.loads((lived.folder / "may.json").read_text())["month"] == "2024-05"
    for options in (["--format", "pdf"], ["--month", "2024-13"], ["--month", "9999-01"], ["--out", "no/such.html"]):
        assert lived.drkit("report", *options).code == 2


def test_the_report_of_a_month_that_is_over_is_written_as_it_is_signed_and_stored(lived: Shop) -> None:
    folder = lived.folder / "backups/shop/reports"
    for day in (9, 10):  # what comes to light later does not change what was signed
        for name in ("may.html", "may.json"):
            assert lived.drkit.json("report", "--month", "2024-05", "--out", name)["signed"] is True
            stored = (folder / name.replace("may", "2024-05")).read_bytes()
            assert (lived.folder / name).read_bytes() == stored
        for name in ("may.html", "may.json"):
            assert {each["passed"] for each in lived.drkit.json("evidence", "verify", name)["findings"]} == {True}
        put_evidence(lived.schedule, lived.folder / "backups", datetime(2024, 5, day, tzinfo=UTC), backup=None)


def test_a_copy_that_was_never_signed_is_told_from_one_that_was_damaged(lived: Shop) -> None:
    written = lived.drkit.ok("report", "--month", "2024-05", "--no-store", "--out", "may.json")
    assert "may.json is not signed" in written.lines[-1]["message"]
    checked = lived.drkit("evidence", "verify", "may.json", "--json")
    assert checked.code == 7
    assert "never signed" in checked.document["findings"][0]["hint"]


def test_a_stored_report_that_was_altered_is_handed_out_to_nobody(lived: Shop) -> None:
    lived.drkit.ok("report", "--month", "2024-05")
    stored = lived.folder / "backups/shop/reports/2024-05.json"
    stored.write_bytes(stored.read_bytes().replace(b'"kept": "yes"', b'"kept": "no"'))
    done = lived.drkit("report", "--month", "2024-05", "--out", "may.json")
    assert (done.code, (lived.folder / "may.json").exists()) == (7, False)
    stored.unlink()
    lived.drkit.ok("report", "--month", "2024-05")
    stored.with_suffix(".html").unlink()
    assert lived.drkit("report", "--month", "2024-05", "--out", "may.html").code == 7


def test_a_month_before_everything_is_refused(lived: Shop) -> None:
    done = lived.drkit("report", "--month", "2024-03")
    assert done.code == 2
    assert "nothing is known of shop in 2024-03" in done.errors[0]["message"]


def test_several_systems_have_a_report_each(lived: Shop) -> None:
    other = lived.schedule.with_name("other.toml")
    other.write_text(lived.schedule.read_text())
    assert [each["system"] for each in report(lived, "--month", THIS)["reports"]] == ["other", "shop"]
    assert lived.drkit("report", "--format", "html").code == 2
    assert lived.drkit.ok("report", "shop", "--month", THIS, "--format", "html").out.startswith("<!doctype")
