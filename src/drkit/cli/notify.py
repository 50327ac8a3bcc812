"""`drkit notify`."""

import socket
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from drkit.cli.call import Call, Failed, each_source
from drkit.cli.status import look
from drkit.errors import StoreError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from drkit.config import System
    from drkit.notify.changes import Seen
    from drkit.notify.courier import Delivery
    from drkit.notify.message import Message
    from drkit.notify.own import Own
    from drkit.notify.telling import Notice
    from drkit.wiring import Source


def notify(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="SYSTEM or SYSTEM/SOURCE.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be sent, and send nothing.")] = False,
    test: Annotated[bool, typer.Option("--test", help="Send a test message to each URL, whatever there is.")] = False,
    troubles: Annotated[
        str | None, typer.Option("--troubles", hidden=True, help="A file with the daemon's own, in JSON; - is stdin.")
    ] = None,
) -> int:
    """Tell those behind `notify.urls` what has changed since they were told last: what is wrong now, what is over, and
    that a report is ready. What has not changed is not told again; what was told is remembered in the store.

    Ends with 5 when there was something to tell and nobody could be told; the next run tries again.

    Examples:  drkit notify  |  drkit notify shop --dry-run  |  drkit notify --test
    """
    call: Call = context.obj
    if dry_run and test:
        raise UsageError("--dry-run sends nothing, and --test sends", "use one of them")
    own = _read_own(troubles)
    sources = [source for source in call.select(names) if source.system.table.notify.urls]
    systems: dict[str, list[Source]] = {}
    for source in sources:
        systems.setdefault(source.system.name, []).append(source)
    if test:
        return _send_tests(call, [mine[0].system for mine in systems.values()])
    # where something is wrong with a store, it takes long to say so: others are told first
    told, failed = each_source(
        call,
        sorted((mine[0] for mine in systems.values()), key=lambda first: own.concerns(first.system.name)),
        lambda first: _tell(call, first, systems[first.system.name], own, dry_run),
    )
    notices = [notice for _, notice in told]
    document = {"notices": [_describe(notice) for notice in notices if notice.message]}
    call.console.answer(document | failed.told, "\n\n".join(_outline(notices, failed, dry_run)))
    return failed.exit_code or (StoreError.exit_code if any(notice.failed for notice in notices) else 0)


def _tell(call: Call, first: "Source", sources: "Sequence[Source]", own: "Own", dry_run: bool) -> "Notice":
    """One system. Its ledger is read before anything else is: a store that cannot be reached takes long to say so."""
    from drkit.notify.changes import Seen
    from drkit.notify.ledger import Ledger
    from drkit.notify.telling import preview, tell, tell_without_ledger
    from drkit.wiring import clock

    system = first.system
    ledger = Ledger(first.store(), system.name, socket.gethostname())
    try:
        state = ledger.read(clock())
    except StoreError as error:
        if not own.concerns(system.name) or dry_run:
            raise
        call.console.warn(f"{system.name}: what was told before cannot be read, so all is told: {error}")
        return tell_without_ledger(own.add_to(Seen(system.name)), lambda words: _send(call, system, words), clock())
    seen = own.add_to(_see(call, system, sources))
    if dry_run:
        return preview(state, seen, clock())
    notice = tell(ledger, state, seen, lambda words: _send(call, system, words), clock)
    if notice.problem:
        call.console.warn(f"{system.name}: what was told could not be written down: {notice.problem}")
    return notice


def _see(call: Call, system: "System", sources: "Sequence[Source]") -> "Seen":
    from drkit.bulletin import read_bulletin
    from drkit.notify.changes import see

    known = [f"{system.name}/{key}" for key in system.table.sources]
    return see(system.name, read_bulletin(look(call, sources).document), known)


def _send(call: Call, system: "System", message: "Message") -> "list[Delivery]":
    from drkit.notify.courier import deliver, open_addresses

    addresses = open_addresses(system)  # first, so that what is read there is blacked out too
    words = replace(message, title=call.console.redact(message.title), body=call.console.redact(message.body))
    sent = deliver(addresses, words, system.table.notify.allow_private)
    for each in sent:
        if not each.told:
            hint = {"hint": each.hint} if each.hint else {}
            call.console.warn(f"{system.name}: {each.name} was not told: {each.why}", **hint)
    return sent


def _send_tests(call: Call, systems: "Sequence[System]") -> int:
    from drkit.notify.message import compose_test

    sent = [(system.name, each) for system in systems for each in _send(call, system, compose_test(system.name))]
    document = {"tests": [{"system": system} | _describe_delivery(each) for system, each in sent]}
    lines = [f"{system}: {each.name} {'was told' if each.told else f'FAILED: {each.why}'}" for system, each in sent]
    call.console.answer(document, "\n".join(lines) or "no schedule has notify.urls: nobody is told")
    return 0 if all(each.told for _, each in sent) else StoreError.exit_code


def _read_own(place: str | None) -> "Own":
    from drkit.notify.own import Own, read_own

    if place is None:
        return Own()
    try:
        return read_own(sys.stdin.read() if place == "-" else Path(place).read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"--troubles {place} cannot be read: {error.strerror}") from error


def _outline(notices: "Sequence[Notice]", failed: Failed, dry_run: bool) -> "Iterator[str]":
    for notice in notices:
        if message := notice.message:
            told = [each.name for each in notice.deliveries if each.told]
            how = f"told by {', '.join(told)}" if told else "NOBODY was told"
            how = "would be told" if dry_run else "somebody else is telling it" if notice.taken else how
            yield f"{message.title}\n\n{message.body}\n\n({how})"
    if not any(notice.message for notice in notices) and not failed.exit_code:
        yield "nothing has changed since the last notice"


def _describe(notice: "Notice") -> dict[str, Any]:
    changes, message = notice.changes, notice.message
    return {
        "system": notice.system,
        "title": message.title if message else None,
        "body": message.body if message else None,
        "new": [{"subject": each.subject, "kind": each.trouble.kind} for each in changes.new],
        "over": [{"subject": each.subject, "kind": each.kind} for each in changes.over],
        "report": changes.report,
        "taken": notice.taken,
        "remembered": notice.kept,
        "sent": [_describe_delivery(each) for each in notice.deliveries],
    }


def _describe_delivery(each: "Delivery") -> dict[str, Any]:
    return {"url": each.name, "told": each.told, "error": each.why, "hint": each.hint}
