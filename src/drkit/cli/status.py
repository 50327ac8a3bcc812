"""`drkit status`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from drkit.cli.call import Call, Failed, each_source
from drkit.cli.status_text import draw
from drkit.errors import DrkitError, ObjectiveMissed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from drkit.standing import Standing
    from drkit.troubles import Trouble
    from drkit.wiring import Source

T = TypeVar("T")


def status(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="SYSTEM or SYSTEM/SOURCE.")] = None,
    moments: Annotated[bool, typer.Option("--moments", help="List every point in time in the JSON document.")] = False,
) -> int:
    """How every source stands now: captured, verified, RPO and RTO against what was promised, and what is wrong.

    Ends with 8 when a promise is broken now: a backup or a drill is overdue or failed, the RPO or the RTO is missed, or
    a job of the whole system failed. It reads the store and changes nothing.

    Examples:  drkit status  |  drkit status shop  |  drkit status --json
    """
    call: Call = context.obj
    seen = look(call, call.select(names), moments)
    call.console.answer(seen.document, draw(call.console, seen.standings, seen.troubles))
    broken = any(not standing.healthy for standing in seen.standings) or any(seen.troubles.values())
    return seen.failed.exit_code or (ObjectiveMissed.exit_code if broken else 0)


@dataclass(frozen=True, slots=True)
class Seen:
    """`troubles` are those of whole systems."""

    document: dict[str, Any]
    standings: "list[Standing]"
    troubles: "dict[str, tuple[Trouble, ...]]"
    failed: Failed


def look(call: Call, sources: "Sequence[Source]", moments: bool = False) -> Seen:
    """What cannot be looked at is told, and does not keep the rest from being looked at."""
    from drkit.lookout import look_at_source, look_at_system, read_runs
    from drkit.wiring import clock

    now = clock()
    first = {source.system.name: source for source in reversed(sources)}
    runs = _once_a_system(lambda system: read_runs(first[system].store(), system))
    judged, failed = each_source(
        call, sources, lambda source: look_at_source(source, runs(source.system.name), now, moments)
    )
    reached = {source.system.name for source, _ in judged}
    systems, unseen = each_source(
        call,
        [first[name] for name in sorted(reached)],
        lambda one: look_at_system(one.system, one.store(), runs(one.system.name), now),
    )
    failed += unseen
    told = [document for _, (_, document) in judged]
    whole = [document for _, (_, document) in systems]
    return Seen(
        {"sources": told, "systems": whole} | failed.told,
        [standing for _, (standing, _) in judged],
        {one.system.name: troubles for one, (troubles, _) in systems},
        failed,
    )


def _once_a_system(read: "Callable[[str], T]") -> "Callable[[str], T]":
    """A store that did not answer for one source is not asked again for each of the others."""
    known: dict[str, T] = {}
    failed: dict[str, DrkitError] = {}

    def ask(system: str) -> T:
        if system in failed:
            raise failed[system]
        if system not in known:
            try:
                known[system] = read(system)
            except DrkitError as error:
                failed[system] = error
                raise
        return known[system]

    return ask
