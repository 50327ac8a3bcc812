"""Whose keys open a source's points: which ones the newest is closed to, and which ones no drill has proven. Pure.

It knows the public halves alone, so it can be asked where no identity is.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from drkit.model import Manifest
from drkit.verify.model import Evidence


@dataclass(frozen=True, slots=True)
class Custody:
    """Of the recipients that a schedule names now: `closed_to` are those that the newest point, `point`, was not
    encrypted to; `unproven` are those whose identities opened nothing in the last drills, of which there were
    `drills`."""

    point: str = ""
    closed_to: tuple[str, ...] = ()
    unproven: tuple[str, ...] = ()
    drills: int = 0


UNKNOWN = Custody()


def judge_custody(recipients: Collection[str], newest: Manifest | None, evidences: Sequence[Evidence]) -> Custody:
    """Neither a manifest nor evidence of an older drkit says anything about keys."""
    telling = [each.drill.opened_with for each in evidences if each.drill.opened_with]
    proven = {recipient for opened in telling for recipient in opened}
    return Custody(
        point=newest.id if newest else "",
        closed_to=_missing(recipients, newest.recipients) if newest and newest.recipients else (),
        unproven=_missing(recipients, proven) if telling else (),
        drills=len(telling),
    )


def _missing(recipients: Collection[str], among: Collection[str]) -> tuple[str, ...]:
    return tuple(sorted(set(recipients) - set(among)))
