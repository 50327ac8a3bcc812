"""`drkit check`."""

from typing import Annotated

import typer

from drkit.cli.call import Call, ask_passphrase
from drkit.cli.console import GREEN, RED


def check(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="SYSTEM or SYSTEM/SOURCE.")] = None,
) -> int:
    """Look at keys, store, clock and sources before anything is at stake. Writes and removes a few small objects.

    Examples:  drkit check  |  drkit check shop --json
    """
    import secrets

    from drkit.checkup import check_sources
    from drkit.wiring import clock

    call: Call = context.obj
    found = list(check_sources(call.select(names), clock, secrets.token_hex(8), ask_passphrase))
    lines = []
    for each in found:
        mark = call.console.paint("ok", GREEN) if each.finding.passed else call.console.paint("!!", RED)
        lines.append(f"{mark}  {each.subject}: {each.finding.check}: {each.finding.detail}")
        if not each.finding.passed and each.finding.hint:
            lines.append(f"      hint: {each.finding.hint}")
    failed = [each for each in found if not each.finding.passed]
    lines.append(f"{len(failed)} of {len(found)} checks failed" if failed else f"all {len(found)} checks passed")
    document = {
        "findings": [
            {
                "subject": each.subject,
                "check": each.finding.check,
                "passed": each.finding.passed,
                "detail": each.finding.detail,
                "hint": each.finding.hint,
            }
            for each in found
        ]
    }
    call.console.answer(document, "\n".join(lines))
    return failed[0].exit_code if failed else 0
