"""`drkit demo`."""

import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from drkit.cli.call import Call
from drkit.cli.console import BOLD, GREEN
from drkit.cli.text import format_table


def demo(
    context: typer.Context,
    folder: Annotated[Path | None, typer.Argument(metavar="[DIR]", help="A new folder for it.")] = None,
) -> None:
    """Back up a live shop, ruin it, restore it to the moment before, and compare every row. A few seconds, no server.

    Examples:  drkit demo  |  drkit demo /tmp/shop-demo
    """
    from drkit.demo.story import tell
    from drkit.errors import UsageError
    from drkit.when import format_moment

    call: Call = context.obj
    place = folder or next(path for path in _free_names() if not path.exists())
    try:
        place.mkdir(parents=True)
    except FileExistsError as error:
        raise UsageError(f"{place} exists already", "name a new folder") from error
    except OSError as error:
        raise UsageError(f"{place} cannot be made: {error.strerror}", "name a folder you may write to") from error

    def say(text: str) -> None:
        if not call.console.json:
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()

    told = tell(place, say)
    verdict = call.console.paint(f"{told.equal} orders restored, {told.equal} equal row by row, 0 differ.", GREEN, BOLD)
    facts = (
        ("ruined in the live shop", f"{told.ruined} orders, at {format_moment(told.ruined_at)}"),
        ("restored", f"the shop as of {format_moment(told.reached)}"),
        ("placed after that", f"{told.later} orders; a backup every minute would hold more of them"),
    )
    drkit = _this_program()
    text = f"""{verdict}
They were compared with the receipts that the shop kept outside its database.
{format_table(*facts[:1], facts[1:])}

Look at it:
  cd {place}
  {drkit} status
  {drkit} backup list
  {drkit} restore shop --at {format_moment(told.ruined_at)} --by-hand    # without drkit: age, zstd and cat
  cat schedules/shop.toml
  sqlite3 shop-restored.db 'select * from orders order by id desc limit 5'    # and the same in shop.db

Protect your own: `{drkit} init` in a folder with a SQLite database."""  # noqa: S608  words, not a query
    document = {
        "folder": str(place),
        "ruined_at": format_moment(told.ruined_at),
        "reached": format_moment(told.reached),
        "equal": told.equal,
        "differing": told.differing,
        "later": told.later,
    }
    call.console.answer(document, text)


def _free_names() -> "list[Path]":
    return [Path("drkit-demo"), *(Path(f"drkit-demo-{number}") for number in range(2, 1000))]


def _this_program() -> str:
    """How to type the program that is running, from any folder."""
    if shutil.which("drkit"):
        return "drkit"
    script = Path(sys.argv[0]).absolute()
    return str(script) if script.name == "drkit" else f"{sys.executable} -m drkit"
