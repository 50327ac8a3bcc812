"""Evidence, its chain, and the marks beside backups: each way in which somebody, or a clock, could spoil them."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from drills import AT, BAD, GOOD, UNKNOWN, drill_at
from drkit import catalog
from drkit.catalog import Mark, make_id, survey
from drkit.errors import AlreadyExists, IntegrityError
from drkit.model import Finding
from drkit.ports import Store
from drkit.prune import plan_prune, prune
from drkit.retention import Verdict
from drkit.signing import new_signing_key, sign_document
from drkit.stores.local import LocalStore
from drkit.stores.memory import MemoryStore
from drkit.verify.chain import check_chain, check_marks
from drkit.verify.evidence import format_evidence, parse_evidence
from drkit.verify.ledger import LOOK_BACK, Stored, commit_evidence, latest, read_files, read_store
from drkit.verify.model import Drill, Evidence, Link, Worst
from manifests import KEY, SIGNERS, manifest_of, put, put_backup

DAY = timedelta(days=1)
FIRST = Link(make_id(AT - DAY, "0" * 8), "ab" * 32)
SOURCE = "shop/main"


def key_of(drill: Drill) -> str:
    return catalog.drill_key(drill.source, drill.id)


def body_of(store: Store, key: str) -> bytes:
    return b"".join(store.get(key))


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.mark.parametrize(
    "drill",
    [
        drill_at(),
        drill_at(result="failed", error="pg_restore: error\n\tcould not … ☠ \x00", checks=(GOOD, BAD, UNKNOWN)),
        drill_at(result="aborted", error="interrupted", reached=None, phases=(), checks=(), disposed=False),
        drill_at(result="missed", backup=None, wanted=None, reached=None, phases=(), clock_offset=None, tools={}),
        drill_at(scenario="corruption", seed="2026-11-20:17", objects=(), settings_that_differ={}),
        drill_at(log_bytes=5 << 20, worst=Worst(AT, make_id(AT, "0" * 8), 7 << 30, timedelta(minutes=9))),
        drill_at(log_bytes=0, worst=Worst(AT, make_id(AT, "0" * 8), 7 << 30, None)),
    ],
    ids=["passed", "failed", "aborted", "missed", "corruption", "along a log", "too far to tell"],
)
@pytest.mark.parametrize("previous", [(), (FIRST,), (FIRST, replace(FIRST, id=make_id(AT, "0" * 8)))])
def test_evidence_of_every_end_comes_back_as_it_was_signed(drill: Drill, previous: tuple[Link, ...]) -> None:
    evidence = Evidence(drill, previous)
    assert parse_evidence(key_of(drill), format_evidence(evidence, KEY), SIGNERS) == evidence


def test_bytes_in_an_error_that_are_no_text_do_not_keep_evidence_from_being_written() -> None:
    drill = drill_at(result="failed", error=b"cannot read \xff".decode(errors="surrogateescape"))
    found = parse_evidence(key_of(drill), format_evidence(Evidence(drill, ()), KEY), SIGNERS)
    assert found.drill.error == r"cannot read \udcff"


def test_evidence_with_any_byte_changed_is_refused_and_named() -> None:
    drill = drill_at()
    good = format_evidence(Evidence(drill, (FIRST,)), KEY)
    for at in range(0, len(good), 7):
        with pytest.raises(IntegrityError, match=drill.id):
            parse_evidence(key_of(drill), good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :], SIGNERS)


def resigned(drill: Drill, **changes: object) -> bytes:
    """What somebody with the right key might write, by another version or by mistake."""
    document = json.loads(format_evidence(Evidence(drill, ()), KEY))
    del document["signature"]
    return sign_document(KEY, key_of(drill), {**document, **changes})


@pytest.mark.parametrize("version", [2, 0, "1", True, None])
def test_evidence_of_another_format_is_refused_and_says_who_reads_it(version: object) -> None:
    drill = drill_at()
    with pytest.raises(IntegrityError, match=rf"is written in format {version!r}") as refused:
        parse_evidence(key_of(drill), resigned(drill, drkit=version), SIGNERS)
    assert "newer drkit" in refused.value.hint


@pytest.mark.parametrize(
    "changes",
    [
        {"result": "excellent"},
        {"scenario": None},
        {"started_at": "yesterday"},
        {"ended_at": 17},
        {"disposed": 1},
        {"stored_bytes": True},
        {"stored_bytes": "12"},
        {"error": None},
        {"checks": [{"name": "tables", "outcome": "perfect", "expected": "", "actual": ""}]},
        {"checks": {}},
        {"checks": ["tables"]},
        {"phases": [{"name": "load"}]},
        {"phases": [{"name": "load", "taken_us": "1"}]},
        {"rto": None},
        {"rto": {"target_us": 1, "measured_us": 10**30, "met": True}},
        {"rpo": {"target_us": None, "measured_us": None, "met": 0}},
        {"tools": {"pg_restore": 15}},
        {"log_bytes": "much"},
        {"worst_case": {"at": "2020-11-20T14:30:00Z", "backup": None, "log_bytes": 1, "expected_us": 1}},
        {"settings_that_differ": {"fsync": ["on", "off"]}},
        {"previous": [{"id": "a"}]},
        {"previous": "none"},
        {"id": make_id(AT, "0" * 8)},
        {"source": "shop/other"},
        {"started_at": "2020-11-20T14:30:00Z"},
    ],
)
def test_signed_evidence_that_says_too_little_or_speaks_of_another_drill_is_refused_and_named(
    changes: dict[str, object],
) -> None:
    drill = drill_at()
    with pytest.raises(IntegrityError, match=drill.id):
        parse_evidence(key_of(drill), resigned(drill, **changes), SIGNERS)


def test_members_that_a_later_drkit_adds_are_passed_over() -> None:
    drill = drill_at()
    assert parse_evidence(key_of(drill), resigned(drill, colour="blue"), SIGNERS).drill == drill


def chain(store: Store, count: int, source: str = SOURCE) -> list[Drill]:
    """A drill a day, each committed in its turn."""
    drills = [drill_at(AT + day * DAY, source=source, backup=None) for day in range(count)]
    for drill in drills:
        commit_evidence(store, drill, KEY, SIGNERS)
    return drills


def check(store: Store, source: str = SOURCE) -> list[Finding]:
    return check_chain(read_store(store, source), SIGNERS)


def previous_of(store: Store, drill: Drill) -> list[str]:
    return [link.id for link in parse_evidence(key_of(drill), body_of(store, key_of(drill)), SIGNERS).previous]


def commit_after(store: Store, drill: Drill, *previous: Drill) -> None:
    """As a drill does that saw only those before it."""
    links = tuple(Stored(key_of(each), body_of(store, key_of(each))).link for each in previous)
    put(store, key_of(drill), format_evidence(Evidence(drill, links), KEY))


def named(findings: list[Finding]) -> list[tuple[str, bool]]:
    return [(finding.check, finding.passed) for finding in findings]


def test_each_evidence_follows_the_one_before_it_and_a_whole_chain_has_no_findings(store: MemoryStore) -> None:
    drills = chain(store, 4)
    chain(store, 2, "shop/other")
    assert [previous_of(store, drill) for drill in drills] == [[], *([drill.id] for drill in drills[:-1])]
    assert check(store) == check(store, "shop/other") == check(store, "shop/none") == []


class Counting(MemoryStore):
    """Says how often it was asked for what."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def get(self, key, start=0, end=None):  # type: ignore[no-untyped-def]
        self.asked.append("get")
        return super().get(key, start, end)

    def list(self, prefix=""):  # type: ignore[no-untyped-def]
        self.asked.append("list")
        return super().list(prefix)


def test_the_latest_is_found_with_one_listing_and_a_few_objects() -> None:
    store = Counting()
    drills = chain(store, 3 * LOOK_BACK)
    store.asked.clear()
    assert [link.id for link in latest(store, SOURCE, SIGNERS)] == [drills[-1].id]
    assert store.asked == ["list"] + ["get"] * LOOK_BACK


def test_an_altered_evidence_is_named_once_and_its_follower_is_not_blamed(store: MemoryStore) -> None:
    drills = chain(store, 4)
    key = key_of(drills[1])
    altered = body_of(store, key).replace(b'"passed"', b'"failed"')
    store.delete([key])
    put(store, key, altered)
    [finding] = check(store)
    assert (finding.check, finding.passed) == ("signature", False)
    assert key in finding.detail
    assert "does not fit" in finding.detail


def test_an_evidence_signed_anew_is_altered_by_the_word_of_its_follower(store: MemoryStore) -> None:
    drills = chain(store, 4)
    store.delete([key_of(drills[1])])
    commit_after(store, replace(drills[1], error="it was not so"), drills[0])
    [finding] = check(store)
    assert (finding.check, finding.passed) == ("altered", False)
    assert finding.detail == f"{drills[1].id} is not any more what {drills[2].id} followed"


def test_evidence_of_an_unknown_signer_is_told_apart_from_a_forged_one(store: MemoryStore) -> None:
    drills = chain(store, 2)
    commit_evidence(store, drill_at(AT + 2 * DAY, backup=None), other := new_signing_key(), SIGNERS)
    [finding] = check(store)
    assert (finding.check, finding.passed) == ("signature", False)
    assert "is not an accepted signer" in finding.detail
    assert check_chain(read_store(store, SOURCE), {*SIGNERS, other.signer()}) == []
    assert [link.id for link in latest(store, SOURCE, SIGNERS)] == [drills[-1].id]


@pytest.mark.parametrize("gone", [[1], [2], [1, 2]])
def test_an_evidence_taken_out_of_the_middle_leaves_a_gap_that_names_it(store: MemoryStore, gone: list[int]) -> None:
    drills = chain(store, 5)
    store.delete(key_of(drills[each]) for each in gone)
    [finding] = check(store)
    assert (finding.check, finding.passed) == ("gap", False)
    assert finding.detail == f"{drills[gone[-1]].id} is not here, and {drills[gone[-1] + 1].id} follows it"


def test_two_evidences_whose_contents_were_exchanged_are_both_refused(store: MemoryStore) -> None:
    drills = chain(store, 4)
    one, other = key_of(drills[1]), key_of(drills[2])
    bodies = body_of(store, one), body_of(store, other)
    store.delete([one, other])
    put(store, other, bodies[0])
    put(store, one, bodies[1])
    assert named(check(store)) == [("signature", False)] * 2


def test_an_evidence_moved_to_another_time_is_refused_and_missed_where_it_was(store: MemoryStore) -> None:
    drills = chain(store, 4)
    later = drill_at(AT + 9 * DAY)
    put(store, key_of(later), body_of(store, key_of(drills[1])))
    store.delete([key_of(drills[1])])
    assert named(check(store)) == [("signature", False), ("gap", False)]


def test_the_evidence_of_another_source_cannot_stand_in(store: MemoryStore) -> None:
    drills = chain(store, 2)
    others = chain(store, 2, "shop/other")
    store.delete([key_of(drills[1])])
    put(store, key_of(drills[1]), body_of(store, key_of(others[1])))
    assert named(check(store)) == [("signature", False)]


@pytest.mark.parametrize("whole", [True, False])
def test_a_chain_without_its_beginning_has_passed_only_where_that_may_have_been_left_out(
    store: MemoryStore, whole: bool
) -> None:
    drills = chain(store, 5)
    store.delete([key_of(drills[0]), key_of(drills[1])])
    [finding] = check_chain(read_store(store, SOURCE), SIGNERS, whole)
    assert (finding.check, finding.passed) == ("beginning", not whole)
    assert (
        finding.detail == f"the chain begins with {drills[2].id}; those before it, up to {drills[1].id}, are not here"
    )


def test_drills_at_once_make_a_fork_and_the_next_evidence_follows_them_all(store: MemoryStore) -> None:
    drills = chain(store, 3)
    beside = [drill_at(AT + 2 * DAY, token=f"0000000{number}", backup=None) for number in (1, 2)]
    for each in beside:
        commit_after(store, each, drills[1])
    [finding] = check(store)
    assert (finding.check, finding.passed) == ("fork", True)
    assert all(each.id in finding.detail for each in (drills[1], drills[2], *beside))
    assert "nothing follows all of them yet" in finding.detail
    last = drill_at(AT + 3 * DAY, backup=None)
    commit_evidence(store, last, KEY, SIGNERS)
    assert previous_of(store, last) == sorted(each.id for each in (drills[2], *beside))
    [finding] = check(store)
    assert f"{last.id} follows all of them" in finding.detail
    after = drill_at(AT + 4 * DAY, backup=None)
    commit_evidence(store, after, KEY, SIGNERS)
    assert previous_of(store, after) == [last.id]


def test_a_fork_may_go_on_for_a_while_before_it_is_joined(store: MemoryStore) -> None:
    drills = chain(store, 2)
    left, right = drill_at(AT + 2 * DAY), drill_at(AT + 3 * DAY)
    commit_after(store, left, drills[1])
    commit_after(store, right, drills[1])
    longer = drill_at(AT + 4 * DAY)
    commit_after(store, longer, right)
    commit_evidence(store, last := drill_at(AT + 5 * DAY, backup=None), KEY, SIGNERS)
    assert previous_of(store, last) == [left.id, longer.id]
    [finding] = check(store)
    assert f"{left.id} and {right.id} each follow {drills[1].id}" in finding.detail
    assert f"{last.id} follows all of them" in finding.detail


@pytest.mark.parametrize("cut", [False, True])
def test_a_chain_that_is_begun_a_second_time_is_a_fork_too(store: MemoryStore, cut: bool) -> None:
    drills = chain(store, 3)
    commit_after(store, again := drill_at(AT + 3 * DAY))
    if cut:
        store.delete([key_of(drills[0])])
    begins = drills[1] if cut else drills[0]
    *others, finding = check(store)
    assert named(others) == ([("beginning", False)] if cut else [])
    assert (finding.check, finding.passed) == ("fork", True)
    assert f"{begins.id} and {again.id} each begin a chain" in finding.detail


def test_a_wrong_clock_shows_and_neither_breaks_the_chain_nor_stops_it(store: MemoryStore) -> None:
    drills = chain(store, 2)
    fast = drill_at(AT + 9000 * DAY, backup=None)
    later = [drill_at(AT + day * DAY, backup=None) for day in (2, 3, 4)]
    for each in (fast, *later):
        commit_evidence(store, each, KEY, SIGNERS)
    assert previous_of(store, fast) == [drills[1].id]
    assert [previous_of(store, each) for each in later] == [[fast.id], [later[0].id], [later[1].id]]
    [finding] = check(store)
    assert (finding.check, finding.passed) == ("order", True)
    assert finding.detail == f"{later[0].id} follows {fast.id}, whose time is later"


def test_spoilt_evidence_does_not_keep_the_next_one_from_being_written(store: MemoryStore) -> None:
    drills = chain(store, 3)
    put(store, key_of(drill_at(AT + 9000 * DAY)), b"nonsense")
    put(store, f"{catalog.drills_of(SOURCE)}notes.txt")
    commit_evidence(store, last := drill_at(AT + 4 * DAY, backup=None), KEY, SIGNERS)
    assert previous_of(store, last) == [drills[-1].id]
    assert named(check(store)) == [("signature", False)]


@pytest.mark.parametrize("ago", [2, LOOK_BACK, LOOK_BACK + 1])
def test_after_a_removal_the_chain_goes_on_and_does_not_read_itself_whole(ago: int) -> None:
    store = Counting()
    count = 4 * LOOK_BACK
    drills = chain(store, count)
    store.delete([key_of(drills[-ago])])
    for day in range(count, count + 3):
        store.asked.clear()
        commit_evidence(store, drill_at(AT + day * DAY, backup=None), KEY, SIGNERS)
        assert store.asked.count("get") <= LOOK_BACK + 2
    assert named(check(store)) == [("gap", False)]


def test_the_chain_can_be_checked_across_formats(store: MemoryStore) -> None:
    drills = chain(store, 2)
    newer = drill_at(AT + 2 * DAY)
    link = Stored(key_of(drills[1]), body_of(store, key_of(drills[1]))).link
    document = {"drkit": 7, "id": newer.id, "source": SOURCE, "previous": [{"id": link.id, "sha256": link.sha256}]}
    put(store, key_of(newer), sign_document(KEY, key_of(newer), document))
    commit_evidence(store, last := drill_at(AT + 3 * DAY, backup=None), KEY, SIGNERS)
    assert previous_of(store, last) == [newer.id]
    assert check(store) == []


def test_evidence_is_written_once(store: MemoryStore) -> None:
    [drill] = chain(store, 1)
    with pytest.raises(AlreadyExists):
        commit_evidence(store, drill, KEY, SIGNERS)


def test_files_copied_out_of_a_store_or_lying_anywhere_are_the_same_chain(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    drills = chain(store, 3)
    chain(store, 1, "shop/other")
    copied = sorted((tmp_path / "store").glob("*/*/drills/*.json"))
    stray = tmp_path / "an attachment"
    stray.write_bytes(body_of(store, key_of(drills[2])))
    found = read_files([*copied, stray])
    assert sorted(found) == [SOURCE, "shop/other"]
    assert [check_chain(each, SIGNERS) for each in found.values()] == [[], []]
    assert len(set(found[SOURCE])) == 3
    stray.write_bytes(stray.read_bytes().replace(b'"passed"', b'"failed"'))
    assert named(check_chain(read_files([stray])[SOURCE], SIGNERS)) == [("signature", False)]


def test_two_signed_files_of_the_same_drill_contradict_each_other(tmp_path: Path) -> None:
    for number in (0, 1):
        drill = drill_at(error=f"version {number}")
        (tmp_path / f"{number}.json").write_bytes(format_evidence(Evidence(drill, ()), KEY))
    [found] = read_files(tmp_path.iterdir()).values()
    [finding] = check_chain(found, SIGNERS)
    assert finding.detail == f"{drill_at().id} is there twice, with different contents, each of them signed"


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"[" * 100_000, b'{"id": 1, "source": 2}', b"\xff"])
def test_a_file_that_is_no_evidence_is_refused_and_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "letter.json").write_bytes(content)
    with pytest.raises(IntegrityError, match=r"letter\.json is not evidence"):
        read_files([tmp_path / "letter.json"])


def marked(store: Store, *drills: Drill) -> None:
    for drill in drills:
        commit_evidence(store, drill, KEY, SIGNERS)


def test_a_listing_tells_which_points_are_verified_and_nothing_is_read_for_it() -> None:
    store = Counting()
    manifests = [manifest_of(AT + day * DAY) for day in range(3)]
    for manifest in manifests:
        put_backup(store, manifest)
    drilled = drill_at(AT + 5 * DAY, backup=manifests[1].id)
    bare = survey(store, SOURCE).points
    marked(store, drilled)
    store.asked.clear()
    points = survey(store, SOURCE).points
    assert store.asked == ["list"]
    assert points == (bare[0], replace(bare[1], verified_at=AT + 5 * DAY), bare[2])


@pytest.mark.parametrize(
    ("ends", "verified_on"),
    [
        (["passed"], 0),
        (["passed", "passed"], 1),
        (["passed", "refuted"], None),
        (["refuted", "passed"], 1),
        (["passed", "aborted", "missed"], 0),
        (["passed", "full disk"], 0),
        (["aborted"], None),
    ],
)
def test_the_newest_drill_that_has_shown_anything_decides(
    store: MemoryStore, ends: list[str], verified_on: int | None
) -> None:
    manifest = manifest_of()
    put_backup(store, manifest)
    for day, end in enumerate(ends):
        drill = drill_at(AT + (day + 1) * DAY, backup=manifest.id)
        changed = {
            "passed": drill,
            "refuted": replace(drill, result="failed", checks=(BAD,)),
            "full disk": replace(drill, result="failed", error="the disk is full"),
            "aborted": replace(drill, result="aborted"),
            "missed": replace(drill, result="missed"),
        }
        marked(store, changed[end])
    [point] = survey(store, SOURCE).points
    assert point.verified_at == (None if verified_on is None else AT + (verified_on + 1) * DAY)
    assert len(read_store(store, SOURCE)) == len(ends)


def test_a_mark_whose_clock_was_fast_counts_from_when_the_store_had_it_and_not_for_ever(store: MemoryStore) -> None:
    manifest = manifest_of()
    put_backup(store, manifest)
    marked(store, drill_at(AT + 100_000 * DAY, backup=manifest.id))
    listing = survey(store, SOURCE)
    [mark] = catalog.marks(SOURCE, listing.entries)
    [stamp] = [entry.modified_at for entry in listing.entries if "verified-" in entry.key]
    assert mark.drilled_at == listing.points[0].verified_at == stamp


def test_of_two_marks_of_one_moment_the_worse_counts(store: MemoryStore) -> None:
    manifest = manifest_of()
    put_backup(store, manifest)
    catalog.mark(store, SOURCE, manifest.id, make_id(AT, "0" * 8), "refuted")
    catalog.mark(store, SOURCE, manifest.id, make_id(AT, "1" * 8), "verified")
    assert survey(store, SOURCE).points[0].verified_at is None


def test_what_only_looks_like_a_mark_marks_nothing(store: MemoryStore) -> None:
    manifest = manifest_of()
    put_backup(store, manifest)
    folder = catalog.folder_of(SOURCE, manifest.id)
    drill_id = make_id(AT, "0" * 8)
    for name in (
        "verified.json", f"verified-{drill_id}", f"proven-{drill_id}.json",
        "verified-20269999T000000.000000Z-00000000.json", f"verified-{drill_id}.json.old",
        f"deeper/verified-{drill_id}.json",
    ):  # fmt: skip
        put(store, f"{folder}/{name}")
    [point] = survey(store, SOURCE).points
    assert point.verified_at is None


@pytest.mark.parametrize(("reasons", "goes"), [((), True), (("newest verified",), False)])
def test_a_mark_is_pruned_when_its_backup_is_and_not_before(
    store: MemoryStore, reasons: tuple[str, ...], goes: bool
) -> None:
    manifest = manifest_of()
    put_backup(store, manifest)
    marked(store, drill_at(backup=manifest.id))
    listing = survey(store, SOURCE)
    plan = plan_prune(listing, [Verdict(listing.points[0], reasons)], set(), timedelta(0), AT + 9999 * DAY)
    prune(store, plan, lambda points, log: None)
    assert len([*store.list(catalog.backups_of(SOURCE))]) == (0 if goes else 4)
    assert len(read_store(store, SOURCE)) == 1


def test_a_mark_says_where_its_evidence_lies(store: MemoryStore) -> None:
    manifest = manifest_of()
    put_backup(store, manifest)
    drill = drill_at(backup=manifest.id)
    marked(store, drill)
    [mark] = catalog.marks(SOURCE, survey(store, SOURCE).entries)
    note = json.loads(body_of(store, f"{catalog.folder_of(SOURCE, manifest.id)}/verified-{drill.id}.json"))
    assert note == {"drkit": 1, "evidence": key_of(drill)}
    assert mark == Mark(manifest.id, drill.id, "verified", drill.started_at)


def test_marks_are_held_against_the_evidence(store: MemoryStore) -> None:
    drills = [drill_at(AT + day * DAY) for day in range(3)]
    marked(store, *drills)
    found = {drill.id: Evidence(drill, ()) for drill in drills}
    good = [Mark(drill.backup or "", drill.id, "verified", drill.started_at) for drill in drills]
    assert check_marks(good, found) == []
    forged = [replace(good[0], proof="refuted"), replace(good[1], backup=good[2].backup)]
    assert [(finding.check, finding.passed) for finding in check_marks(forged, found)] == [("mark", False)] * 2
    assert check_marks(good, {}) != []


def test_evidence_cut_off_at_the_end_of_the_chain_is_missed_by_the_mark_it_left(store: MemoryStore) -> None:
    drills = [drill_at(AT + day * DAY) for day in range(3)]
    marked(store, *drills)
    store.delete([key_of(drills[2])])
    assert check(store) == []
    found = {drill.id: Evidence(drill, ()) for drill in drills[:2]}
    [finding] = check_marks(catalog.marks(SOURCE, store.list(catalog.backups_of(SOURCE))), found)
    assert drills[2].id in finding.detail
    assert "evidence is not here" in finding.detail


def test_a_mark_whose_evidence_may_have_been_left_out_with_the_beginning_is_no_finding() -> None:
    old, new = drill_at(), drill_at(AT + DAY)
    mark = Mark(old.backup or "", old.id, "verified", old.started_at)
    assert check_marks([mark], {new.id: Evidence(new, ())}, whole=False) == []
    assert named(check_marks([mark], {new.id: Evidence(new, ())})) == [("mark", False)]


@pytest.mark.parametrize(
    "key",
    [
        "drills/20201120T143000.123456Z-7f3a9c01.json",
        "/drills/20201120T143000.123456Z-7f3a9c01.json",
        "shop/main/drills/20201120T143000.123456Z-7f3a9c01",
        "shop/main/drills/20201120T143000.123456Z-7f3a9c01.json.json",
        "shop/main/drills/deeper/20201120T143000.123456Z-7f3a9c01.json",
        "shop/main/backups/20201120T143000.123456Z-7f3a9c01.json",
        "shop/main/drills/.json",
    ],
)
def test_what_is_no_key_of_evidence_is_none(key: str) -> None:
    assert catalog.parse_drill_key(key) is None
