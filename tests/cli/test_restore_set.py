"""`drkit restore SYSTEM`: several sources brought back as one set, here a SQLite database and a folder of uploads."""

import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from cli.conftest import Shop
from cli.set_shop import add_uploads, forget_newest_point

NOON, HALF_PAST, ONE = "2026-11-20T12:00:00Z", "2026-11-20T12:30:00Z", "2026-11-20T13:00:00Z"


@pytest.fixture
def pair(shop: Shop) -> Shop:
    """The database as of twelve and of one, the uploads as of half past twelve."""
    shop.capture_at(NOON, ONE)
    forget_newest_point(shop)
    add_uploads(shop, HALF_PAST)
    return shop


def orders(path: Path) -> int:
    with closing(sqlite3.connect(path)) as database:
        [count] = database.execute("select count(*) from orders").fetchone()
    return int(count)


def test_a_set_comes_back_at_or_before_one_moment_and_its_skew_is_told(pair: Shop) -> None:
    done = pair.drkit.ok(
        "restore", "shop", "--at", "2026-11-20T12:45:00Z", "--to", "main=./back.db", "--to", "uploads=./files", "--json"
    )
    document = done.document
    assert (document["system"], document["wanted"], document["skew"]) == ("shop", "2026-11-20T12:45:00Z", 1800.0)
    reached = {each["source"]: each["reached"] for each in document["restores"]}
    assert reached == {"shop/main": NOON, "shop/uploads": HALF_PAST}
    keys = {"source", "backup", "wanted", "reached", "target", "seconds", "phases", "verified"}
    assert all(keys <= each.keys() for each in document["restores"])
    assert document["hooks"] == []
    assert orders(pair.folder / "back.db") == 500
    assert (pair.folder / "files" / "menu.txt").read_text() == "pupusas"
    said = "the states lie 30m apart, from shop/main as of 2026-11-20T12:00:00Z to shop/uploads as of"
    assert any(said in line["message"] for line in done.lines)


def test_one_new_folder_does_for_all_that_goes_to_paths(pair: Shop) -> None:
    said = pair.drkit.ok("restore", "shop", "--to", "back").out
    assert f"restored shop/main as of {ONE} to back/main.db" in said
    assert f"restored shop/uploads as of {HALF_PAST} to back/uploads" in said
    assert said.splitlines()[-1].startswith("the states lie 30m apart, from shop/uploads as of")
    assert orders(pair.folder / "back" / "main.db") == 500
    assert (pair.folder / "back" / "uploads" / "menu.txt").exists()


def test_a_plan_of_a_set_is_shown_and_nothing_is_made(pair: Shop) -> None:
    document = pair.drkit.json("restore", "shop", "--to", "back", "--dry-run")
    assert [each["target"] for each in document["restores"]] == ["back/main.db", "back/uploads"]
    assert all(each["plan"] for each in document["restores"])
    assert document["skew"] == 1800.0
    text = pair.drkit.ok("restore", "shop", "--dry-run", "--hook", "echo all").out
    assert "would run the hook after all of it: echo all" in text
    assert "would restore shop/main from" in text
    assert "the states lie 30m apart" in text
    assert not (pair.folder / "back").exists()


def test_the_commands_by_hand_for_a_set_are_one_script_that_works(pair: Shop) -> None:
    (pair.folder / "by-hand").mkdir()
    script = pair.drkit.ok("restore", "shop", "--to", "by-hand", "--by-hand").out
    identity = str(pair.folder / "keys" / "identity")
    done = subprocess.run(
        ["bash", "-c", script], cwd=pair.folder, env=dict(pair.drkit.environment) | {"IDENTITY": identity}, check=False
    )
    assert done.returncode == 0
    assert orders(pair.folder / "by-hand" / "main.db") == 500
    assert (pair.folder / "by-hand" / "uploads" / "menu.txt").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("", "does not say where main and uploads shall go"),
        ("--to main=./x.db", "does not say where uploads shall go"),
        ("--to main=./x.db --to main=./y.db", "names main twice"),
        ("--to one --to two", "name no source"),
        ("--to mian=./x.db --to uploads=./y", "--to mian=…: there is no such source"),
        ("--to main= --to uploads=./y", "--to main=…: no place is named"),
        ("--to main=./x --to uploads=./x", "gives shop/main and shop/uploads the same place"),
        ("--to back --swap", "so --swap means nothing here"),
        ("--to back --table orders", "so --table means nothing here"),
        ("--to back --at name:before", "means something to one source alone"),
    ],
)
def test_what_a_set_cannot_do_is_refused_before_anything_is_made(pair: Shop, options: str, said: str) -> None:
    done = pair.drkit("restore", "shop", *options.split())
    assert done.code == 2
    assert said in done.errors[0]["message"]
    if "does not say" in said:
        assert "--to main=/srv/main.db --to uploads=/srv/uploads" in done.errors[0]["hint"]
    assert {path.name for path in pair.folder.iterdir()} == {"backups", "keys", "schedules", "shop.db", "uploads"}


def test_before_one_target_is_touched_all_of_them_were_found_to_be_free(pair: Shop) -> None:
    (pair.folder / "files").mkdir()
    (pair.folder / "files" / "mine").touch()
    done = pair.drkit("restore", "shop", "--to", "main=./x.db", "--to", "uploads=./files", "--hook-before", "touch ran")
    assert done.code == 2
    assert done.out.startswith("nothing was touched:\nshop/uploads: files exists")
    assert not (pair.folder / "x.db").exists()
    assert not (pair.folder / "ran").exists()


def test_a_folder_that_was_there_stays_and_one_that_was_made_for_nothing_goes(pair: Shop) -> None:
    (pair.folder / "mine").mkdir()
    for folder, stays in (("mine", True), ("new", False)):
        assert pair.drkit("restore", "shop", "--to", folder, "--hook-before", "exit 1").code == 6
        assert (pair.folder / folder).exists() == stays


def test_a_source_that_does_not_reach_back_keeps_all_of_them_from_being_touched(pair: Shop) -> None:
    done = pair.drkit("restore", "shop", "--at", "2026-11-20T12:15:00Z", "--to", "back", "--json")
    assert done.code == 6
    assert [each["source"] for each in done.document["failed"]] == ["shop/uploads"]
    assert (done.document["restores"], done.document["skew"]) == ([], None)
    assert not (pair.folder / "back").exists()


def test_what_fails_for_one_source_keeps_none_of_the_others_and_the_next_command_mends_it(pair: Shop) -> None:
    taken = pair.folder / "back" / "main.db"
    hooks = ("--hook-before", "touch back/main.db", "--hook", "touch resumed")
    done = pair.drkit("restore", "shop", "--to", "back", *hooks, "--json")
    assert done.code == 2
    assert [each["source"] for each in done.document["restores"]] == ["shop/uploads"]
    assert [each["source"] for each in done.document["failed"]] == ["shop/main"]
    assert not (pair.folder / "resumed").exists(), "traffic must not go on with half of a set"
    assert any("what the hook before it did still holds" in line["message"] for line in done.lines)
    again = pair.drkit("restore", "shop", "--to", "back")
    assert again.code == 2, "what was restored is not overwritten"
    assert taken.stat().st_size == 0
    text = pair.drkit("restore", "shop", "--to", "other", *(word.replace("back/", "other/") for word in hooks)).out
    last = f"NOT RESTORED: shop/main. Once that is mended: drkit restore shop/main --at {ONE} --to other/main.db"
    assert text.splitlines()[-1] == last
    (pair.folder / "other" / "main.db").unlink()
    pair.drkit.ok(*last.partition("mended: drkit ")[2].split())
    assert orders(pair.folder / "other" / "main.db") == 500


def test_hooks_stand_around_the_whole_set_and_know_where_every_source_is(pair: Shop) -> None:
    with pair.schedule.open("a") as schedule:
        schedule.write('[sources.main.hooks]\nbefore = "test ! -e back/uploads && echo stop"\n')
        schedule.write('after = "test -e $DRKIT_TARGET && test -e $DRKIT_TARGET_UPLOADS && echo $DRKIT_SOURCE"\n')
    document = pair.drkit.json("restore", "shop", "--to", "back")
    assert [(run["when"], run["status"], run["output"]) for run in document["hooks"]] == [
        ("before", 0, "stop\n"),
        ("after", 0, "shop/main\n"),
    ]
    document = pair.drkit.json(
        "restore", "shop", "--to", "again", "--hook", "test -e $DRKIT_TARGET_MAIN && echo all", "--hook-before", ""
    )
    assert [run["output"] for run in document["hooks"]] == ["all\n"]
    failed = pair.drkit("restore", "shop", "--to", "third", "--hook-before", "exit 3")
    assert failed.code == 6
    assert not (pair.folder / "third").exists()


def test_more_than_the_promise_is_asked_about_once_for_the_whole_set(pair: Shop) -> None:
    done = pair.drkit("restore", "shop", "--at", "2026-11-21T12:00:00Z", "--to", "back")
    assert done.code == 2
    assert "restore shop/main to a state 23h before the one that was wanted needs a yes" in done.errors[0]["message"]
    assert not (pair.folder / "back").exists()
    pair.drkit.ok("restore", "shop", "--at", "2026-11-21T12:00:00Z", "--to", "back", "--yes")


def test_one_source_of_the_system_is_still_restored_alone_and_to_one_place(pair: Shop) -> None:
    assert pair.drkit.json("restore", "shop/uploads", "--to", "alone")["source"] == "shop/uploads"
    done = pair.drkit("restore", "shop/uploads", "--to", "a", "--to", "b")
    assert done.code == 2
    assert "--to names several" in done.errors[0]["message"]
    assert pair.drkit("restore", "--to", "x").code == 2
