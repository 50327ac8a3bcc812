"""`drkit verify now --set`: all sources of a system drilled together, and evidence of each and of the set."""

import secrets
from functools import partial
from typing import TYPE_CHECKING

from drkit.cli.call import Call, ask_passphrase
from drkit.cli.drilling import commit, make_orders, parse_wanted, record_missed, redacting, with_clock_offset
from drkit.cli.running import by_system, each_system_run
from drkit.cli.verify_text import describe_drill, describe_set, summarize, summarize_set
from drkit.errors import ObjectiveMissed, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from drkit.config import System
    from drkit.verify.model import Drill, Scenario
    from drkit.verify.set_drill import SetOrders
    from drkit.wiring import Source


def verify_sets(call: Call, sources: "Sequence[Source]", scenario: "Scenario", when: str) -> int:
    for mine in by_system(sources):
        if len(mine) < len(mine[0].system.table.sources):
            raise UsageError(
                f"{mine[0].name} is a part of {mine[0].system.name}, and a set is all of it",
                f"say drkit verify now {mine[0].system.name} --set",
            )
    done, failed = each_system_run(
        call, "rehearsal", sources, lambda mine: _drill_set(call, mine, scenario, when), _wrong
    )
    found = [each for _, each in done]
    document = {
        "drills": [describe_drill(*member) for members, _ in found for member in members],
        "sets": [describe_set(*whole) for _, whole in found],
    }
    lines = [line for each in found for line in _say(call, each)]
    lines += [f"{each['source']}: FAILED, no drill was completed" for each in failed.document]
    call.console.answer(document | failed.told, "\n".join(lines))
    missed = any(not whole.passed for _, (whole, _) in found)
    return failed.exit_code or (ObjectiveMissed.exit_code if missed else 0)


def _say(call: Call, done: "tuple[list[tuple[Drill, str]], tuple[Drill, str]]") -> list[str]:
    members, whole = done
    return [line for member in members for line in summarize(call.console, *member)] + summarize_set(
        call.console, *whole
    )


def _wrong(done: "tuple[list[tuple[Drill, str]], tuple[Drill, str]]") -> ObjectiveMissed | None:
    """What the schedule asked for and failed is told by the next look."""
    drill = done[1][0]
    if drill.passed:
        return None
    bad = "; ".join(f"{each.name}: {each.actual}" for each in drill.checks if each.outcome != "passed")
    return ObjectiveMissed(f"the sources together did not pass: {bad or drill.error or 'a promise was missed'}")


def _drill_set(
    call: Call, sources: "list[Source]", scenario: "Scenario", when: str
) -> "tuple[list[tuple[Drill, str]], tuple[Drill, str]]":
    from drkit.keyring import open_accepted_key, open_keyring
    from drkit.verify.set_drill import Part, judge_set, run_set
    from drkit.wiring import clock

    system, afar = sources[0].system, scenario == "region-failure"
    signing_key = open_accepted_key(system, "evidence")  # drills without any would prove nothing
    keyring = open_keyring(system, ask_passphrase, escrow=afar)
    seen = [source.from_afar() if afar else source for source in sources]
    if not afar:
        for source in sources:
            record_missed(call, source, signing_key)
    began = clock()
    wanted = parse_wanted(sources[0], when, began)
    parts = []
    for source in seen:
        orders = make_orders(call, source, scenario, wanted, None, keyring, began)
        parts.append(Part(orders, source.store(), source.engine(), keyring))
    redact = partial(_redact, [redacting(source) for source in sources])
    with call.console.progress(f"verifying {system.name}") as progress:
        run = run_set(_orders(call, system, scenario, wanted), parts, clock, progress, redact)
    members, links = [], []
    for drill, source, place in zip(run.members, sources, seen, strict=False):
        told = drill if run.raised else with_clock_offset(drill, place.store())
        stored = commit(call, source, place, told, signing_key)
        members.append((told, stored.key))
        links.append(stored.link)
    run.members = [drill for drill, _ in members]
    whole = judge_set(run, links, redact)
    stored = commit(call, sources[0], seen[0], whole, signing_key)
    if run.raised:
        raise run.raised
    return members, (whole, stored.key)


def _orders(call: Call, system: "System", scenario: "Scenario", wanted: "datetime | None") -> "SetOrders":
    from drkit.verify.questions import Question
    from drkit.verify.set_drill import SetOrders

    asked = system.table.set
    questions = tuple(Question(each.name, None, each.command, each.expect, each.timeout) for each in asked.checks)
    token, run = secrets.token_hex(4), call.console.correlation_id
    return SetOrders(system.name, scenario, wanted, asked.rto, asked.skew, questions, token, run)


def _redact(each_source: "Sequence[Callable[[str], str]]", text: str) -> str:
    for redact in each_source:
        text = redact(text)
    return text
