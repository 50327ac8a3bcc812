"""`drkit init`."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drkit.cli.asking import ask
from drkit.cli.call import Call
from drkit.cli.init_shapes import choose_shape, origin_of, write_shaped
from drkit.errors import UsageError

if TYPE_CHECKING:
    from drkit.starter import Answers


def init(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where schedules/ and keys/ go.")] = Path(),
    name: Annotated[str | None, typer.Option(help="The system's name.")] = None,
    kind: Annotated[str | None, typer.Option(help="postgres, sqlite, files or git.")] = None,
    dsn: Annotated[str | None, typer.Option(metavar="DSN", help="postgresql://…, env:NAME or file:/path.")] = None,
    path: Annotated[str | None, typer.Option(help="The SQLite file, or the folder of files.")] = None,
    store: Annotated[str | None, typer.Option(metavar="URL", help="file:///folder or s3://bucket/prefix.")] = None,
    shape: Annotated[
        str | None, typer.Option(help="railway, render, kubernetes or neon (PostgreSQL), volume (SQLite), or plain.")
    ] = None,
) -> None:
    """Write a first schedule and new keys. Asks up to four questions, or none when all is said.

    A shape is where the system lives: the schedule and the next steps are made for it. Where DATABASE_URL is set, that
    PostgreSQL database is meant, if nothing else is said, and its host may tell the shape.

    Examples:  drkit init  |  drkit init --name shop --kind postgres --dsn env:DATABASE_URL --store s3://acme/shop

    drkit init --name shop --kind sqlite --path ./shop.db --store file:///var/lib/drkit

    drkit init --shape neon --name shop --store s3://acme/shop  |  drkit init --shape volume --path /app/data/shop.db
    """
    from drkit import keyfiles, starter

    call: Call = context.obj
    chosen = choose_shape(shape, kind, dsn, path)
    kind = kind or (chosen.kind if chosen else None)
    database = _database(kind, dsn or origin_of(chosen, folder), path)
    origin = _from_database(database, name) if database else _from_path(folder, kind, path, name)
    answers = starter.Answers(
        *origin, store or ask("Where do backups go (file:///folder or s3://bucket/prefix)", _default_store(folder))
    )
    if chosen:
        write_shaped(call, folder, chosen, answers, _unset(answers, database))
        return
    keys = folder / "keys"
    fresh = not (keys / keyfiles.RECIPIENT).exists()
    schedule = starter.write_schedule(folder / "schedules", answers)
    if fresh:
        keyfiles.write_keys(keys)
    unset = _unset(answers, database)
    text = f"""wrote {schedule}: {answers.kind} {answers.origin}, every half hour to {answers.store}
{"made" if fresh else "kept"} {keys}: `identity` opens the backups. Copy it to a safe place off this machine, now.
{unset and f"{unset}{chr(10)}"}
{_next_steps(folder, answers)}"""
    document = {"schedule": str(schedule), "keys": str(keys), "name": answers.name, "unset": unset or None}
    call.console.answer(document, text)


def _database(kind: str | None, dsn: str | None, path: str | None) -> str | None:
    """The PostgreSQL database that is meant, as a DSN or a reference to one."""
    from drkit import starter

    if dsn and (path or kind not in (None, "postgres")):
        raise UsageError("--dsn belongs to a source of kind postgres", "leave out --path, and --kind if it is another")
    if path and kind == "postgres":
        raise UsageError("a source of kind postgres has no --path", "say where it is by --dsn env:DATABASE_URL")
    if dsn or kind == "postgres":
        return dsn or f"env:{starter.VARIABLE}"
    meant = kind is None and path is None and starter.is_postgres(os.environ.get(starter.VARIABLE, ""))
    return f"env:{starter.VARIABLE}" if meant else None


def _from_database(database: str, name: str | None) -> tuple[str, str, str]:
    from drkit import starter
    from drkit.engines.postgres.dsn import parse_dsn

    variable = database.removeprefix("env:") if database.startswith("env:") else None
    dsn = os.environ.get(variable) if variable else None if database.startswith("file:") else database
    if dsn:
        starter.insist_on_libpq(dsn, variable or "the DSN")
    known = parse_dsn(dsn).name if dsn else Path().absolute().name
    name = name or ask("What is the system called", starter.plain_name(known))
    return name, "postgres", starter.refer_to(database)


def _from_path(folder: Path, kind: str | None, path: str | None, name: str | None) -> tuple[str, str, str]:
    from drkit import starter

    found = next(starter.find_databases(folder), None)
    what = path or ask("Which SQLite file, or folder of files", str(found) if found else None)
    if not Path(what).exists():
        raise UsageError(f"there is no {what}", "name what is to be protected by --path or --dsn")
    kind = kind or ("files" if Path(what).is_dir() else "sqlite")
    name = name or ask("What is the system called", starter.plain_name(Path(what).absolute().stem))
    return name, kind, str(Path(what).absolute())


def _unset(answers: "Answers", database: str | None) -> str:
    """What must still be set before the schedule can be used."""
    variable = answers.origin.removeprefix("env:")
    if answers.kind != "postgres" or variable == answers.origin:
        return ""
    if database != answers.origin and os.environ.get(variable) != database:
        return f"The DSN holds a password, so it was not written down: set {variable} to it."
    return "" if os.environ.get(variable) else f"{variable} is not set here: set it to the database's DSN."


def _next_steps(folder: Path, answers: "Answers") -> str:
    config = "" if folder == Path() else f" --config {folder / 'schedules'}"
    target = {"postgres": "restored", "sqlite": "./restored.db"}.get(answers.kind, "./restored")
    return f"""next:  drkit check{config}
       drkit backup now{config}
       drkit restore{config} {answers.name} --to {target}"""


def _default_store(folder: Path) -> str:
    return (folder / "backups").absolute().as_uri()
