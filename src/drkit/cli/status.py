"""`drkit status`."""

from typing import TYPE_CHECKING, Annotated

import typer

from drkit.cli.call import Call, each_source
from drkit.cli.status_text import describe, draw
from drkit.errors import ObjectiveMissed

if TYPE_CHECKING:
    from datetime import datetime

    from drkit.catalog import Listing
    from drkit.standing import Standing
    from drkit.wiring import Source

_DRILLS = 8  # enough for the last one that came to its end, and for a forecast


def status(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="SYSTEM or SYSTEM/SOURCE.")] = None,
) -> int:
    """How every source stands now: captured, verified, RPO and RTO against what was promised, and what is wrong.

    Ends with 8 when a promise is broken now: a backup or a drill is overdue, the RPO or the RTO is missed, or the last
    drill failed. It reads the store and changes nothing.

    Examples:  drkit status  |  drkit status shop  |  drkit status --json
    """
    call: Call = context.obj
    judged, failed = each_source(call, call.select([name] if name else None), _judge)
    standings = [standing for _, standing in judged]
    call.console.answer({"sources": list(map(describe, standings))} | failed.told, draw(call.console, standings))
    broken = any(not standing.healthy for standing in standings)
    return failed.exit_code or (ObjectiveMissed.exit_code if broken else 0)


def _judge(source: "Source") -> "Standing":
    from drkit import catalog
    from drkit.catalog.wholeness import check_newest
    from drkit.config.tables import PhysicalTable
    from drkit.prune.removals import find_whole_since
    from drkit.standing import Promises, judge_standing
    from drkit.verify.history import History, read_newest
    from drkit.wiring import clock, open_signers

    table, store, signers = source.table, source.store(), open_signers(source.system)
    promised, now = table.objectives, clock()
    found = catalog.survey(store, source.name)
    listing, unsound = check_newest(store, found, signers, now)
    history = read_newest(store, source.name, signers, _DRILLS, now, catalog.marks(source.name, found.entries))
    standing = judge_standing(
        source.name,
        Promises(table.backup, table.verify, source.system.table.timezone, promised.rto, promised.rpo),
        listing.points,
        History(history.evidences, (*unsound, *history.doubts)),
        find_whole_since(store, source.name, signers),
        now,
    )
    return _with_log(source, standing, listing, now) if isinstance(table, PhysicalTable) else standing


def _with_log(source: "Source", standing: "Standing", listing: "Listing", now: "datetime") -> "Standing":
    from drkit.restore.holdings import look
    from drkit.restore.reach import find_ways, windows
    from drkit.standing import with_log
    from drkit.wiring import open_outlook

    outlook = look(source.store(), listing, open_outlook(source.system))
    ways = [way for way in find_ways(outlook.holdings) if way.held.point.credible]
    reaching = {way.held.point.id for way in ways if way.until is not None}
    useless = [point for point in listing.points if point.id not in reaching]
    return with_log(standing, windows(source.name, ways), useless, now)
