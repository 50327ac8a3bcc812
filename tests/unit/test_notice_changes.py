from datetime import UTC, datetime, timedelta

import pytest

from drkit.bulletin import Bulletin, SourceBulletin, SystemBulletin
from drkit.errors import UsageError
from drkit.notify.changes import Changes, Seen, Told, ToldTrouble, Wrong, find_changes, see
from drkit.notify.own import Own, read_own
from drkit.troubles import Trouble
from drkit.verify.model import Target

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
BOTH = frozenset({"shop", "shop/main", "shop/files"})


def wrong(kind: str, subject: str = "shop/main", since: datetime | None = NOW - HOUR, warning: bool = False) -> Wrong:
    return Wrong(subject, Trouble(kind, f"{kind} it is", since, f"mend {kind}"), warning)


def seen(*troubles: Wrong, looked_at: frozenset[str] = BOTH, report: str | None = None, own: bool = False) -> Seen:
    return Seen("shop", troubles, looked_at, BOTH, report, own)


def told(*names: tuple[str, str], own: bool = False) -> Told:
    return Told({name: ToldTrouble(NOW - 2 * HOUR, own) for name in names})


def new(changes: Changes) -> list[tuple[str, str]]:
    return [each.name for each in changes.new]


def over(changes: Changes) -> list[tuple[str, str]]:
    return [(each.subject, each.kind) for each in changes.over]


def test_a_trouble_is_told_when_it_is_seen_first_and_not_again() -> None:
    first = find_changes(Told(), seen(wrong("overdue")), NOW)
    assert new(first) == [("shop/main", "overdue")]
    again = find_changes(first.told, seen(wrong("overdue", since=NOW)), NOW + HOUR)
    assert not again
    assert [each.name for each in again.still] == [("shop/main", "overdue")]


def test_a_trouble_that_is_gone_is_told_with_how_long_it_lasted() -> None:
    first = find_changes(Told(), seen(wrong("overdue", since=NOW - HOUR)), NOW)
    gone = find_changes(first.told, seen(), NOW + HOUR)
    assert [(each.kind, each.since, each.lasted) for each in gone.over] == [("overdue", NOW - HOUR, 2 * HOUR)]
    assert gone.told == Told()
    assert not find_changes(gone.told, seen(), NOW + 2 * HOUR)


def test_a_trouble_of_an_unknown_or_future_moment_began_when_it_was_seen() -> None:
    changes = find_changes(Told(), seen(wrong("nothing", since=None), wrong("rto", since=NOW + HOUR)), NOW)
    assert {each.since for each in changes.told.troubles.values()} == {NOW}


def test_the_worst_is_told_first() -> None:
    found = [wrong("drill overdue"), wrong("rto forecast", warning=True), wrong("prune failed"), wrong("overdue")]
    changes = find_changes(Told(), seen(*found, wrong("damaged")), NOW)
    kinds = [each.trouble.kind for each in changes.new]
    assert kinds == ["damaged", "overdue", "prune failed", "drill overdue", "rto forecast"]


def test_two_troubles_of_one_kind_are_one_state() -> None:
    changes = find_changes(Told(), seen(wrong("drill failed"), wrong("drill failed")), NOW)
    assert new(changes) == [("shop/main", "drill failed")]


def test_what_was_not_looked_at_is_neither_over_nor_forgotten() -> None:
    before = told(("shop/main", "overdue"), ("shop/files", "overdue"), ("shop", "prune failed"))
    changes = find_changes(before, seen(looked_at=frozenset({"shop/files"})), NOW)
    assert over(changes) == [("shop/files", "overdue")]
    assert set(changes.told.troubles) == {("shop/main", "overdue"), ("shop", "prune failed")}


def test_what_is_in_no_schedule_any_more_is_over() -> None:
    assert over(find_changes(told(("shop/old", "overdue")), seen(), NOW)) == [("shop/old", "overdue")]


def test_a_report_is_told_once_and_never_an_older_one() -> None:
    first = find_changes(Told(), seen(report="2026-10"), NOW)
    assert first.report == "2026-10"
    assert not find_changes(first.told, seen(report="2026-10"), NOW)
    assert not find_changes(first.told, seen(report="2026-09"), NOW)
    assert not find_changes(first.told, seen(report=None), NOW)
    assert find_changes(first.told, seen(report="2026-11"), NOW).told.report == "2026-11"


OWN = '[{"system": "shop", "kind": "job hung", "what": "hung", "since": null, "next_step": "look"}]'


def test_what_the_daemon_says_of_itself_is_told_and_is_over_when_it_says_so() -> None:
    first = find_changes(Told(), read_own(OWN).add_to(seen()), NOW)
    assert new(first) == [("shop", "job hung")]
    assert not find_changes(first.told, Own().add_to(seen()), NOW)
    assert over(find_changes(first.told, read_own("[]").add_to(seen()), NOW)) == [("shop", "job hung")]


def test_what_the_daemon_told_without_a_store_is_told_to_be_over_though_no_ledger_knows_it() -> None:
    gone = read_own(OWN.replace('"look"', '"look", "over": true'))
    assert over(find_changes(Told(), gone.add_to(Seen("shop")), NOW)) == [("shop", "job hung")]
    assert over(find_changes(told(("shop", "job hung"), own=True), gone.add_to(seen()), NOW)) == [("shop", "job hung")]


def test_the_daemons_word_on_one_system_is_not_told_of_another() -> None:
    assert not find_changes(Told(), read_own(OWN).add_to(Seen("bakery")), NOW)


def test_the_daemon_may_name_a_source_and_then_it_is_the_trouble_that_a_look_has_found() -> None:
    own = read_own(OWN.replace('"job hung"', '"store"').replace('"shop",', '"shop", "subject": "shop/main",'))
    unseen = see("shop", Bulletin(failed={"shop/main": "gone"}), ["shop/main"])
    assert new(find_changes(Told(), own.add_to(unseen), NOW)) == [("shop/main", "store")]
    assert own.concerns("shop")
    assert not own.concerns("bakery")


@pytest.mark.parametrize("text", ["", "{}{}", "[1]", '[{"system": "shop"}]', OWN.replace("null", '"yesterday"')])
def test_a_list_of_troubles_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        read_own(text)


def source(name: str, *troubles: Trouble, warnings: tuple[Trouble, ...] = ()) -> SourceBulletin:
    return SourceBulletin(
        source=name,
        kind="sqlite",
        captured_at=NOW,
        verified_at=None,
        rpo=Target(None, None, None),
        rto=Target(None, None, None),
        window=None,
        gaps=(),
        next_backup=NOW + HOUR,
        next_verify=None,
        healthy=not troubles,
        red_at=None,
        takes=None,
        points=1,
        stored_bytes=1,
        troubles=troubles,
        warnings=warnings,
        notes=(),
        jobs=(),
        made_at=NOW,
        drilled_at=None,
    )


def test_one_system_is_seen_in_a_bulletin_of_several() -> None:
    overdue, forecast = Trouble("overdue", "late", NOW, ""), Trouble("rto forecast", "slow", None, "")
    pruning = Trouble("prune failed", "not pruned", NOW, "")
    bulletin = Bulletin(
        (source("shop/main", overdue, warnings=(forecast,)), source("bakery/main", overdue)),
        (SystemBulletin("shop", "2026-10", (), (pruning,)), SystemBulletin("bakery", "2026-11", (), ())),
        {"shop/files": "its store is gone"},
    )
    found = see("shop", bulletin, ["shop/main", "shop/files"])
    assert [each.name for each in found.wrong] == [
        ("shop/main", "overdue"),
        ("shop/main", "rto forecast"),
        ("shop", "prune failed"),
        ("shop/files", "store"),
    ]
    assert [each.warning for each in found.wrong] == [False, True, False, False]
    assert found.looked_at == {"shop", "shop/main"}
    assert found.report == "2026-10"


def test_a_source_that_cannot_be_looked_at_is_told_and_keeps_what_was_told_of_it() -> None:
    unseen = see("shop", Bulletin(failed={"shop/main": "gone"}), ["shop/main"])
    changes = find_changes(told(("shop/main", "overdue")), unseen, NOW)
    assert new(changes) == [("shop/main", "store")]
    assert over(changes) == []
    back = see("shop", Bulletin((source("shop/main"),)), ["shop/main"])
    assert sorted(over(find_changes(changes.told, back, NOW))) == [("shop/main", "overdue"), ("shop/main", "store")]
