"""`drkit verify now`."""

import os
import secrets
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from drkit.cli.call import Call, ask_passphrase
from drkit.cli.missed import write_down_missed
from drkit.cli.running import each_run
from drkit.cli.verify_text import describe_drill, summarize
from drkit.errors import ConfigError, NotRestorable, ObjectiveMissed, StoreError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from drkit.ports import Store
    from drkit.sealing import Keyring
    from drkit.signing import SigningKey
    from drkit.verify.drill import Orders
    from drkit.verify.model import Drill, Scenario
    from drkit.wiring import Source

app = typer.Typer(help="Prove by restoring that what was captured can be restored, in time.", no_args_is_help=True)
_RANDOM = "random"


@app.command()
def now(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="SYSTEM or SYSTEM/SOURCE.")] = None,
    scenario: Annotated[
        str, typer.Option(help="What is assumed lost: database-failure, region-failure, corruption.")
    ] = "database-failure",
    at: Annotated[
        str | None, typer.Option(metavar="WHEN", help="A moment, latest, random, or a length ago: 90m.")
    ] = None,
    seed: Annotated[str | None, typer.Option(metavar="TEXT", help="Choose the same random moment again.")] = None,
) -> int:
    """Restore into a scratch place, check, time, compare with the objectives, and store signed evidence.

    Ends with 8 when a promise is broken or what was restored is not what was captured.

    Examples:  drkit verify now  |  drkit verify now shop --scenario corruption  |  drkit verify now --at random
    """
    call: Call = context.obj
    chosen = _scenario(scenario)
    when = at or (_RANDOM if chosen == "corruption" else "latest")
    if seed is not None and when != _RANDOM:
        raise UsageError("a seed chooses a random moment", "say --at random with it")
    if when == _RANDOM:
        seed = seed or secrets.token_hex(8)
    done, failed = each_run(call, "verify", call.select(names), lambda source: _drill(call, source, chosen, when, seed))
    drills = [describe_drill(drill, evidence) for _, (drill, evidence) in done]
    lines = [line for _, (drill, evidence) in done for line in summarize(call.console, drill, evidence)]
    lines += [f"{each['source']}: FAILED, no drill was completed" for each in failed.document]
    call.console.answer({"drills": drills} | failed.told, "\n".join(lines))
    missed = any(not drill.passed for _, (drill, _) in done)
    return failed.exit_code or (ObjectiveMissed.exit_code if missed else 0)


def _scenario(text: str) -> "Scenario":
    from typing import get_args

    from drkit.verify.model import Scenario

    scenarios: tuple[Scenario, ...] = get_args(Scenario)
    for each in scenarios:
        if each == text:
            return each
    raise UsageError(f"--scenario {text} is not known", f"it is one of {', '.join(scenarios)}")


def _drill(call: Call, source: "Source", scenario: "Scenario", when: str, seed: str | None) -> "tuple[Drill, str]":
    """And the key of its evidence."""
    from drkit.verify.drill import run_drill
    from drkit.wiring import clock, open_accepted_key, open_keyring

    afar = scenario == "region-failure"
    seen = source.from_afar() if afar else source
    signing_key = open_accepted_key(source.system, "evidence")  # a drill without any would prove nothing
    keyring = open_keyring(source.system, ask_passphrase, escrow=afar)
    if not afar:
        _record_missed(call, source, signing_key)
    orders = _orders(call, seen, scenario, when, seed, keyring)
    with call.console.progress(f"verifying {source.name}") as progress:
        ended = run_drill(orders, seen.store(), seen.engine(), keyring, clock, progress, _redacting(source))
    drill = ended.drill if ended.raised else _with_clock_offset(ended.drill, seen.store())
    evidence = _commit(call, source, seen, drill, signing_key)
    if ended.raised:
        raise ended.raised
    return drill, evidence


def _record_missed(call: Call, source: "Source", signing_key: "SigningKey") -> None:
    """Those before this one that never ran. If the store is down the drill itself is about to find that out."""
    with suppress(StoreError):
        if found := write_down_missed(call, source, signing_key):
            call.console.warn(f"{source.name}: {len(found)} drills were due and never ran: that is recorded now")


def _orders(
    call: Call, source: "Source", scenario: "Scenario", when: str, seed: str | None, keyring: "Keyring"
) -> "Orders":
    from drkit.restore.planning import plan_ahead
    from drkit.verify.drill import Orders
    from drkit.when import format_moment, parse_when
    from drkit.wiring import clock

    objectives = source.table.objectives
    began = clock()
    wanted = parse_when(when, source.system.table.timezone, began) if when != _RANDOM else None
    if wanted and wanted > began:
        raise NotRestorable(f"{format_moment(wanted)} is in the future: it is {format_moment(began)}")
    if wanted:
        with suppress(StoreError):  # the drill itself is about to find that out
            plan_ahead(source.store(), source.name, source.engine(), wanted, began, keyring)
    asked = f"a moment by the seed {seed}" if seed else format_moment(wanted) if wanted else "the latest point"
    call.console.tell(f"{source.name}: {scenario}, wanted is {asked}")
    return Orders(
        source=source.name,
        scenario=scenario,
        wanted=wanted,
        seed=seed,
        rto=objectives.rto,
        rpo=objectives.rpo,
        questions=source.questions(),
        token=secrets.token_hex(4),
        correlation_id=call.console.correlation_id,
        aliases=source.variables(),
    )


def _with_clock_offset(drill: "Drill", store: "Store") -> "Drill":
    """Unknown where the store lets us put nothing, as a replica may. One that did not answer is not asked again."""
    from drkit.stores.probe import measure_offset
    from drkit.verify.verdicts import judge_clock
    from drkit.wiring import clock

    if drill.backup is None:
        return drill
    try:
        offset = measure_offset(store, clock, secrets.token_hex(8))
    except StoreError:
        return drill
    return judge_clock(drill, offset)


def _redacting(source: "Source") -> "Callable[[str], str]":
    """A command of the user's may repeat whatever it was given, and evidence is stored in the clear."""
    from drkit.secrecy import black_out, passwords_in, secrets_in

    hidden = {word for text in source.secret_texts() for word in passwords_in(text)} | secrets_in(os.environ)

    return partial(black_out, secrets=hidden)


def _commit(call: Call, source: "Source", seen: "Source", drill: "Drill", signing_key: "SigningKey") -> str:
    """Where the evidence lies now: the drill is over, so it may go to the store itself, if that is still there.
    What a drill showed is told even if nothing keeps it."""
    from drkit.verify.ledger import commit_evidence
    from drkit.wiring import BRIEF, open_signers

    signers = open_signers(source.system)
    if seen.afar:
        try:  # where the region is really lost nobody answers, however long one asks
            return commit_evidence(source.store(BRIEF), drill, signing_key, signers, marking=False)
        except (ConfigError, StoreError) as error:
            call.console.warn(f"{source.name}: the evidence goes to the replica, as the store takes none: {error}")
    try:
        return commit_evidence(seen.store(), drill, signing_key, signers)
    except StoreError:
        call.console.warn("\n".join(summarize(call.console, drill, None)))
        raise
