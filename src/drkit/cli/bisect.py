"""`drkit bisect`."""

import os
import secrets
import shlex
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from drkit.cli.call import Call, ask_passphrase
from drkit.cli.places import from_places
from drkit.cli.text import format_table
from drkit.errors import NotRestorable, UsageError
from drkit.when import format_length, format_moment, parse_length, parse_when

if TYPE_CHECKING:
    from drkit.bisect.trial import Search, Trial
    from drkit.sealing import Keyring
    from drkit.verify.drill import Orders
    from drkit.verify.questions import Question
    from drkit.wiring import Source

_GIVEN = timedelta(minutes=10)
_ASSUMED = (
    "This takes for granted that the state was good, and bad from some moment on; --linear takes nothing for granted,"
    " and tries each from the newest back."
)


def bisect(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="SYSTEM/SOURCE, or SYSTEM where it has one source.")] = None,
    check: Annotated[
        str | None, typer.Option(metavar="COMMAND", help="Good is where this ends with 0; it gets DRKIT_TARGET.")
    ] = None,
    sql: Annotated[str | None, typer.Option(metavar="SQL", help="Good is where this answers true.")] = None,
    since: Annotated[str | None, typer.Option("--from", metavar="WHEN", help="Look no further back.")] = None,
    until: Annotated[str | None, typer.Option("--to", metavar="WHEN", help="Look at nothing newer.")] = None,
    resolution: Annotated[
        str, typer.Option(metavar="LENGTH", help="In a log: how far apart moments are tried at last.")
    ] = "1m",
    linear: Annotated[bool, typer.Option("--linear", help="Try each from the newest back; assume nothing.")] = False,
    timeout: Annotated[str, typer.Option(metavar="LENGTH", help="How long --check or --sql may take.")] = "10m",
) -> None:
    """Find the last good state after data were ruined: states are restored to scratch places, and checked.

    Without --check and --sql the checks of the schedule decide. Of a source with a log any moment can be tried. It ends
    with 0 if a good state was found, and with 6 if there is none. Nothing is changed, and no evidence is left.

    Examples:  drkit bisect shop --sql 'select count(*) > 0 from orders'  |  drkit bisect shop --from 7d

    drkit bisect shop/main --check 'sqlite3 "$DRKIT_TARGET" "pragma integrity_check" | grep -qx ok'
    """
    from drkit.bisect.halving import most_probes
    from drkit.bisect.trial import search
    from drkit.keyring import open_keyring
    from drkit.wiring import clock

    call: Call = context.obj
    source = call.select_one(name)
    now, zone = clock(), source.system.table.timezone
    questions = _questions(source, check, sql, parse_length(timeout))
    bounds = tuple(parse_when(each, zone, now) if each else None for each in (since, until))
    keyring = open_keyring(source.system, ask_passphrase)
    steps = parse_length(resolution)
    seen, candidates = from_places(call, source, "", lambda seen: _candidates(seen, bounds, steps, keyring, now))
    if not candidates:
        raise NotRestorable(
            f"nothing of {source.name} lies between these bounds",
            f"`drkit backup list {source.name}` shows what there is",
        )
    most = most_probes(len(candidates), linear=linear)
    first, last = format_moment(candidates[0]), format_moment(candidates[-1])
    call.console.tell(f"{source.name}: {len(candidates)} states from {first} to {last}, {most} to be restored at most")
    orders = _orders(call, source, questions)
    found = search(candidates, lambda moment: _attempt(call, seen, orders, moment, keyring), linear=linear)
    _answer(call, source, found, linear)
    if found.last_good is None:
        raise NotRestorable(*_none_good(source, found))


def _questions(source: "Source", check: str | None, sql: str | None, limit: timedelta) -> "tuple[Question, ...]":
    from drkit.verify.questions import Question

    given = []
    if sql is not None:
        given.append(Question("--sql", sql, None, True, limit))
    if check is not None:
        given.append(Question("--check", None, check, True, limit))
    if questions := tuple(given) or source.questions():
        return questions
    raise UsageError(
        f"nothing says what is good, and {source.name} has no checks in its schedule",
        "say --sql 'select …', which is true where all is well, or --check COMMAND, which ends with 0 there",
    )


def _candidates(
    source: "Source", bounds: "tuple[datetime | None, ...]", resolution: timedelta, keyring: "Keyring", now: datetime
) -> Sequence[datetime]:
    from drkit.bisect.moments import Bounds, Grid, moments_of
    from drkit.catalog import survey
    from drkit.restore.planning import ContinuousEngine, reachable

    store, within = source.store(), Bounds(*bounds)
    if isinstance(source.engine(), ContinuousEngine):
        return Grid(reachable(store, source.name, keyring), within, resolution)
    return moments_of(survey(store, source.name).points, within, now)


def _orders(call: Call, source: "Source", questions: "tuple[Question, ...]") -> "Orders":
    from drkit.verify.drill import Orders

    token, run = secrets.token_hex(4), call.console.correlation_id
    return Orders(source.name, "corruption", None, None, None, None, questions, token, run, source.variables())


def _attempt(call: Call, source: "Source", orders: "Orders", moment: datetime, keyring: "Keyring") -> "Trial":
    """What came out is told at once: an interrupt must not lose it."""
    from drkit.bisect.trial import attempt
    from drkit.restore.planning import ContinuousEngine
    from drkit.secrecy import black_out, passwords_in, secrets_in
    from drkit.wiring import clock

    hidden = {word for text in source.secret_texts() for word in passwords_in(text)} | secrets_in(os.environ)
    engine = source.engine()
    exact = not isinstance(engine, ContinuousEngine)
    with call.console.progress(f"restoring {source.name} as of {format_moment(moment)}") as progress:
        trial = attempt(
            orders, moment, exact, source.store(), engine, keyring, clock, progress, partial(black_out, secrets=hidden)
        )
    why = f": {trial.why}" if trial.why else ""
    call.console.tell(f"{format_moment(moment)} is {trial.verdict}{why}", verdict=trial.verdict)
    return trial


def _answer(call: Call, source: "Source", found: "Search", linear: bool) -> None:
    good, bad = found.last_good, found.first_bad
    command = _next(call, source, good.moment) if good else None
    document = {
        "source": source.name,
        "candidates": len(found.candidates),
        "linear": linear,
        "last_good": _named(good),
        "first_bad": _named(bad),
        "tried": [_describe(trial) for trial in found.trials.values()],
        "next": command,
    }
    rows = [
        (format_moment(trial.moment), trial.verdict, trial.backup or "-", format_length(trial.took), trial.why)
        for _, trial in sorted(found.trials.items())
    ]
    lines = [format_table(("STATE", "VERDICT", "POINT", "TOOK", "WHY"), rows)]
    lines += [f"last good: {format_moment(good.moment)}"] if good else ["last good: none"]
    lines += [f"first bad: {format_moment(bad.moment)}: {bad.why}"] if bad else []
    lines += [] if bad else ["nothing newer is bad: the newest state that can be tried is good"] if good else []
    lines += [] if linear else [_ASSUMED]
    lines += [f"next:  {command}"] if command else []
    call.console.answer(document, "\n".join(lines))


def _named(trial: "Trial | None") -> dict[str, Any] | None:
    return {"moment": format_moment(trial.moment), "backup": trial.backup} if trial else None


def _describe(trial: "Trial") -> dict[str, Any]:
    return {
        "moment": format_moment(trial.moment),
        "backup": trial.backup,
        "verdict": trial.verdict,
        "why": trial.why,
        "seconds": round(trial.took.total_seconds(), 3),
        "checks": [
            {
                "name": check.name,
                "passed": {"passed": True, "failed": False, "not testable": None}[check.outcome],
                "expected": check.expected,
                "actual": check.actual,
            }
            for check in trial.checks
        ],
    }


def _next(call: Call, source: "Source", moment: datetime) -> str:
    """Beside what stands there, as the bad state may hold what the good one lacks."""
    table = source.table
    suffix = Path(getattr(table, "path", "")).suffix if table.restored_as == "file" else ""
    server = "restored" if table.kind == "postgres" else "env:NEW_URL"
    to = server if table.restored_as == "server" else f"./restored{suffix}"
    config = ["--config", str(call.config)] if call.config != Path("schedules") else []
    return shlex.join(["drkit", "restore", source.name, "--at", format_moment(moment), "--to", to, *config])


def _none_good(source: "Source", found: "Search") -> tuple[str, str]:
    if found.first_bad is None:
        return (
            f"no state of {source.name} between these bounds could be tried",
            "see above why; `drkit verify now` tells more of one",
        )
    return (
        f"no state of {source.name} back to {format_moment(found.candidates[0])} is good by these checks",
        "see above what they found: a check that fails on a good state finds none; or look further back by --from",
    )
