"""`drkit bisect`: the last good state of a SQLite shop whose orders were ruined at some time."""

import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from cli.conftest import Shop
from cli.set_shop import forget_newest_point
from patience import PATIENCE, await_true
from processes import session_of

HOURS = [f"2026-11-20T{hour:02}:00:00Z" for hour in range(24)]
RUINED = 17  # the first hour whose state is bad
GOOD = "select count(*) = 500 from orders"


def change(shop: Shop, statement: str) -> None:
    with closing(sqlite3.connect(shop.folder / "shop.db")) as database, database:
        database.execute(statement)


@pytest.fixture
def ruined(shop: Shop) -> Shop:
    """A point an hour; from five in the afternoon on orders are missing."""
    forget_newest_point(shop)
    shop.capture_at(*HOURS[:RUINED])
    change(shop, "delete from orders where id <= 100")
    shop.capture_at(*HOURS[RUINED:])
    return shop


def left_behind(shop: Shop) -> list[Path]:
    return list((shop.folder.parent / f"{shop.folder.name}-home").iterdir())


def test_the_last_good_point_is_found_and_what_to_type_next_restores_it(ruined: Shop) -> None:
    document = ruined.drkit.json("bisect", "shop", "--sql", GOOD)
    assert document["last_good"]["moment"] == HOURS[RUINED - 1]
    assert document["first_bad"]["moment"] == HOURS[RUINED]
    assert (document["candidates"], document["linear"]) == (24, False)
    assert len(document["tried"]) < 10
    assert document["tried"][0]["moment"] == HOURS[-1]
    bad = next(each for each in document["tried"] if each["moment"] == HOURS[RUINED])
    assert (bad["verdict"], bad["checks"][0]["passed"]) == ("bad", False)
    assert left_behind(ruined) == []
    assert not (ruined.folder / "backups" / "shop" / "main" / "drills").exists()
    program, *words = document["next"].split()
    assert (program, words[:2]) == ("drkit", ["restore", "shop/main"])
    ruined.drkit.ok(*words, "--yes")
    with closing(sqlite3.connect(ruined.folder / "restored.db")) as database:
        assert database.execute(GOOD).fetchone() == (1,)


def test_to_people_it_shows_what_was_tried_and_what_is_taken_for_granted(ruined: Shop) -> None:
    said = ruined.drkit.ok(
        "bisect", "--check", 'test "$(sqlite3 "$DRKIT_TARGET" "select min(id) from orders")" = 1'
    ).out
    assert f"last good: {HOURS[RUINED - 1]}\nfirst bad: {HOURS[RUINED]}: --check: expected ended with status 0" in said
    assert "takes for granted that the state was good, and bad from some moment on" in said
    assert f"next:  drkit restore shop/main --at {HOURS[RUINED - 1]} --to ./restored.db" in said
    tried = [line.split()[:2] for line in said.splitlines() if line.startswith("2026")]
    assert tried == sorted(tried)


def test_the_checks_of_the_schedule_decide_if_nothing_else_is_said(ruined: Shop) -> None:
    done = ruined.drkit("bisect", "shop")
    assert done.code == 2
    assert "nothing says what is good" in done.errors[0]["message"]
    with ruined.schedule.open("a") as schedule:
        schedule.write('[[sources.main.checks]]\nname = "all are there"\nsql = "select count(*) from orders"\n')
        schedule.write("expect = 500\n")
    document = ruined.drkit.json("bisect", "shop", "--from", HOURS[14], "--to", HOURS[18], "--linear")
    assert document["last_good"]["moment"] == HOURS[RUINED - 1]
    assert [each["moment"] for each in document["tried"]] == HOURS[18:15:-1]


def test_where_no_state_is_good_it_ends_with_6_and_shows_what_it_tried(ruined: Shop) -> None:
    done = ruined.drkit("bisect", "shop", "--sql", "select count(*) > 1000 from orders", "--json")
    assert done.code == 6
    assert (done.document["last_good"], done.document["next"]) == (None, None)
    assert done.document["first_bad"]["moment"] == HOURS[0]
    assert "is good by these checks" in done.errors[-1]["message"]
    assert ruined.drkit("bisect", "shop", "--sql", GOOD, "--to", "2026-11-19T00:00:00Z").code == 6


def test_where_the_newest_state_is_good_one_restore_says_so(ruined: Shop) -> None:
    done = ruined.drkit.ok("bisect", "shop", "--sql", "select true")
    assert "nothing newer is bad" in done.out
    assert sum("is good" in line["message"] for line in done.lines) == 1


def test_a_point_that_cannot_be_restored_is_neither_good_nor_bad_and_its_neighbour_is_tried(ruined: Shop) -> None:
    for number in (RUINED - 1, RUINED):
        (piece,) = (ruined.folder / "backups/shop/main/backups" / ruined.ids()[number]).glob("*.age")
        piece.write_bytes(piece.read_bytes()[:-1])
    document = ruined.drkit.json("bisect", "shop", "--sql", GOOD)
    assert document["last_good"]["moment"] == HOURS[RUINED - 2]
    assert document["first_bad"]["moment"] == HOURS[RUINED + 1]
    verdicts = {each["moment"]: each["verdict"] for each in document["tried"]}
    assert {verdicts[HOURS[number]] for number in (RUINED - 1, RUINED)} == {"unknown"}


def test_where_no_state_can_be_tried_the_search_ends_at_once_and_says_why(ruined: Shop) -> None:
    (ruined.folder / "foreign").mkdir()
    ruined.drkit.ok("keys", "new", "--out", "foreign/keys")
    ruined.edit('"file:../keys/identity"', '"file:../foreign/keys/identity"')
    done = ruined.drkit("bisect", "shop", "--sql", GOOD)
    assert done.code == 6
    assert "no state can be tried here: " in done.errors[0]["message"]
    assert sum("is unknown" in line["message"] for line in done.lines) == 1


def test_an_interrupt_leaves_nothing_behind_and_what_was_found_was_told(ruined: Shop) -> None:
    command = "test -e waited && { touch waiting; sleep 600; }; touch waited; exit 1"
    with ruined.drkit.running("bisect", "shop", "--check", command) as child:
        await_true((ruined.folder / "waiting").exists, child)
        os.kill(child.pid, signal.SIGINT)
        assert child.wait(PATIENCE) == 130
        assert child.stderr is not None
        assert f"{HOURS[-1]} is bad" in child.stderr.read()
        await_true(lambda: not session_of(child.pid))
    assert left_behind(ruined) == []
