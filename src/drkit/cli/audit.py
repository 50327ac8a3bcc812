"""`drkit audit`."""

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from drkit.cli.call import Call, Failed, ask_passphrase, each_source
from drkit.cli.console import GREEN, RED
from drkit.cli.running import each_system_run
from drkit.cli.text import format_size
from drkit.errors import Denied, DrkitError, IntegrityError, StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drkit.audit import Audited, Share
    from drkit.sealing import Keyring
    from drkit.wiring import Source


def audit(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="SYSTEM or SYSTEM/SOURCE.")] = None,
    sample: Annotated[
        str | None, typer.Option(metavar="PERCENT|N", help="Read 10%, or about 5, of the points: others each day.")
    ] = None,
    opened: Annotated[bool, typer.Option("--open", help="Open each object too, with the identity.")] = False,
) -> int:
    """Read every object of every point, and tell which points are whole: each is signed for its place, and its bytes
    are those that its signed manifest lists. Needs no identity. Ends with 7 if anything is damaged.

    Examples:  drkit audit  |  drkit audit shop/main --sample 10%  |  drkit audit --open --json
    """
    from drkit.audit import EVERYTHING, parse_share

    call: Call = context.obj
    share = parse_share(sample) if sample else EVERYTHING
    done, failed = each_system_run(
        call, "audit", call.select(names), lambda mine: _audit(call, mine, share, opened), _first_wrong, always=False
    )
    failed = sum((each.failed for _, each in done), failed)
    sources = [each for _, audits in done for each in audits.sources]
    document = {
        "points": [_describe(each) for source in sources for each in source.points],
        "hidden": [{"source": source.source, "id": point} for source in sources for point in source.hidden],
        "sample": [source.turn for source in sources] if sample else None,
    }
    if sources or call.console.json:
        call.console.answer(document | failed.told, "\n".join(_outline(call, each) for each in sources))
    wrong = _wrong(sources)
    return max(wrong, key=lambda each: each.exit_code).exit_code if wrong else failed.exit_code


@dataclass(frozen=True, slots=True)
class SourceAudit:
    """`days` is how long it takes until every point was read. `hidden` are points that no listing shows, though nobody
    pruned them."""

    source: str
    points: "tuple[Audited, ...]"
    hidden: tuple[str, ...]
    seconds: float
    today: date
    days: int

    @property
    def turn(self) -> dict[str, object]:
        part = self.today.toordinal() % self.days + 1
        return {"source": self.source, "day": self.today.isoformat(), "part": part, "of": self.days}


@dataclass(frozen=True, slots=True)
class SystemAudit:
    """What was found of one system, and the sources of it that could not be audited."""

    sources: "list[SourceAudit]"
    failed: Failed


def _audit(call: Call, sources: "Sequence[Source]", share: "Share", opened: bool) -> SystemAudit:
    from drkit.keyring import open_keyring

    keyring = open_keyring(sources[0].system, ask_passphrase) if opened else None
    done, failed = each_source(call, sources, lambda source: _audit_source(call, source, share, keyring))
    return SystemAudit([found for _, found in done], failed)


def _audit_source(call: Call, source: "Source", share: "Share", keyring: "Keyring | None") -> SourceAudit:
    import time

    from drkit.audit import audit_points
    from drkit.audit.share import is_due
    from drkit.catalog import survey
    from drkit.keyring import open_signers
    from drkit.wiring import clock

    store = source.store()
    listing = survey(store, source.name)
    days, today = share.days(len(listing.points)), clock().astimezone(source.system.table.timezone).date()
    due = {point.id for point in listing.points if is_due(point, days, today)}
    total = sum(point.stored_bytes for point in listing.points if point.id in due)
    began = time.monotonic()
    with call.console.progress(f"auditing {source.name}", total) as progress:
        found = tuple(
            audit_points(store, listing, open_signers(source.system), lambda point: point.id in due, keyring, progress)
        )
    hidden = _look_for_hidden(call, source)
    return SourceAudit(source.name, found, hidden, time.monotonic() - began, today, days)


def _look_for_hidden(call: Call, source: "Source") -> tuple[str, ...]:
    """In a bucket that keeps versions, by a role that may list them."""
    from drkit.keyring import open_signers
    from drkit.prune.hidden import look_for_hidden_points

    try:
        return tuple(look_for_hidden_points(source.store(), source.name, open_signers(source.system)))
    except Denied as error:
        call.console.warn(f"{source.name}: nobody has looked whether points are hidden there: {error}", hint=error.hint)
        return ()


def _wrong(sources: "Sequence[SourceAudit]") -> list[DrkitError]:
    from drkit.prune.hidden import complain

    hidden: list[DrkitError] = [complain(each.source, each.hidden) for each in sources if each.hidden]
    return hidden + [
        (StoreError if damage.outcome == "not read" else IntegrityError)(
            _tell(each, damage.what, damage.key), damage.hint
        )
        for source in sources
        for each in source.points
        for damage in each.damages
    ]


def _first_wrong(audit: SystemAudit) -> DrkitError | None:
    for each in audit.failed.document:
        return DrkitError(f"{each['source']}: {each['error']}", each["hint"])
    return next(iter(_wrong(audit.sources)), None)


def _tell(each: "Audited", what: str, key: str) -> str:
    where = "" if what.startswith(key) else f"{key}: "
    return f"{each.point.source} {each.point.id}: {each.outcome}: {where}{what}"


def _describe(each: "Audited") -> dict[str, object]:
    from drkit.when import format_moment

    return {
        "source": each.point.source,
        "id": each.point.id,
        "consistent_at": format_moment(each.point.consistent_at),
        "outcome": each.outcome,
        "objects": each.objects,
        "read_bytes": each.read,
        "damage": [
            {"object": one.key, "outcome": one.outcome, "what": one.what, "hint": one.hint} for one in each.damages
        ],
    }


def _outline(call: Call, source: SourceAudit) -> str:
    from drkit.prune.hidden import complain

    lines = []
    if source.hidden:
        lines.append(f"{call.console.paint('!!', RED)}  {complain(source.source, source.hidden)}")
    for each in source.points:
        for damage in each.damages:
            lines.append(f"{call.console.paint('!!', RED)}  {_tell(each, damage.what, damage.key)}")
            lines += [f"      hint: {damage.hint}"] if damage.hint else []
    read = [each for each in source.points if each.read is not None]
    whole = sum(each.outcome == "ok" for each in source.points)
    size = sum(each.read or 0 for each in read)
    told = f"{whole} of {len(source.points)} points are whole; {len(read)} read to the last byte, {format_size(size)}"
    if source.days > 1:
        told += f" (part {source.turn['part']} of {source.days}: every point is read within {source.days} days)"
    mark = (
        call.console.paint("ok", GREEN)
        if whole == len(source.points) and not source.hidden
        else call.console.paint("!!", RED)
    )
    return "\n".join([*lines, f"{mark}  {source.source}: {told}"])
