"""What every drill of the command line takes: its clock against the store's, secrets out of its words, its evidence.

It must not know how a drill is carried out.
"""

import os
import secrets
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from drkit.cli.call import Call
from drkit.cli.missed import write_down_missed
from drkit.cli.verify_text import summarize
from drkit.errors import ConfigError, NotRestorable, StoreError
from drkit.when import format_moment, parse_when

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from drkit.ports import Store
    from drkit.sealing import Keyring
    from drkit.signing import SigningKey
    from drkit.verify.drill import Orders
    from drkit.verify.ledger import Stored
    from drkit.verify.model import Drill, Scenario
    from drkit.wiring import Source


def record_missed(call: Call, source: "Source", signing_key: "SigningKey") -> None:
    """Those before this one that never ran. If the store is down the drill itself is about to find that out."""
    with suppress(StoreError):
        if found := write_down_missed(call, source, signing_key):
            call.console.warn(f"{source.name}: {len(found)} drills were due and never ran: that is recorded now")


def parse_wanted(source: "Source", when: str, began: "datetime") -> "datetime | None":
    """None is the latest point."""
    wanted = parse_when(when, source.system.table.timezone, began)
    if wanted and wanted > began:
        raise NotRestorable(f"{format_moment(wanted)} is in the future: it is {format_moment(began)}")
    return wanted


def make_orders(
    call: Call,
    source: "Source",
    scenario: "Scenario",
    wanted: "datetime | None",
    seed: str | None,
    keyring: "Keyring",
    began: "datetime",
) -> "Orders":
    """NotRestorable, before anything is made, where nothing reaches back to the moment."""
    from drkit.restore.planning import plan_ahead
    from drkit.verify.drill import Orders

    objectives = source.table.objectives
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


def with_clock_offset(drill: "Drill", store: "Store") -> "Drill":
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


def redacting(source: "Source") -> "Callable[[str], str]":
    """A command of the user's may repeat whatever it was given, and evidence is stored in the clear."""
    from drkit.secrecy import black_out, passwords_in, secrets_in

    hidden = {word for text in source.secret_texts() for word in passwords_in(text)} | secrets_in(os.environ)

    return partial(black_out, secrets=hidden)


def commit(call: Call, source: "Source", seen: "Source", drill: "Drill", signing_key: "SigningKey") -> "Stored":
    """The evidence as it lies now: the drill is over, so it may go to the store itself, if that is still there.
    What a drill showed is told even if nothing keeps it."""
    from drkit.keyring import open_signers
    from drkit.verify.ledger import store_evidence
    from drkit.wiring import BRIEF

    signers = open_signers(source.system)
    if seen.afar:
        try:  # where the region is really lost nobody answers, however long one asks
            return store_evidence(source.store(BRIEF), drill, signing_key, signers, marking=False)
        except (ConfigError, StoreError) as error:
            call.console.warn(f"{source.name}: the evidence goes to the replica, as the store takes none: {error}")
    try:
        return store_evidence(seen.store(), drill, signing_key, signers)
    except StoreError:
        call.console.warn("\n".join(summarize(call.console, drill, None)))
        raise
