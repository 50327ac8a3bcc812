"""`drkit init` and PostgreSQL: what is meant when little is said, and that no password gets into a file."""

from pathlib import Path

import pytest

from cli.conftest import make_database
from cli_runner import Drkit, drkit_in

DSN = "postgresql://shop:hunter2@db.example:5432/My%20Shop"


@pytest.fixture
def drkit(tmp_path: Path) -> Drkit:
    return drkit_in(tmp_path / "here")


def _written(drkit: Drkit) -> str:
    return "".join(path.read_text() for path in (drkit.folder / "schedules").iterdir())


def test_where_database_url_is_set_and_nothing_is_asked_that_database_is_meant(drkit: Drkit) -> None:
    make_database(drkit.folder / "other.db")
    done = drkit.ok("init", DATABASE_URL=DSN)
    assert "wrote schedules/my-shop.toml: postgres env:DATABASE_URL" in done.out
    assert "DATABASE_URL is not set" not in done.out
    assert 'dsn = "env:DATABASE_URL"' in _written(drkit)
    assert "hunter2" not in _written(drkit) + done.out + done.err


@pytest.mark.parametrize(
    ("arguments", "url", "kind"),
    [(("--path", "shop.db"), DSN, "sqlite"), (("--kind", "sqlite"), DSN, "sqlite"), ((), "mysql://db/shop", "sqlite")],
)
def test_database_url_does_not_outweigh_what_is_asked(
    drkit: Drkit, arguments: tuple[str, ...], url: str, kind: str
) -> None:
    make_database(drkit.folder / "shop.db")
    drkit.ok("init", *arguments, DATABASE_URL=url)
    assert f'kind = "{kind}"' in _written(drkit)


def test_a_password_on_the_command_line_is_not_written_and_the_variable_to_set_is_named(drkit: Drkit) -> None:
    done = drkit.ok("init", "--kind", "postgres", "--dsn", DSN)
    assert "set DATABASE_URL to it" in done.out
    assert 'dsn = "env:DATABASE_URL"' in _written(drkit)
    assert "hunter2" not in _written(drkit) + done.out + done.err


def test_a_dsn_without_a_password_stands_in_the_schedule(drkit: Drkit) -> None:
    done = drkit.json("init", "--dsn", "postgresql://shop@db.example/shop")
    assert (done["name"], done["unset"]) == ("shop", None)
    assert 'dsn = "postgresql://shop@db.example/shop"' in _written(drkit)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--dsn", DSN, "--path", "x"), "--dsn belongs to"),
        (("--dsn", DSN, "--kind", "sqlite"), "--dsn belongs to"),
        (("--kind", "postgres", "--path", "x"), "no --path"),
        (("--dsn", DSN.replace("postgresql:", "postgresql+asyncpg:")), "postgresql+asyncpg://"),
        ((), "no DATABASE_URL"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_nothing_is_written(
    drkit: Drkit, arguments: tuple[str, ...], said: str
) -> None:
    done = drkit("init", *arguments)
    assert done.code == 2
    assert said in done.errors[0]["message"]
    assert "hunter2" not in done.err
    assert list(drkit.folder.iterdir()) == []


def test_a_broken_dsn_is_refused_without_being_repeated(drkit: Drkit) -> None:
    done = drkit("init", "--dsn", "postgresql://shop:hunter2@db:port/shop")
    assert done.code == 3
    assert "hunter2" not in done.err
    assert list(drkit.folder.iterdir()) == []
