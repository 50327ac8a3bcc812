"""A PostgreSQL database and the folder of its uploads as one set: restored, drilled together, and searched."""

import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from postgres_system import System, make_system
from recovering import short_folder
from servers.postgres import NamedServer

SET = f"""[set]
checks = [{{ name = "the shop answers", command = "{sys.executable} smoke.py" }}]
[sources.uploads]
kind = "files"
path = "../uploads"
backup = "0 * * * *"
"""
SMOKE = """
import os, pathlib, psycopg

assert os.environ["DATABASE_URL"] == os.environ["DRKIT_TARGET_MAIN"]
with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
    orders, port = connection.execute("select (select count(*) from orders), current_setting('port')").fetchone()
uploads = sorted(path.name for path in pathlib.Path(os.environ["DRKIT_TARGET_UPLOADS"]).iterdir())
pathlib.Path("answer").write_text(f"{orders} {port} {uploads}")
"""


@pytest.fixture
def shop(tmp_path: Path, postgres: NamedServer) -> Iterator[System]:
    name = f"shop_{uuid.uuid4().hex[:8]}"
    postgres.create(name)
    postgres.execute("create table orders as select n as id from generate_series(1, 40) n", database=name)
    system = make_system(tmp_path / "system", postgres, name, SET)
    (system.folder / "smoke.py").write_text(SMOKE)
    (system.folder / "uploads").mkdir()
    (system.folder / "uploads" / "menu.txt").write_text("pupusas")
    assert system.back_up().code == 0
    yield system
    for each in (name, f"{name}_new"):
        postgres.execute(f'drop database if exists "{each}"')


def test_a_database_goes_to_a_server_and_its_uploads_to_a_folder_and_no_password_shows(shop: System) -> None:
    new = f"{shop.database}_new"
    done = shop.drkit(
        *("restore", "shop", "--to", "main=env:NEW_URL", "--to", "back", "--json"),
        *("--hook", 'echo "$DRKIT_TARGET_MAIN" > given'),
        NEW_URL=shop.server.dsn(new),
    )
    assert done.code == 0, done
    assert [each["source"] for each in done.document["restores"]] == ["shop/main", "shop/uploads"]
    assert all(each["verified"] for each in done.document["restores"])
    assert shop.server.query("select count(*) from orders", database=new) == [(40,)]
    assert (shop.folder / "back" / "uploads" / "menu.txt").exists()
    assert (shop.folder / "given").read_text().strip() == shop.server.dsn(new)
    assert shop.server.password not in done.out + done.err


def test_one_folder_is_no_place_for_a_database_and_the_example_says_what_is(shop: System) -> None:
    done = shop.drkit("restore", "shop", "--to", "back")
    assert done.code == 2
    assert "does not say where main shall go" in done.errors[0]["message"]
    assert "--to main=env:NEW_URL --to uploads=/srv/uploads" in done.errors[0]["hint"]
    assert not (shop.folder / "back").exists()


def test_the_application_finds_database_and_uploads_restored_side_by_side(shop: System) -> None:
    with short_folder() as scratch:
        document = shop.drkit.json("verify", "now", "shop", "--set", TMPDIR=str(scratch))
        assert list(scratch.iterdir()) == []
    [whole] = document["sets"]
    assert [check["passed"] for check in whole["checks"]] == [True, True, True]
    orders, port, uploads = (shop.folder / "answer").read_text().split()
    assert (orders, uploads) == ("40", "['menu.txt']")
    assert port != str(shop.server.port), "it asked production"
    assert shop.server.password not in str(document)


def test_a_search_asks_scratch_servers_and_the_good_state_is_restored_by_its_last_line(shop: System) -> None:
    shop.server.execute("delete from orders where id > 20", database=shop.database)
    assert shop.back_up().code == 0
    with short_folder() as scratch:
        sql = "select count(*) = 40 from orders"
        document = shop.drkit.json("bisect", "shop/main", "--sql", sql, TMPDIR=str(scratch))
        assert list(scratch.iterdir()) == []
    assert [each["verdict"] for each in document["tried"]] == ["bad", "good"]
    words = document["next"].split()[1:]
    words[words.index("--to") + 1] = f"{shop.database}_new"
    shop.drkit.ok(*words, "--yes")
    assert shop.server.query("select count(*) from orders", database=f"{shop.database}_new") == [(40,)]
