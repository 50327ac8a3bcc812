"""Runs of jobs: a planned one is claimed before it begins, and how each ended is written down in the store.

A record that cannot be written fails nothing: what it would have told, its absence tells a little later.
"""

import secrets
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from drkit.cli.call import Call, Failed, each_source
from drkit.errors import DrkitError, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from drkit.runs import Journal
    from drkit.wiring import Source

T = TypeVar("T")


def each_run(
    call: Call, job: str, sources: "Sequence[Source]", work: "Callable[[Source], T]"
) -> "tuple[list[tuple[Source, T]], Failed]":
    """As `each_source`, for a job: where the slot is somebody else's, nothing is done and nothing fails. What is done
    well is seen in the store by itself."""
    return _each(call, job, sources, work, None, None)


def each_system_run(
    call: Call,
    job: str,
    sources: "Sequence[Source]",
    work: "Callable[[list[Source]], T]",
    verdict: "Callable[[T], DrkitError | None]" = lambda _: None,
    always: bool = True,
) -> "tuple[list[tuple[Source, T]], Failed]":
    """The same for a job of whole systems, which get their sources together; each is named by its first. `verdict`
    finds a failure that did not rise. Nothing is written down of a part of a system or, unless `always`, of what
    nobody has planned."""
    from drkit.catalog.runs import WHOLE_SYSTEM

    done: list[tuple[Source, T]] = []
    failed = Failed([], 0)
    for mine in by_system(sources):
        one, rest = mine[:1], mine
        if len(mine) == len(mine[0].system.table.sources) and (always or call.slot):
            found, wrong = _each(call, job, one, lambda _: work(rest), WHOLE_SYSTEM, verdict)  # noqa: B023  used at once
        else:
            found, wrong = each_source(call, one, lambda _: work(rest))  # noqa: B023
        done, failed = [*done, *found], failed + wrong
    return done, failed


def by_system(sources: "Sequence[Source]") -> "list[list[Source]]":
    systems: dict[str, list[Source]] = {}
    for source in sources:
        systems.setdefault(source.system.name, []).append(source)
    return list(systems.values())


def _each(
    call: Call,
    job: str,
    sources: "Sequence[Source]",
    work: "Callable[[Source], T]",
    subject: str | None,
    verdict: "Callable[[T], DrkitError | None] | None",
) -> "tuple[list[tuple[Source, T]], Failed]":
    from drkit.wiring import clock

    def run(source: "Source") -> "tuple[T] | None":
        journal = journal_of(call, source, job, subject or source.key)
        if not _is_ours(call, journal):
            return None
        began = clock()
        try:
            result = work(source)
        except DrkitError as error:
            _write_failure(call, journal, began, error)
            raise
        except Exception as error:
            _write_failure(call, journal, began, DrkitError(f"this is a bug: {type(error).__name__}: {error}"))
            raise
        if wrong := verdict(result) if verdict else None:
            _write_failure(call, journal, began, wrong)
        else:
            _write_success(journal, began, subject is not None, call.slot is not None)
        return (result,)

    done, failed = each_source(call, sources, run)
    return [(source, result[0]) for source, result in done if result], failed


def _write_success(journal: "Journal", began: datetime, unseen: bool, planned: bool) -> None:
    """`unseen` is what leaves nothing else in the store; `planned` runs have left a claim."""
    with suppress(DrkitError):
        if unseen:
            journal.done(began)
        if unseen or planned:
            journal.tidy(began)


def _write_failure(call: Call, journal: "Journal", began: datetime, error: DrkitError) -> None:
    """Who runs it at a terminal sees it, and need not be told by others. A store that did not answer would not now,
    after all its patience."""
    from drkit.wiring import clock

    if call.console.terminal or isinstance(error, StoreUnavailable):
        return
    with suppress(DrkitError):
        journal.failed(began, clock(), error, call.console.redact(str(error)))


def journal_of(call: Call, source: "Source", job: str, subject: str) -> "Journal":
    from drkit.runs import Journal

    return Journal(source.store, source.system.name, job, subject, secrets.token_hex(4), call.console.correlation_id)


def _is_ours(call: Call, journal: "Journal") -> bool:
    from drkit.catalog.runs import claim_key
    from drkit.disk.life import name_process
    from drkit.runs import claim
    from drkit.wiring import clock

    slot = call.slot
    if slot is None:
        return True
    key = claim_key(journal.system, journal.job, journal.subject, slot.due, slot.attempt)
    ours = claim(journal.open(), key, name_process(), clock())
    if not ours:
        call.console.note(f"{key} is claimed by somebody else: nothing to do", taken=True)
    return ours
