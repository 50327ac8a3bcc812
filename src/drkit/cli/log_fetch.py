"""`drkit log-fetch`: what a server that recovers runs for each file of its log. Not for people, so no help shows it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drkit.cli.call import Call, ask_passphrase

if TYPE_CHECKING:
    from drkit.engines.postgres.recovery.wal import WalReader

_AHEAD = 8
_WORKERS = 4
_NOT_THERE = 1


def log_fetch(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="SYSTEM/SOURCE.")],
    system: Annotated[str, typer.Argument(help="The server's identifier.")],
    timeline: Annotated[int, typer.Argument(help="The one to recover along.")],
    segment: Annotated[int, typer.Argument(help="Bytes in a file of log.")],
    end: Annotated[int, typer.Argument(help="Up to where the log is known to be there.")],
    file: Annotated[str, typer.Argument(help="Its name.")],
    path: Annotated[Path, typer.Argument(help="Where it is to be put.")],
) -> int:
    """Put a file of log where a server wants it, and the ones after it beside the server's data folder, for the next
    questions. Ends with 1 where the store has none of that name."""
    from drkit.engines.postgres.recovery.segments import parse_segment
    from drkit.engines.postgres.recovery.wal import WalReader
    from drkit.keyring import open_keyring
    from drkit.restore.lineage import legs_of
    from drkit.restore.logbook import LogBook

    call: Call = context.obj
    source = call.select_one(name)
    book = LogBook(source.store(), source.name, open_keyring(source.system, ask_passphrase))
    forks = book.histories().get((system, timeline), ())
    wal = WalReader(book, system, legs_of(timeline, forks), segment, end)
    content = wal.fetch(file)
    if content is None:
        return _NOT_THERE
    if asked := parse_segment(file, segment):
        first = asked.begin + segment
        _fetch_ahead(wal, wal.names(first, first + _AHEAD * segment))
    _write(path, content)
    return 0


def _fetch_ahead(wal: "WalReader", names: list[str]) -> None:
    """As far as the log goes: the end of it is not kept, as it may grow."""
    from drkit.engines.postgres.recovery.directory import SPOOL
    from drkit.streams.ahead import map_ahead

    folder = Path(SPOOL)
    folder.mkdir(exist_ok=True)
    wanted = [name for name in names if wal.is_whole(name) and not (folder / name).exists()]
    for name, content in zip(wanted, map_ahead(wal.fetch, wanted, _WORKERS), strict=True):
        if content is not None:
            _write(folder / name, content)


def _write(path: Path, content: bytes) -> None:
    beside = path.with_name(f".{path.name}.partial")
    beside.write_bytes(content)
    beside.chmod(0o600)
    beside.rename(path)
