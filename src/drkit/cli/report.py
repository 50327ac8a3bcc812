"""`drkit report`."""

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from drkit.cli.call import Call
from drkit.cli.missed import write_down_missed
from drkit.cli.running import each_system_run
from drkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from drkit.report.model import Report
    from drkit.wiring import Source

_FORMATS = ("html", "json", "text")
_SUFFIXES = {".html": "html", ".htm": "html", ".json": "json"}


@dataclass(frozen=True, slots=True)
class Made:
    """The report of one system, in its three forms, and what became of it in the store. What is there is `signed`, and
    then `page` and `document` are those of the store."""

    system: str
    page: str
    document: dict[str, Any]
    text: str
    stored: str
    signed: bool


def report(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="SYSTEM or SYSTEM/SOURCE.")] = None,
    month: Annotated[
        str | None, typer.Option(metavar="YYYY-MM", help="Otherwise the last one during its first week, or this one.")
    ] = None,
    form: Annotated[str | None, typer.Option("--format", help="html, json or text; else as FILE is called.")] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it there, in place of what was there.")
    ] = None,
    no_store: Annotated[bool, typer.Option("--no-store", help="Put nothing into the store.")] = False,
) -> int:
    """The monthly restore-test report of a system: were the promises kept, and what did restoring prove?

    Without --month it is about the last month during the first week of a month, and about the month so far later. The
    report of a month that is over goes into the store too, signed and once; and so does evidence of planned drills
    that never ran.

    Examples:  drkit report  |  drkit report shop --month 2026-10 --out october.html  |  drkit report --format json
    """
    call: Call = context.obj
    chosen = _choose_format(form, out, call.console.json)
    first_day = _first_day(month) if month else None
    sources = call.select([name] if name else None)
    systems = list(dict.fromkeys(source.system.name for source in sources))
    if len(systems) > 1 and (out or chosen == "html"):
        raise UsageError(f"there are {len(systems)} systems, with a report each", f"name one: {', '.join(systems)}")
    done, failed = each_system_run(
        call, "report", sources, lambda mine: _make(call, mine, first_day, no_store), always=False
    )
    made = [each for _, each in done]
    if made and out:
        _write(out, _spell(made, chosen))
        if chosen != "text" and not made[0].signed:
            call.console.note(f"{out} is not signed, so `drkit evidence verify` vouches for none of it")
        call.console.answer({"file": str(out), "stored": made[0].stored, "signed": made[0].signed}, f"wrote {out}")
    elif made:
        sys.stdout.write(_spell(made, chosen))
    return failed.exit_code


def _make(call: Call, sources: "Sequence[Source]", first_day: "date | None", no_store: bool) -> Made:
    from hashlib import sha256

    from drkit.report.document import to_document
    from drkit.report.page import draw_page
    from drkit.report.text import write_text

    system = sources[0].system
    why_not = _why_not_stored(sources, no_store)
    if not why_not:
        _record_missed(call, sources)
    found = _gather(sources, first_day, call.slot.due if call.slot else None)
    page, text = draw_page(found), write_text(found)
    if not why_not and found.month.until < found.month.end:
        why_not = f"not stored, as {found.month.first_day:%Y-%m} is not over"
    if not why_not:
        return _file(call, sources[0], found, page, text)
    (call.console.note if why_not != _NO_KEY else call.console.warn)(f"{system.name}: {why_not}")
    document = to_document(found, sha256(page.encode()).hexdigest())
    return Made(system.name, page, document, text, why_not, signed=False)


def _file(call: Call, source: "Source", found: "Report", page: str, text: str) -> Made:
    from drkit.catalog import report_key
    from drkit.keyring import open_accepted_key, open_signers
    from drkit.report.filing import fetch_filed, file_report

    system, store, month = source.system, source.store(), f"{found.month.first_day:%Y-%m}"
    filed = file_report(store, found, page.encode(), open_accepted_key(system, "a report"))
    stored = f"{filed} as {report_key(system.name, month)}"
    call.console.note(f"{system.name}: {stored}")
    signed, signed_page = fetch_filed(store, system.name, month, open_signers(system))
    return Made(system.name, signed_page.decode(), json.loads(signed), text, stored, signed=True)


_NO_KEY = "not stored, as there is no encryption.signing_key here"


def _why_not_stored(sources: "Sequence[Source]", no_store: bool) -> str:
    system = sources[0].system
    if no_store:
        return "not stored, as --no-store says"
    if not _is_whole(sources):
        return "not stored, as it is not about all sources of the system"
    return "" if system.table.encryption.signing_key else _NO_KEY


def _is_whole(sources: "Sequence[Source]") -> bool:
    return len(sources) == len(sources[0].system.table.sources)


def _record_missed(call: Call, sources: "Sequence[Source]") -> None:
    from drkit.keyring import open_accepted_key

    for source in sources:
        if source.table.verify:
            written = write_down_missed(call, source, open_accepted_key(source.system, "evidence"))
            if written:
                times = f"{len(written)} times" if len(written) > 1 else "once"
                call.console.warn(f"{source.name}: a planned drill did not run, {times}: {written[-1]} says so")


def _gather(sources: "Sequence[Source]", first_day: "date | None", due: "datetime | None") -> "Report":
    """A planned run that comes late is about the month that it was planned for."""
    from dataclasses import replace

    from drkit import __version__
    from drkit.catalog import set_of, survey
    from drkit.config.sources import PhysicalTable
    from drkit.keyring import open_outlook, open_signers
    from drkit.report.facts import make_report
    from drkit.report.period import month_due, month_of
    from drkit.report.reading import Asked, first_known, read_known
    from drkit.report.together import pick_sets
    from drkit.report.unscheduled import find_unscheduled
    from drkit.restore.holdings import look
    from drkit.verify.history import believe
    from drkit.verify.ledger import read_store
    from drkit.when import format_moment
    from drkit.wiring import clock

    system, now = sources[0].system, clock()
    zone, signers = system.table.timezone, open_signers(system)
    listings = [survey(source.store(), source.name) for source in sources]
    first = min((point.consistent_at for listing in listings for point in listing.points), default=None)
    day = first_day or month_due(zone, first, due or now)
    start = month_of(day, zone, now).start
    if start > now:
        raise UsageError(f"{day:%Y-%m} has not begun", "name a month that has, such as --month 2026-10")
    known = []
    for source, listing in zip(sources, listings, strict=True):
        table = source.table
        policy = table.keep.policy if table.keep else None
        asked = Asked(table.kind, table.backup, table.verify, table.objectives.rto, table.objectives.rpo, policy)
        outlook = look(source.store(), listing, open_outlook(system)) if isinstance(table, PhysicalTable) else None
        known.append(read_known(source.store(), listing, asked, signers, zone, start, now, outlook))
    earliest = first_known(known)
    if earliest and earliest >= month_of(day, zone, now).end:
        raise UsageError(
            f"nothing is known of {system.name} in {day:%Y-%m}: it begins at {format_moment(earliest)}",
            f"ask for --month {earliest.astimezone(zone):%Y-%m} or a later one",
        )
    made = make_report(system.name, known, day, zone, now, sorted(map(str, signers)), __version__)
    if not _is_whole(sources):
        return made
    others = find_unscheduled(sources[0].store(), system.name, {source.name for source in sources})
    together = believe(read_store(sources[0].store(), set_of(system.name)), signers)
    return replace(
        made,
        unscheduled=tuple(map(str, others)),
        together=pick_sets(together, made.month),
        unbelieved=len(together.doubts),
    )


def _choose_format(form: str | None, out: Path | None, wants_json: bool) -> str:
    if form is None:
        by_name = _SUFFIXES.get(out.suffix.lower(), "text") if out else "text"
        return "json" if wants_json and not out else by_name
    if form not in _FORMATS:
        raise UsageError(f"--format {form} is not known", f"it is one of {', '.join(_FORMATS)}")
    return form


def _first_day(month: str) -> "date":
    from datetime import date

    if re.fullmatch(r"[1-9]\d{3}-(0[1-9]|1[0-2])", month):
        return date.fromisoformat(f"{month}-01")
    raise UsageError(f"{month!r} is not a month", "write it as 2026-11")


def _spell(made: "Sequence[Made]", form: str) -> str:
    if form == "html":
        return made[0].page
    if form == "text":
        return "\n".join(each.text for each in made)
    documents = [each.document for each in made]
    return (
        json.dumps(documents[0] if len(documents) == 1 else {"reports": documents}, indent=2, ensure_ascii=False) + "\n"
    )


def _write(file: Path, body: str) -> None:
    try:
        file.write_text(body, "utf-8")
    except OSError as error:
        raise UsageError(
            f"{file} cannot be written: {error.strerror}", "name a file in a folder that is there"
        ) from error
