"""`drkit verify now`."""

import secrets
from typing import TYPE_CHECKING, Annotated, Any

import typer

from drkit.cli.call import Call, ask_passphrase, each_source
from drkit.cli.verify_text import describe_drill, summarize
from drkit.errors import ObjectiveMissed, StoreError, UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from drkit.ports import Store
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
    done, failed = each_source(call, call.select(names), lambda source: _drill(call, source, chosen, when, seed))
    drills = [document for _, (_, document) in done]
    lines = [line for source, (drill, document) in done for line in summarize(call.console, source, drill, document)]
    lines += [f"{each['source']}: FAILED, no drill was run" for each in failed.document]
    call.console.answer({"drills": drills} | failed.told, "\n".join(lines))
    missed = any(not drill.passed for _, (drill, _) in done)
    return failed.exit_code or (ObjectiveMissed.exit_code if missed else 0)


def _scenario(text: str) -> "Scenario":
    from typing import get_args

    from drkit.verify.model import Scenario

    for each in get_args(Scenario):
        if each == text:
            return each
    raise UsageError(f"--scenario {text} is not known", f"it is one of {', '.join(get_args(Scenario))}")


def _drill(
    call: Call, source: "Source", scenario: "Scenario", when: str, seed: str | None
) -> "tuple[Drill, dict[str, Any]]":
    from drkit.verify.drill import run_drill
    from drkit.wiring import clock, open_keyring, open_signing_key

    afar = scenario == "region-failure"
    seen = source.from_afar() if afar else source
    signing_key = open_signing_key(source.system)  # a drill without evidence would prove nothing
    keyring = open_keyring(source.system, ask_passphrase, escrow=afar)
    orders = _orders(call, seen, scenario, when, seed)
    with call.console.progress(f"verifying {source.name}") as progress:
        ended = run_drill(orders, seen.store(), seen.engine(), keyring, clock, progress)
    evidence = _commit(call, source, seen, ended.drill, signing_key)
    if ended.raised:
        raise ended.raised
    return ended.drill, describe_drill(ended.drill, evidence)
