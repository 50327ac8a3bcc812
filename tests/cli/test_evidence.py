import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import Shop, copy_shop
from cli.golden_text import compare
from cli_drills import put_evidence
from cli_runner import Drkit, drkit_in, settled
from drkit.signing import format_signing_key, new_signing_key
from drkit.when import format_moment

FIRST = datetime(2024, 5, 1, 4, tzinfo=UTC)


@pytest.fixture(scope="module")
def _proven(captured: Callable[[], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("proven") / "shop"
    shop = copy_shop(captured(), folder)
    shop.capture_at(*(format_moment(FIRST.replace(day=day, hour=1)) for day in (1, 2, 3)))
    shop.edit('verify = "0 4 1 * *"', "")  # or those that were never run since would be told of
    shop.edit('keep = { within = "7d", daily = 30, weekly = 8, monthly = 12 }', "keep = { last = 3, min_points = 3 }")
    for day, point in enumerate(shop.ids()[:3], 1):
        put_evidence(shop.schedule, folder / "backups", FIRST.replace(day=day), backup=point)
    shop.drkit.ok("report", "--month", "2024-05")
    shop.drkit.ok("prune", "--yes")
    return folder


@pytest.fixture
def proven(_proven: Path, tmp_path: Path) -> Shop:
    """A shop with three drills of May 2024, the last of which restored a point that stands, a prune and a report."""
    return copy_shop(_proven, tmp_path / "shop")


def drills(shop: Shop) -> list[Path]:
    return sorted((shop.folder / "backups/shop/main/drills").iterdir())


def report_of(shop: Shop) -> Path:
    return shop.folder / "backups/shop/reports/2024-05.json"


def findings(drkit: Drkit, *arguments: str, code: int = 0) -> list[dict[str, Any]]:
    done = drkit("evidence", "verify", *arguments, "--json")
    assert done.code == code, done
    found = done.document["findings"]
    for each in found:
        assert set(each) == {"source", "check", "passed", "detail", "hint"}
    assert (code == 0) == all(each["passed"] for each in found)
    return [each for each in found if code == 0 or not each["passed"]]


def alter(file: Path, old: bytes, new: bytes) -> None:
    content = file.read_bytes()
    assert old in content
    file.write_bytes(content.replace(old, new))


def test_all_that_is_signed_is_believed(proven: Shop) -> None:
    found = findings(proven.drkit, "all")
    assert [(each["source"], each["check"]) for each in found] == [
        ("shop/main", "evidence"),
        ("shop/main", "removals"),
        ("shop", "report"),
        ("shop", "page"),
    ]
    assert "3 drills, from " in found[0]["detail"]
    assert [each["check"] for each in findings(proven.drkit, "all", "shop/main")] == ["evidence", "removals"]


def test_evidence_that_was_altered_is_found_in_the_store_and_in_files(proven: Shop) -> None:
    alter(drills(proven)[1], b'"passed"', b'"failed"')
    for arguments in (["all"], [str(drills(proven)[1])], ["backups"]):
        found = findings(proven.drkit, *arguments, code=7)
        assert drills(proven)[1].stem in found[0]["detail"]
        assert found[0]["source"] == "shop/main"


def test_evidence_that_was_taken_out_of_the_middle_is_missed(proven: Shop) -> None:
    gone = drills(proven)[1]
    gone.unlink()
    for arguments in (["all"], ["backups"]):
        assert any(gone.stem in each["detail"] for each in findings(proven.drkit, *arguments, code=7))


def test_evidence_that_was_removed_from_the_beginning_is_missed_in_the_store_and_may_be_left_out_of_files(
    proven: Shop,
) -> None:
    gone = drills(proven)[0]
    gone.unlink()
    [found] = findings(proven.drkit, "all", code=7)
    assert (found["check"], gone.stem in found["detail"]) == ("beginning", True)
    told = {each["check"]: each["detail"] for each in findings(proven.drkit, "backups")}
    assert gone.stem in told["beginning"]
    assert told["evidence"].endswith(": all signed, none altered")


def test_the_newest_evidence_that_was_removed_is_missed_by_the_mark_beside_its_backup(proven: Shop) -> None:
    drills(proven)[2].unlink()
    [found] = findings(proven.drkit, "all", code=7)
    assert found["check"] == "mark"
    [copied] = findings(proven.drkit, "backups", code=7)
    assert copied == found


def test_evidence_that_was_removed_to_the_last_is_missed_too(proven: Shop) -> None:
    for file in drills(proven):
        file.unlink()
    assert {each["check"] for each in findings(proven.drkit, "all", code=7)} == {"mark"}


def test_a_record_of_removals_that_was_altered_is_found(proven: Shop) -> None:
    [record] = (proven.folder / "backups/shop/main/removals").iterdir()
    assert findings(proven.drkit, str(record))[0]["check"] == "removals"
    alter(record, b"last 3", b"last 4")
    for arguments in (["all"], [str(record)]):
        assert record.stem in findings(proven.drkit, *arguments, code=7)[0]["detail"]


def test_a_report_or_a_page_that_was_altered_is_found(proven: Shop) -> None:
    page = report_of(proven).with_suffix(".html")
    alter(page, b"May 2024", b"May 2023")
    for arguments in (["all"], [str(page)]):
        assert [each["check"] for each in findings(proven.drkit, *arguments, code=7)] == ["page"]
    assert findings(proven.drkit, str(report_of(proven)))
    alter(report_of(proven), b'"month": "2024-05"', b'"month": "2024-04"')
    assert findings(proven.drkit, "all", code=7)[0]["check"] == "report"


def test_a_page_alone_is_vouched_for_by_nothing(proven: Shop) -> None:
    report_of(proven).unlink()
    assert proven.drkit("evidence", "verify", str(report_of(proven).with_suffix(".html"))).code == 7
    assert findings(proven.drkit, "all", code=7)[0]["check"] == "page"


def test_files_can_be_checked_where_there_is_neither_a_schedule_nor_a_store(proven: Shop, tmp_path: Path) -> None:
    auditor = drkit_in(tmp_path / "auditor")
    for file in (*drills(proven), report_of(proven), report_of(proven).with_suffix(".html")):
        shutil.copy(file, auditor.folder / f"copy-{file.name}")
    signer = (proven.folder / "keys/signer").read_text().strip()
    files = sorted(path.name for path in auditor.folder.iterdir())
    unknown = auditor("evidence", "verify", *files)
    assert unknown.code == 3
    assert "--signer" in unknown.errors[0]["hint"]
    checks = [each["check"] for each in findings(auditor, *files, "--signer", signer)]
    assert checks == ["evidence", "report", "page"]
    other = str(new_signing_key().signer())
    assert len(findings(auditor, *files, "--signer", other, code=7)) == 4


def test_a_folder_into_which_somebody_put_files_together_is_checked_by_what_they_say_they_are(proven: Shop) -> None:
    flat = proven.folder / "flat"
    flat.mkdir()
    [record] = (proven.folder / "backups/shop/main/removals").iterdir()
    for file in (*drills(proven), record, report_of(proven), report_of(proven).with_suffix(".html")):
        shutil.copy(file, flat)
    [manifest, *_] = proven.objects("manifest.json")
    shutil.copy(manifest, flat)
    checks = [each["check"] for each in findings(proven.drkit, "flat")]
    assert checks == ["evidence", "removals", "report", "page"]
    alter(flat / drills(proven)[2].name, b'"passed"', b'"failed"')
    alter(flat / "2024-05.html", b"May 2024", b"May 2023")
    assert [each["check"] for each in findings(proven.drkit, "flat", code=7)] == ["evidence", "page"]
    (flat / drills(proven)[2].name).write_text("{}")
    spoilt = proven.drkit("evidence", "verify", "flat")
    assert spoilt.code == 7
    assert drills(proven)[2].name in spoilt.errors[0]["message"]


def test_the_evidence_of_a_source_that_was_renamed_is_checked_with_the_others(proven: Shop) -> None:
    proven.edit("[sources.main]", "[sources.primary]")
    found = findings(proven.drkit, "all", "shop")
    assert [(each["source"], each["check"]) for each in found][:2] == [
        ("shop/main", "schedule"),
        ("shop/main", "evidence"),
    ]
    assert "which no schedule names" in found[0]["detail"]
    alter(drills(proven)[2], b'"passed"', b'"failed"')
    assert [each["source"] for each in findings(proven.drkit, "all", code=7)] == ["shop/main"]
    for folder in (proven.folder / "backups/shop/main/backups").iterdir():
        shutil.rmtree(folder)
    assert [each["source"] for each in findings(proven.drkit, "all", code=7)] == ["shop/main"]


def test_where_there_is_nothing_to_check_nothing_has_passed(proven: Shop) -> None:
    (proven.folder / "mount").mkdir()
    for _ in range(2):
        done = proven.drkit("evidence", "verify", "mount")
        assert done.code == 2
        assert done.errors[0]["message"] == "nothing was found to check in mount"
        (proven.folder / "mount/notes.json").write_text("[1]")


def test_a_private_key_given_as_a_signer_is_not_repeated(proven: Shop) -> None:
    secret = format_signing_key(new_signing_key())
    done = proven.drkit("evidence", "verify", "backups", "--signer", secret)
    assert done.code == 3
    assert secret not in done.err + done.out


@pytest.mark.parametrize(("name", "code"), [("keys/signer", 7), ("no-such-file", 2)])
def test_a_file_that_is_nothing_of_ours_is_refused(proven: Shop, name: str, code: int) -> None:
    assert proven.drkit("evidence", "verify", name).code == code


def test_drills_are_listed_newest_first(proven: Shop) -> None:
    listed = proven.drkit.json("evidence", "list")["drills"]
    assert [each["id"] for each in listed] == [file.stem for file in reversed(drills(proven))]
    assert listed[0]["rto"] == 600.0


def test_what_evidence_says_reads_as_it_is_written_down(proven: Shop) -> None:
    lines = proven.drkit.ok("evidence", "list").out + "\n" + proven.drkit.ok("evidence", "verify", "all").out
    alter(drills(proven)[1], b'"passed"', b'"failed"')
    bad = proven.drkit("evidence", "verify", "all")
    compare("evidence", settled(f"{lines}\n{bad.out}"))
