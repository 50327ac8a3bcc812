from datetime import UTC, datetime, timedelta

import pytest

from drkit.notify.changes import Seen, Told, ToldTrouble, Wrong, find_changes
from drkit.notify.message import Message, compose, compose_test
from drkit.troubles import Trouble

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
MAIN = frozenset({"shop", "shop/main"})
OVERDUE = Wrong("shop/main", Trouble("overdue", "a backup is overdue", NOW - timedelta(hours=2), "make one"))
FAILED = Wrong("shop/main", Trouble("backup failed", "the last backup failed: disk full", NOW, "make room"))
PRUNING = Wrong("shop", Trouble("prune failed", "the last prune failed", NOW, ""))
FORECAST = Wrong("shop/main", Trouble("rto forecast", "it grows", None, "promise less"), warning=True)


def message(*wrong: Wrong, before: tuple[Wrong, ...] = (), report: str | None = None) -> Message:
    told = Told({each.name: ToldTrouble(NOW - timedelta(hours=2, seconds=7)) for each in before})
    return compose(find_changes(told, Seen("shop", wrong, MAIN, MAIN, report), NOW), NOW)


@pytest.mark.parametrize(
    ("wrong", "before", "report", "title", "mood"),
    [
        ((OVERDUE,), (), None, "shop: a backup is overdue", "failure"),
        ((OVERDUE, FAILED), (), None, "shop: 2 things are wrong", "failure"),
        ((OVERDUE, FAILED, PRUNING), (PRUNING,), None, "shop: 3 things are wrong", "failure"),
        ((OVERDUE, FORECAST), (), None, "shop: 1 thing is wrong", "failure"),
        ((PRUNING,), (), None, "shop: the last prune failed", "failure"),
        ((FORECAST,), (), None, "shop: the RTO is going to be missed", "warning"),
        ((), (OVERDUE,), None, "shop is well again", "success"),
        ((FORECAST,), (OVERDUE, FORECAST), None, "shop is well again", "success"),
        ((FAILED,), (OVERDUE, FAILED), None, "shop: 1 thing is well again, 1 is still wrong", "success"),
        ((), (), "2026-10", "shop: the report of 2026-10 is ready", "info"),
        ((OVERDUE,), (), "2026-10", "shop: a backup is overdue", "failure"),
    ],
)
def test_the_title_says_the_most_important_thing(wrong, before, report, title, mood) -> None:
    written = message(*wrong, before=before, report=report)
    assert (written.title, written.mood) == (title, mood)


def test_the_body_says_what_failed_since_when_what_to_do_and_what_else_there_is() -> None:
    written = message(OVERDUE, FAILED, before=(FAILED, PRUNING), report="2026-10")
    assert written.body == (
        "shop/main: a backup is overdue\n"
        "since: 2026-11-20T10:00:00Z, 2h ago\n"
        "next: make one\n"
        "\n"
        "Over:\n"
        "- shop: prune failed: over after 2h, since 2026-11-20T09:59:53Z\n"
        "\n"
        "Still wrong:\n"
        "- shop/main: the last backup failed: disk full\n"
        "\n"
        "The report of 2026-10 is ready: `drkit report shop --month 2026-10 --out report.html` fetches it."
    )


def test_an_endless_error_is_cut() -> None:
    endless = Wrong("shop/main", Trouble("a new kind", "x" * 100_000, None, "y" * 100_000))
    written = message(endless, before=(endless, OVERDUE))
    assert len(message(endless).title) <= 100
    assert len(written.body) < 2_000
    assert len(message(*(Wrong(f"shop/{n}", endless.trouble) for n in range(99))).body) <= 12_000


def test_a_test_message_says_that_it_is_one() -> None:
    assert compose_test("shop").title == "shop: this is a test"
