"""`drkit verify now`."""

import secrets
from typing import TYPE_CHECKING, Annotated

import typer

from drkit.cli.call import Call, ask_passphrase
from drkit.cli.drilling import commit, make_orders, parse_wanted, record_missed, redacting, with_clock_offset
from drkit.cli.running import each_run
from drkit.cli.verify_text import describe_drill, summarize
from drkit.errors import ObjectiveMissed, UsageError

if TYPE_CHECKING:
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
    together: Annotated[
        bool, typer.Option("--set", help="All sources of a system at once, and its [set] asked; see docs/VERIFY.md.")
    ] = False,
) -> int:
    """Restore into a scratch place, check, time, compare with the objectives, and store signed evidence.

    Ends with 8 when a promise is broken or what was restored is not what was captured.

    Examples:  drkit verify now  |  drkit verify now shop --scenario corruption  |  drkit verify now --at random

    drkit verify now shop --set  |  drkit verify now shop --set --at 3d
    """
    call: Call = context.obj
    chosen = _scenario(scenario)
    when = at or (_RANDOM if chosen == "corruption" else "latest")
    if seed is not None and when != _RANDOM:
        raise UsageError("a seed chooses a random moment", "say --at random with it")
    if together and when == _RANDOM:
        raise UsageError(
            "a set has no random moment: its sources reach back differently far", "say --at WHEN with --set"
        )
    if together:
        from drkit.cli.verify_set import verify_sets

        return verify_sets(call, call.select(names), chosen, when)
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
    from drkit.keyring import open_accepted_key, open_keyring
    from drkit.verify.drill import run_drill
    from drkit.wiring import clock

    afar = scenario == "region-failure"
    seen = source.from_afar() if afar else source
    signing_key = open_accepted_key(source.system, "evidence")  # a drill without any would prove nothing
    keyring = open_keyring(source.system, ask_passphrase, escrow=afar)
    if not afar:
        record_missed(call, source, signing_key)
    began = clock()
    wanted = parse_wanted(source, when, began) if when != _RANDOM else None
    orders = make_orders(call, seen, scenario, wanted, seed, keyring, began)
    with call.console.progress(f"verifying {source.name}") as progress:
        ended = run_drill(orders, seen.store(), seen.engine(), keyring, clock, progress, redacting(source))
    drill = ended.drill if ended.raised else with_clock_offset(ended.drill, seen.store())
    evidence = commit(call, source, seen, drill, signing_key)
    if ended.raised:
        raise ended.raised
    return drill, evidence.key
