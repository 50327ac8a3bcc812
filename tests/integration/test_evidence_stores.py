"""What is signed about drills, prunes and months, in every kind of store."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from drills import drill_at
from drkit import catalog
from drkit.ports import Store
from drkit.prune.removals import record_removals
from drkit.report.audit import audit
from drkit.report.facts import make_report
from drkit.report.filing import file_report
from drkit.report.holdings import hold_store
from drkit.report.page import draw_page
from drkit.report.reading import Asked, read_known
from drkit.stores import open_store
from drkit.stores.local import LocalStore
from drkit.stores.memory import MemoryStore
from drkit.timetable import parse_cron
from drkit.verify.ledger import commit_evidence
from drkit.verify.missed import record_missed
from manifests import KEY, SIGNERS, manifest_of, put_backup
from servers.s3_server import S3Server

SOURCE, ZONE = "shop/main", ZoneInfo("UTC")
NIGHTLY = parse_cron("0 4 * * *")
FIRST = datetime(2024, 5, 1, 4, tzinfo=UTC)
NOW = datetime(2024, 6, 1, 5, tzinfo=UTC)
DAY = timedelta(days=1)
ASKED = Asked("sqlite", parse_cron("0 3 * * *"), NIGHTLY, timedelta(minutes=15), timedelta(hours=30), None)


@pytest.fixture(params=["memory", "folder", "radosgw"])
def store(request: pytest.FixtureRequest, tmp_path: Path, place: Callable[[S3Server], str]) -> Store:
    if request.param == "memory":
        return MemoryStore()
    if request.param == "folder":
        return LocalStore(tmp_path)
    return open_store(place(request.getfixturevalue("radosgw_url")))


def checks(store: Store) -> list[tuple[str, bool]]:
    found = audit(hold_store(store, "shop", [SOURCE], reports=True), lambda system: SIGNERS)
    return [(each.finding.check, each.finding.passed) for each in found]


def test_a_month_is_lived_reported_filed_and_believed(store: Store) -> None:
    manifests = [manifest_of(FIRST + day * DAY - timedelta(hours=1)) for day in range(4)]
    for manifest in manifests:
        put_backup(store, manifest)
    commit_evidence(store, drill_at(FIRST, backup=manifests[0].id), KEY, SIGNERS)
    written = record_missed(store, SOURCE, NIGHTLY, ZONE, KEY, SIGNERS, FIRST + 3 * DAY, "a run")
    assert len(written) == 2
    gone = catalog.survey(store, SOURCE).points[1]
    record_removals([gone], [], SOURCE, store, "a test", KEY, SIGNERS, FIRST + 3 * DAY, "00000001", "a run")
    store.delete(entry.key for entry in store.list(catalog.folder_of(SOURCE, gone.id)))
    listing = catalog.survey(store, SOURCE)
    known = read_known(store, listing, ASKED, SIGNERS, ZONE, FIRST - DAY, NOW)
    assert [removal.point for removal in known.removals] == [gone]
    assert ([drill.result for drill in known.drills], known.doubts) == (["passed", "missed", "missed"], ())
    report = make_report("shop", [known], date(2024, 5, 1), ZONE, NOW)
    assert file_report(store, report, draw_page(report).encode(), KEY) == "stored"
    assert file_report(store, report, b"another page", KEY) == "stored already"
    assert checks(store) == [("evidence", True), ("removals", True), ("report", True), ("page", True)]
    newest = catalog.removal_key(SOURCE, catalog.make_id(FIRST + 3 * DAY, "00000001"))
    content = b"".join(store.get(newest))
    store.delete([newest])
    store.put(newest, iter([content.replace(b"a test", b"a jest")]))
    store.delete([written[0]])
    assert [check for check, passed in checks(store) if not passed] == ["gap", "removals"]
