"""`drkit demo`."""

import shutil
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from drkit.cli.call import Call
from drkit.cli.console import BOLD, GREEN
from drkit.cli.text import format_table
from drkit.errors import UsageError

if TYPE_CHECKING:
    from drkit.demo.ground import Ground
    from drkit.demo.story import Told

_KINDS = ("sqlite", "postgres")


def demo(
    context: typer.Context,
    folder: Annotated[Path | None, typer.Argument(metavar="[DIR]", help="A new folder for it, to keep.")] = None,
    kind: Annotated[str | None, typer.Option(help="sqlite or postgres; postgres where its server is found.")] = None,
) -> None:
    """Back up a live shop, ruin it, restore it to the moment before, compare every row, test a restore, report.

    With PostgreSQL it starts a server of its own, on a socket in a temporary folder, and removes it again.

    Examples:  drkit demo  |  drkit demo /tmp/shop-demo  |  drkit demo --kind sqlite
    """
    from drkit.demo.stages import postgres_stage, sqlite_stage
    from drkit.demo.story import tell

    call: Call = context.obj

    def say(text: str) -> None:
        if not call.console.json:
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()

    ground = _find_ground(kind, say)
    place = folder or next(path for path in _free_names() if not path.exists())
    _make(place)
    with postgres_stage(place, ground) if ground else nullcontext(sqlite_stage(place)) as stage:
        told = tell(stage, say)
    text = _look_at_postgres(place) if ground else _look_at_sqlite(place, told)
    call.console.answer(_document(place, told, "postgres" if ground else "sqlite"), _verdict(call, told) + text)


def _find_ground(kind: str | None, say: Callable[[str], None]) -> "Ground | None":
    """None for SQLite. Who asked for nothing gets PostgreSQL where it can be had, and is told where not."""
    from drkit.demo.ground import find_ground

    if kind not in (None, *_KINDS):
        raise UsageError(f"there is no demo of kind {kind!r}", f"the kinds are {' and '.join(_KINDS)}")
    if kind == "sqlite":
        return None
    try:
        return find_ground()
    except UsageError as error:
        if kind:
            raise
        say(f"{error}: so the shop's database is SQLite.\n")
        return None


def _make(place: Path) -> None:
    try:
        place.mkdir(parents=True)
    except FileExistsError as error:
        raise UsageError(f"{place} exists already", "name a new folder") from error
    except OSError as error:
        raise UsageError(f"{place} cannot be made: {error.strerror}", "name a folder you may write to") from error


def _verdict(call: Call, told: "Told") -> str:
    from drkit.when import format_moment

    verdict = call.console.paint(f"{told.equal} orders restored, {told.equal} equal row by row, 0 differ.", GREEN, BOLD)
    facts = (
        ("ruined in the live shop", f"{told.ruined} orders, at {format_moment(told.ruined_at)}"),
        ("restored", f"the shop as of {format_moment(told.reached)}"),
        ("placed after that", f"{told.later} orders; a backup every minute would hold more of them"),
    )
    return f"""{verdict}
They were compared with the receipts that the shop kept outside its database.
{format_table(*facts[:1], facts[1:])}

"""


def _look_at_sqlite(place: Path, told: "Told") -> str:
    from drkit.when import format_moment

    drkit = _this_program()
    return f"""Look at it:
  {(place / "report.html").absolute()}
  cd {place}
  {drkit} status
  {drkit} backup list
  {drkit} evidence verify all
  {drkit} restore shop --at {format_moment(told.ruined_at)} --by-hand    # without drkit: age, zstd and cat
  cat schedules/shop.toml
  sqlite3 shop-restored.db 'select * from orders order by id desc limit 5'    # and the same in shop.db

Protect your own: `{drkit} init` in a folder with a SQLite database."""  # noqa: S608  words, not a query


def _look_at_postgres(place: Path) -> str:
    drkit = _this_program()
    return f"""The server is removed again; its backups, the evidence and the report are kept:
  {(place / "report.html").absolute()}
  cd {place}
  {drkit} backup list
  {drkit} evidence verify all
  {drkit} restore shop --by-hand    # without drkit: age, zstd, psql and pg_restore

Protect your own:
  export DATABASE_URL=postgresql://…    # what your host calls the connection string, not the pooled one
  {drkit} init && {drkit} check && {drkit} backup now"""


def _document(folder: Path, told: "Told", kind: str) -> dict[str, Any]:
    from drkit.demo.story import REPORT
    from drkit.when import format_moment

    return {
        "kind": kind,
        "folder": str(folder),
        "report": str(folder / REPORT),
        "ruined_at": format_moment(told.ruined_at),
        "reached": format_moment(told.reached),
        "equal": told.equal,
        "differing": told.differing,
        "later": told.later,
    }


def _free_names() -> "list[Path]":
    return [Path("drkit-demo"), *(Path(f"drkit-demo-{number}") for number in range(2, 1000))]


def _this_program() -> str:
    """How to type the program that is running, from any folder."""
    if shutil.which("drkit"):
        return "drkit"
    script = Path(sys.argv[0]).absolute()
    return str(script) if script.name == "drkit" else f"{sys.executable} -m drkit"
