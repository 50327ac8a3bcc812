"""`drkit init`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drkit.cli.call import Call
from drkit.errors import UsageError

if TYPE_CHECKING:
    from drkit.starter import Answers


def init(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where schedules/ and keys/ go.")] = Path(),
    name: Annotated[str | None, typer.Option(help="The system's name.")] = None,
    kind: Annotated[str | None, typer.Option(help="sqlite or files.")] = None,
    path: Annotated[str | None, typer.Option(help="The database file, or the folder of files.")] = None,
    store: Annotated[str | None, typer.Option(metavar="URL", help="file:///folder or s3://bucket/prefix.")] = None,
) -> None:
    """Write a first schedule and new keys. Asks up to three questions, or none when all is said.

    Examples:  drkit init  |  drkit init --name shop --kind sqlite --path ./shop.db --store file:///var/lib/drkit
    """
    from drkit import keyfiles, starter

    call: Call = context.obj
    answers = _answers(folder, name, kind, path, store)
    keys = folder / "keys"
    fresh = not (keys / keyfiles.RECIPIENT).exists()
    schedule = starter.write_schedule(folder / "schedules", answers)
    if fresh:
        keyfiles.write_keys(keys)
    config = "" if folder == Path() else f" --config {folder / 'schedules'}"
    text = f"""wrote {schedule}: {answers.kind} {answers.path}, every half hour to {answers.store}
{"made" if fresh else "kept"} {keys}: `identity` opens the backups. Copy it to a safe place off this machine, now.

next:  drkit check{config}
       drkit backup now{config}
       drkit restore{config} {answers.name} --to ./restored{".db" if answers.kind == "sqlite" else ""}"""
    call.console.answer({"schedule": str(schedule), "keys": str(keys), "name": answers.name}, text)


def _answers(folder: Path, name: str | None, kind: str | None, path: str | None, store: str | None) -> "Answers":
    from drkit import starter

    found = next(starter.find_databases(folder), None)
    what = path or _ask("Which SQLite file, or folder of files", str(found) if found else None)
    if not Path(what).exists():
        raise UsageError(f"there is no {what}", "name what is to be protected by --path")
    if kind is None:
        kind = "files" if Path(what).is_dir() else "sqlite"
    name = name or _ask("What is the system called", starter.plain_name(Path(what).absolute().stem))
    store = store or _ask("Where do backups go (file:///folder or s3://bucket/prefix)", _default_store(folder))
    return starter.Answers(name, kind, str(Path(what).absolute()), store)


def _default_store(folder: Path) -> str:
    return (folder / "backups").absolute().as_uri()


def _ask(question: str, default: str | None) -> str:
    """The person's answer on a terminal; the default where nobody can be asked."""
    if not sys.stdin.isatty():
        if default is None:
            raise UsageError("there is no SQLite file here, and nobody can be asked", "give --kind and --path")
        return default
    sys.stderr.write(f"{question}{f' [{default}]' if default else ''}? ")
    sys.stderr.flush()
    if answer := sys.stdin.readline().strip() or default:
        return answer
    raise UsageError(f"{question}: no answer", "nothing was written")
