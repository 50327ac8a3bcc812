"""`drkit restore SYSTEM`, where a system has several sources: all of them, at or before one moment.

Every target is looked at, and every plan made and every object shown to be openable, before the first is touched.
What fails for one source then keeps none of the others from coming back.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any

from drkit.cli.call import Call, Failed, ask_passphrase, each_source
from drkit.cli.places import from_places
from drkit.cli.restore_set_text import Part, own_hooks, say_again, say_untouched, show
from drkit.cli.restore_text import describe_hooks
from drkit.cli.restoring import Orders, facts_of, make_hooks, make_plan, run_timed
from drkit.cli.set_targets import Targets, drop_folder, make_folder, read_targets
from drkit.errors import NotRestorable, UsageError
from drkit.model import refuse_options
from drkit.restore.together import Spread, measure_spread, variable_of
from drkit.when import format_length, format_moment

if TYPE_CHECKING:
    from datetime import datetime

    from drkit.model import Restored, Wishes
    from drkit.restore.hooks import Hooks
    from drkit.restore.reading import Reading
    from drkit.sealing import Keyring, Progress
    from drkit.wiring import Source

_WHY = "several sources are restored as one set, each whole and to a new place"


class _NotWhole(Exception):
    """One source at least did not come back, which is told elsewhere: it keeps the hooks after from being run."""


def restore_set(call: Call, sources: "Sequence[Source]", orders: Orders) -> int:
    system = sources[0].system.name
    _refuse(orders.wishes)
    if not orders.to and not orders.only_looking:
        read_targets((), sources)  # says what is missing
    targets = read_targets(orders.to, sources) if orders.to else None
    wanted, now = _wanted(call, sources[0], orders.at)
    looking = orders.only_looking

    def plan(source: "Source") -> Part:
        seen, planned = from_places(
            call, source, orders.where, lambda seen: make_plan(call, seen, wanted, now, looking=looking)
        )
        return Part(seen, planned, targets.of[source.name] if targets else None)

    done, failed = each_source(call, sources, plan)
    head: dict[str, Any] = {"system": system, "wanted": format_moment(wanted) if wanted else None}
    parts = [part for _, part in done]
    if failed.exit_code:
        call.console.answer(head | {"skew": None, "restores": []} | failed.told, say_untouched(failed))
        return failed.exit_code
    spread = measure_spread({part.source.name: part.planned.plan.reaches for part in parts})
    head["skew"] = spread.skew.total_seconds()
    call.console.tell(f"{system}: {spread}")
    if looking or targets is None:
        show(call, head, parts, spread, orders)
        return 0
    return _carry_out(call, head, parts, targets, spread, orders)


def _refuse(wishes: "Wishes") -> None:
    given = {"--swap": wishes.swap, **wishes.for_dumps, "--compare": wishes.compare != "full", **wishes.for_servers}
    refuse_options(given, _WHY)


def _wanted(call: Call, source: "Source", at: str) -> "tuple[datetime | None, datetime]":
    """One moment for all of them, and now."""
    from drkit.catalog import parse_id
    from drkit.restore.wanted import Mark, parse_wanted, spell
    from drkit.wiring import clock

    now = clock()
    wanted = None if parse_id(at) else parse_wanted(at, source.system.table.timezone, now)
    if isinstance(wanted, Mark) or parse_id(at):
        raise UsageError(f"--at {at} means something to one source alone", "name a time, or latest, for all of them")
    call.console.tell(f"{source.system.name}: wanted is {spell(wanted)}")
    return wanted, now


def _carry_out(
    call: Call, head: Mapping[str, Any], parts: Sequence[Part], targets: Targets, spread: Spread, orders: Orders
) -> int:
    from drkit.keyring import open_keyring

    if any(target.in_the_open for target in targets.of.values()):
        call.console.warn("a password in --to stood where others on this machine could see it: use --to NAME=env:NAME")
    _confirm(call, parts, orders.yes)
    keyring = open_keyring(parts[0].source.system, ask_passphrase)
    made = make_folder(targets)
    readings: dict[str, Reading] = {}
    with ExitStack() as life:
        if made:
            life.callback(drop_folder, targets)
        failed = _make_ready(call, parts, keyring, orders, readings, life)
        if failed.exit_code:
            call.console.answer({**head, "restores": []} | failed.told, say_untouched(failed))
            return failed.exit_code
        hooks = _hooks(call, parts, orders)
        done, failed = _restore(call, parts, keyring, hooks, orders, readings)
    document = {
        **head,
        "restores": [each for each, _ in done],
        "hooks": describe_hooks([run for each in hooks for run in each.runs]),
    }
    lines = [told for _, told in done] + [str(spread)] * (not failed.exit_code)
    for each in failed.document:
        part = next(part for part in parts if part.source.name == each["source"])
        lines.append(f"NOT RESTORED: {each['source']}. Once that is mended: {say_again(call, part, targets)}")
    call.console.answer(document | failed.told, "\n".join(lines))
    if failed.exit_code:
        return failed.exit_code
    if wrong := next((error for each in hooks if (error := each.failed_after())), None):
        raise wrong
    return 0


def _confirm(call: Call, parts: Sequence[Part], yes: bool) -> None:
    from drkit.restore.plan import needs_confirmation

    far = [
        f"{part.source.name} to a state {format_length(part.planned.plan.distance)} before the one that was wanted"
        for part in parts
        if part.planned.plan.wanted and needs_confirmation(part.planned.plan, part.source.table.objectives.rpo)
    ]
    if far:
        call.console.confirm(f"restore {' and '.join(far)}", yes)


def _make_ready(
    call: Call,
    parts: Sequence[Part],
    keyring: "Keyring",
    orders: Orders,
    readings: "dict[str, Reading]",
    life: ExitStack,
) -> Failed:
    """While `life` lasts no prune takes away what is read; `readings` get what is known of that, by source."""
    from drkit.restore.reading import reading
    from drkit.restore.run import make_ready

    by_name = {part.source.name: part for part in parts}

    def ready(source: "Source") -> None:
        part = by_name[source.name]
        planned = part.planned
        readings[source.name] = life.enter_context(reading(source.store(), planned.manifests))
        make_ready(source.store(), planned.manifests, planned.engine, keyring, _value(part), orders.wishes)

    return each_source(call, [part.source for part in parts], ready)[1]


def _hooks(call: Call, parts: Sequence[Part], orders: Orders) -> "list[Hooks]":
    """The sources' own, and those of the options around all of them. Each knows where every source goes."""
    shared = {variable_of(part.source.key): _value(part) for part in parts}
    secrets = tuple(secret for part in parts if part.target for secret in part.target.secrets)
    common = make_hooks(call, shared, secrets, orders.hook_before, orders.hook)
    own = [
        make_hooks(call, facts_of(part.planned.plan, part.target) | shared, secrets, *own_hooks(part, orders))
        for part in parts
        if part.target
    ]
    return [common, *own]


def _restore(
    call: Call,
    parts: Sequence[Part],
    keyring: "Keyring",
    hooks: "Sequence[Hooks]",
    orders: Orders,
    readings: "Mapping[str, Reading]",
) -> tuple[list[tuple[dict[str, Any], str]], Failed]:
    """With a source that failed no hook after is run: traffic does not go on with half of a set."""
    from drkit.restore.run import carry_out

    by_name = {part.source.name: part for part in parts}

    def work(source: "Source") -> tuple[dict[str, Any], str]:
        part = by_name[source.name]
        planned = part.planned

        def load(progress: "Progress") -> "Restored":
            store, engine = source.store(), planned.engine
            restored = carry_out(store, planned.manifest, engine, keyring, _value(part), orders.wishes, progress)
            return readings[source.name].end_with(restored)

        document, told = run_timed(call, source, planned, load, orders.started)
        call.console.note(told)
        return document, told

    done: list[tuple[Source, tuple[dict[str, Any], str]]] = []
    failed = Failed([], 0)
    with suppress(_NotWhole), ExitStack() as around:
        for each in hooks:
            around.enter_context(each.around())
        done, failed = each_source(call, [part.source for part in parts], work)
        if failed.exit_code:
            raise _NotWhole
    return [each for _, each in done], failed


def _value(part: Part) -> str:
    if part.target is None:
        raise NotRestorable(f"{part.source.name} has no target")
    return part.target.value
