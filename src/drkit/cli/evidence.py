"""`drkit evidence verify` and `drkit evidence list`."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drkit.cli.call import Call, each_source
from drkit.cli.console import GREEN, RED
from drkit.cli.running import by_system, each_system_run
from drkit.cli.text import format_table
from drkit.errors import ConfigError, IntegrityError, StoreError, UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from drkit.report.audit import Audited, SignersOf
    from drkit.signing import Signer
    from drkit.verify.history import History
    from drkit.wiring import Source

app = typer.Typer(help="Check what drills and reports have left behind, and list it.", no_args_is_help=True)
_ALL = "all"


@app.command()
def verify(
    context: typer.Context,
    what: Annotated[list[str], typer.Argument(metavar="FILE...|all [NAME]", help="Files or folders; or the stores.")],
    signer: Annotated[
        list[str] | None, typer.Option(metavar="drkit1...", help="Accept this signer, and not those of the schedules.")
    ] = None,
) -> int:
    """Check signatures, and that no evidence was altered or taken out of its chain. Ends with 7 if anything is wrong.

    A FILE is the evidence of a drill, the record of a prune, a report or its page, or a folder with copies of them; no
    store is asked then. `all` reads the stores of the schedules.

    Examples:  drkit evidence verify all  |  drkit evidence verify all shop/main  |  drkit evidence verify 2026-10.json
    """
    call: Call = context.obj
    accept = _signers_of(call, signer or [])
    exit_code = 0
    if what[0] == _ALL:
        done, failed = each_system_run(
            call,
            "evidence",
            call.select(what[1:]),
            lambda mine: _audit_store(call, mine[0], what[1:], accept),
            _wrong,
            always=False,
        )
        found, exit_code = [each for _, part in done for each in part], failed.exit_code
    else:
        found = _audit_files(list(map(Path, what)), accept)
    call.console.answer({"findings": [_describe(each) for each in found]}, _outline(call, found))
    wrong = any(not each.finding.passed for each in found)
    return exit_code or (IntegrityError.exit_code if wrong else 0)


@app.command("list")
def list_(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="SYSTEM or SYSTEM/SOURCE.")] = None,
) -> int:
    """The drills that left evidence, newest first.

    Examples:  drkit evidence list  |  drkit evidence list shop/main --json
    """
    from drkit.when import format_length, format_moment

    call: Call = context.obj
    sources = call.select([name] if name else None)
    done, failed = each_source(call, sources, _read)
    for source, history in done:
        for doubt in history.doubts:
            call.console.warn(f"{source.name}: {doubt.detail}")
    drills = [each.drill for _, history in done for each in reversed(history.evidences)]
    drills += [each.drill for mine in by_system(sources) for each in reversed(_read_set(mine).evidences)]
    document = [
        {
            "source": drill.source,
            "id": drill.id,
            "scenario": drill.scenario,
            "started_at": format_moment(drill.started_at),
            "result": drill.result,
            "backup": drill.backup,
            "rto": drill.rto.measured.total_seconds() if drill.rto.measured is not None else None,
        }
        for drill in drills
    ]
    rows = [
        (
            drill.source,
            format_moment(drill.started_at.replace(microsecond=0)),
            drill.result,
            drill.scenario,
            format_length(drill.rto.measured) if drill.rto.measured is not None else "-",
            drill.id,
        )
        for drill in drills
    ]
    table = format_table(("SOURCE", "STARTED", "RESULT", "SCENARIO", "RTO", "ID"), rows)
    call.console.answer({"drills": document} | failed.told, table if rows else "no drill has left evidence yet")
    return failed.exit_code


def _read_set(sources: "Sequence[Source]") -> "History":
    """Of all sources of a system together, where all of them are meant and their store answers."""
    from drkit.catalog import set_of
    from drkit.keyring import open_signers
    from drkit.verify.history import History, believe
    from drkit.verify.ledger import read_store

    system = sources[0].system
    if len(sources) < len(system.table.sources):
        return History()
    with suppress(StoreError):  # which was told of each source
        return believe(read_store(sources[0].store(), set_of(system.name)), open_signers(system))
    return History()


def _read(source: "Source") -> "History":
    from drkit.keyring import open_signers
    from drkit.verify.history import believe
    from drkit.verify.ledger import read_store

    return believe(read_store(source.store(), source.name), open_signers(source.system))


def _wrong(found: "Sequence[Audited]") -> IntegrityError | None:
    for each in found:
        if not each.finding.passed:
            return IntegrityError(f"{each.source}: {each.finding.check}: {each.finding.detail}", each.finding.hint)
    return None


def _audit_store(call: Call, one: "Source", names: "Sequence[str]", accept: "SignersOf") -> "list[Audited]":
    """Of a whole system also what is left of sources that its schedule does not name any more."""
    from drkit.catalog import drills_of, set_of
    from drkit.model import Finding
    from drkit.report.audit import Audited, audit
    from drkit.report.holdings import hold_store
    from drkit.report.unscheduled import find_unscheduled

    system, store = one.system.name, one.store()
    mine = [source.name for source in call.select(names) if source.system.name == system]
    whole = not names or system in names
    others = find_unscheduled(store, system, mine) if whole else []
    together = set_of(system)
    sets = [together] if whole and any(True for _ in store.list(drills_of(together))) else []
    held = hold_store(store, system, [*mine, *(each.source for each in others), *sets], reports=whole)
    told = [Audited(each.source, Finding("schedule", True, str(each))) for each in others]
    return [*told, *audit(held, accept)]


def _audit_files(paths: "Sequence[Path]", accept: "SignersOf") -> "list[Audited]":
    from drkit.report.audit import audit
    from drkit.report.holdings import hold_files

    found = list(audit(hold_files(paths), accept))
    if not found:
        raise UsageError(
            f"nothing was found to check in {', '.join(map(str, paths))}",
            "name evidence, records of prunes, reports, or folders that hold some",
        )
    return found


def _signers_of(call: Call, given: "Sequence[str]") -> "SignersOf":
    """A schedule is looked at for the systems that something is found of; an auditor may have none."""
    from functools import cache

    from drkit.keyring import open_signers
    from drkit.signing import parse_signer

    chosen = frozenset(map(parse_signer, given))

    @cache
    def accepted(system: str) -> "Collection[Signer]":
        if chosen:
            return chosen
        hint = "say whose signatures to accept by --signer drkit1…, or name the folder of the schedules by --config DIR"
        if not (call.config / f"{system}.toml").is_file():
            raise ConfigError(f"nothing in {call.config} says whose signatures are accepted for {system}", hint)
        return next(open_signers(each) for each in call.systems([system]) if each.name == system)

    return accepted


def _describe(each: "Audited") -> dict[str, object]:
    finding = each.finding
    return {
        "source": each.source,
        "check": finding.check,
        "passed": finding.passed,
        "detail": finding.detail,
        "hint": finding.hint,
    }


def _outline(call: Call, found: "Sequence[Audited]") -> str:
    lines = []
    for each in found:
        mark = call.console.paint("ok", GREEN) if each.finding.passed else call.console.paint("!!", RED)
        lines.append(f"{mark}  {each.source}: {each.finding.check}: {each.finding.detail}")
        if not each.finding.passed and each.finding.hint:
            lines.append(f"      hint: {each.finding.hint}")
    wrong = sum(not each.finding.passed for each in found)
    lines.append(f"{wrong} of {len(found)} checks failed" if wrong else f"all {len(found)} checks passed")
    return "\n".join(lines)
