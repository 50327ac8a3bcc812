"""The command line with a PostgreSQL database: where a restore may go, and that no password shows."""

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace

import psycopg
import pytest
from psycopg import sql

from cli.golden_text import compare
from cli_runner import Done, Drkit, drkit_in, settled
from servers.postgres import NamedServer

STEPS = (
    ("init",),
    ("check",),
    ("backup", "now"),
    ("backup", "list"),
    ("restore", "--dry-run"),
    ("restore", "--to", "{restored}"),
    ("restore", "--to", "{restored}"),
    ("restore", "--to", "./restored.db"),
    ("restore", "--to", "{restored}", "--swap", "--yes", "--hook", "echo migrated"),
)


@dataclass(frozen=True)
class Shop:
    drkit: Drkit
    server: NamedServer
    database: str

    @property
    def dsn(self) -> str:
        return self.drkit.environment["DATABASE_URL"]

    @property
    def restored(self) -> str:
        return f"{self.database}_restored"

    def orders(self, database: str) -> int:
        [(count,)] = self.server.query("select count(*) from orders", database=database)
        return count


def _make(server: NamedServer, database: str) -> str:
    dsn = server.create(database)
    server.execute(
        "create table orders (id integer primary key, note text)",
        "insert into orders select n, 'order ' || n from generate_series(1, 1000) n",
        database=database,
    )
    return dsn


def _drop(server: NamedServer, pattern: str) -> None:
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        for (name,) in server.query("select datname from pg_database where datname like %s", [pattern]):
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture(scope="module")
def database(postgres: NamedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A database, and a folder with nothing in it."""
    name = f"shop_{uuid.uuid4().hex[:8]}"
    folder = tmp_path_factory.mktemp("postgres-shop") / "here"
    yield Shop(drkit_in(folder, DATABASE_URL=_make(postgres, name)), postgres, name)
    _drop(postgres, f"{name}%")


@pytest.fixture
def shop(database: Shop) -> Iterator[Shop]:
    """What a test restores is dropped after it."""
    yield database
    _drop(database.server, f"{database.database}_%")


@pytest.fixture(scope="module")
def one_point(database: Shop) -> Shop:
    drkit = drkit_in(database.drkit.folder.parent / "captured", DATABASE_URL=database.dsn)
    drkit.ok("init", "--name", "shop")
    drkit.ok("backup", "now")
    return replace(database, drkit=drkit)


@pytest.fixture
def captured(shop: Shop, one_point: Shop) -> Shop:
    """With one point of the database."""
    return replace(shop, drkit=one_point.drkit)


def _told(shown: str, done: Done) -> str:
    logged = "".join(
        f"! {entry['level']}: {entry['message']}\n" + (f"!   hint: {entry['hint']}\n" if "hint" in entry else "")
        for entry in done.lines
    )
    return f"$ drkit {shown}\n{logged}{done.out}{'' if done.code == 0 else f'[{done.code}]'}\n"


def test_the_way_from_a_connection_string_to_a_restored_database_reads_as_it_is_written_down(shop: Shop) -> None:
    story = ""
    for step in STEPS:
        arguments = [each.format(restored=shop.restored) for each in step]
        story += _told(" ".join(arguments), shop.drkit(*arguments))
    server = shop.server
    for told, name in (
        (f"{server.host}:{server.port}", "HOST:PORT"),
        (str(server.bin), "/PROGRAMS"),
        (shop.database, "shop"),
        *((word, "VERSION") for word in _versions(server)),
    ):
        story = story.replace(told, name)
    story = re.sub(r"before-\d{8}T\d{6}Z", "before-MOMENT", story.replace("behind ours", "ahead of ours"))
    home = shop.drkit.folder.parent
    compare("postgres", settled(story, (home / "here-home", "/TMP"), (home / "here", "/SHOP")))


def _versions(server: NamedServer) -> list[str]:
    [(long,)] = server.query("show server_version")
    return [long, long.split()[0]]


@pytest.mark.parametrize("form", ["name", "dsn", "env", "file"])
def test_a_target_is_a_name_beside_the_source_or_a_dsn_or_a_reference_and_no_password_shows(
    captured: Shop, form: str
) -> None:
    target = captured.server.dsn(captured.restored)
    (captured.drkit.folder / "target").write_text(f"{target}\n")
    to = {"name": captured.restored, "dsn": target, "env": "env:TARGET", "file": "file:target"}[form]
    done = captured.drkit("restore", "--to", to, "--hook", "echo $DRKIT_TARGET > given", "--json", TARGET=target)
    assert done.code == 0, done
    assert captured.orders(captured.restored) == 1000
    assert done.document["target"].endswith(f"/{captured.restored}")
    assert (captured.drkit.folder / "given").read_text() == f"{target}\n"
    assert captured.server.password not in done.out + done.err
    warned = [line["message"] for line in done.lines if line["level"] == "warning"]
    assert any("--to env:NAME" in message for message in warned) == (form == "dsn")


@pytest.mark.parametrize("options", [("--dry-run",), ("--by-hand",), ("--dry-run", "--json")])
def test_a_plan_and_a_script_show_no_password(captured: Shop, options: tuple[str, ...]) -> None:
    target = captured.server.dsn(captured.restored, password="hunter2 %&")
    keyed = f"host={captured.server.host} dbname={captured.restored} password='hunter2'"
    for to in (target, keyed):
        done = captured.drkit("restore", "--to", to, *options)
        assert "hunter2" not in done.out + done.err
        assert captured.restored in done.out + done.err


def test_a_script_needs_no_target_and_no_source(captured: Shop) -> None:
    script = captured.drkit.ok("restore", "--by-hand", DATABASE_URL="").out
    assert "pg_restore" in script
    assert "restored" in script


def test_a_question_and_a_refusal_show_no_password(captured: Shop) -> None:
    swap = ("restore", "--to", captured.dsn, "--swap")
    asked = captured.drkit(*swap)
    assert f"/{captured.database} with its state of" in asked.errors[0]["message"]
    refused = captured.drkit(*swap[:-1])
    assert "is not empty" in refused.errors[0]["message"]
    assert (asked.code, refused.code) == (2, 2)
    assert captured.server.password not in asked.err + refused.err


def test_what_a_hook_says_of_its_target_is_told_without_the_password(captured: Shop) -> None:
    done = captured.drkit.ok("restore", "--to", captured.restored, "--hook", "echo $DRKIT_TARGET", "--json")
    assert captured.server.password not in done.out + done.err
    assert "***" in done.document["hooks"][0]["output"]


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("./restored.db", "is a path"),
        ("env:NOTHING", "NOTHING is not set"),
        ("file:nothing", "cannot be read"),
        ("postgresql+asyncpg://u:hunter2@h/d", "postgresql+asyncpg://"),
    ],
)
def test_a_target_that_cannot_be_meant_is_refused_with_a_hint(captured: Shop, to: str, said: str) -> None:
    done = captured.drkit("restore", "--to", to)
    assert done.code == 2
    assert said in done.errors[0]["message"]
    assert done.errors[0]["hint"]
    assert "hunter2" not in done.err
