"""Which objects a prune takes, against the words of the rule read one object at a time."""

from collections.abc import Set
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from drkit.catalog import Listing, make_id
from drkit.model import Entry, Point
from drkit.prune import PrunePlan, plan_prune
from drkit.retention import Verdict

NOW = datetime(2026, 11, 20, tzinfo=UTC)
GRACE = timedelta(days=7)
HOME = "shop/main/backups"
NAMES = [make_id(NOW - timedelta(days=n), "0" * 8) for n in range(5)]
FILES = ("a.zst.age", "b.zst.age", "pin.json", "manifest.json", "stray")
MANIFEST = "manifest.json"

stamps = st.builds(
    lambda days, seconds: NOW - timedelta(days=days, seconds=seconds),
    st.sampled_from([0, 1, 6, 7, 8, 400]),
    st.integers(-1, 1),
)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Listing, list[Verdict], set[str]]:
    """Folders with any of their files; those with a manifest are points, and each either stays or goes."""
    folders = [*NAMES, "not-an-id"]
    drawn = draw(st.lists(st.tuples(st.sampled_from(folders), st.sampled_from(FILES)), unique=True, max_size=20))
    entries = tuple(Entry(f"{HOME}/{folder}/{file}", draw(st.integers(0, 9)), draw(stamps)) for folder, file in drawn)
    held = sorted({folder for folder, file in drawn if file == MANIFEST and folder in NAMES})
    points = tuple(Point("shop/main", name, NOW, 1) for name in held)
    verdicts = [Verdict(point, ("a rule",) if draw(st.booleans()) else ()) for point in points]
    # what a staying manifest lists: pieces of its own, and of any other folder
    referenced = {entry.key for entry in entries if entry.key.endswith(".age") and draw(st.integers(0, 3)) == 0}
    return Listing("shop/main", points, tuple(sorted(entries, key=lambda entry: entry.key))), verdicts, referenced


def _may_go(entry: Entry, listing: Listing, verdicts: list[Verdict], referenced: Set[str]) -> bool:
    _, folder, file = entry.key.rsplit("/", 2)
    fate = {verdict.point.id: bool(verdict.reasons) for verdict in verdicts}
    if fate.get(folder) is True:
        return False  # a point that stays is left alone
    if fate.get(folder) is False and file == MANIFEST:
        return True
    if entry.key in referenced:
        return False
    if fate.get(folder) is False:
        return True
    # nobody's: it goes once the store has gone on for long enough
    return any(other.modified_at - entry.modified_at >= GRACE for other in listing.entries)


def _taken(plan: PrunePlan) -> set[str]:
    return {*plan.manifests, *plan.objects}


@given(cases())
def test_what_goes_is_what_the_words_of_the_rule_let_go(case: tuple[Listing, list[Verdict], set[str]]) -> None:
    listing, verdicts, referenced = case
    plan = plan_prune(listing, verdicts, referenced, GRACE, NOW + timedelta(days=3650))
    expected = [entry for entry in listing.entries if _may_go(entry, listing, verdicts, referenced)]
    assert _taken(plan) == {entry.key for entry in expected}
    assert plan.bytes == sum(entry.size for entry in expected)


@given(cases())
def test_manifests_are_named_apart_from_the_objects_and_nothing_twice(
    case: tuple[Listing, list[Verdict], set[str]],
) -> None:
    listing, verdicts, referenced = case
    plan = plan_prune(listing, verdicts, referenced, GRACE, NOW + timedelta(days=3650))
    assert len(plan.manifests) + len(plan.objects) == len(_taken(plan))
    assert {key.split("/")[3] for key in plan.manifests} == {each.point.id for each in plan.let_go}
    assert sorted(plan.keep + plan.let_go, key=lambda each: each.point.id) == verdicts


@given(cases())
def test_what_stays_is_whole_and_a_second_prune_takes_no_more_but_what_the_first_set_free(
    case: tuple[Listing, list[Verdict], set[str]],
) -> None:
    listing, verdicts, referenced = case
    first = plan_prune(listing, verdicts, referenced, GRACE, NOW + timedelta(days=3650))
    assert not _taken(first) & referenced
    left = tuple(entry for entry in listing.entries if entry.key not in _taken(first))
    points = tuple(each.point for each in first.keep)
    second = plan_prune(
        Listing(listing.source, points, left), list(first.keep), referenced, GRACE, NOW + timedelta(days=3650)
    )
    assert second.manifests == ()
    # with the newest stamp gone the rest looks younger, never older
    assert second.objects == ()
