"""What the chain that the evidences of one source form shows. Pure: bytes come from a store or from files alike.

Each evidence names the stored bytes of the ones before it, so none can be altered or taken out of the middle unseen.
What is cut off at the end leaves no trace in the chain, but for the marks that drills leave beside backups.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from drkit.catalog import Mark
from drkit.errors import IntegrityError
from drkit.model import Finding
from drkit.signing import Signer
from drkit.verify.evidence import parse_links
from drkit.verify.ledger import Stored
from drkit.verify.model import Evidence, Link
from drkit.verify.verdicts import judge_backup

_REMOVED = "Somebody removed it, or it was lost: look for it in the replica, or in a copy of the store."
_FORGED = "Somebody else wrote the mark: remove it, and verify that backup anew."
_REWRITTEN = "Somebody with the signing key wrote it anew: compare it with the replica, and with stored reports."
_LOST = "Somebody removed them, or a rule of the bucket did: drkit never does. Look for them in a copy of the store."
_APART = "They were left out of these files, or removed: `drkit evidence verify all` looks in the store."
_CLOCK = "The clock of a machine that ran drills was wrong, so the times in its evidence are doubtful."
_AT_ONCE = "Drills that run at the same time do that, and nobody without the signing key can."


@dataclass(frozen=True, slots=True)
class _Joined:
    link: Link
    previous: tuple[Link, ...]


def check_chain(stored: Iterable[Stored], signers: Collection[Signer], whole: bool = True) -> list[Finding]:
    """What is wrong with the chain of one source, and what is merely worth knowing about it (which has passed).

    All of a store is `whole`; of files that were taken out of it the beginning may have been left there."""
    findings: list[Finding] = []
    believed: dict[str, _Joined] = {}
    spoilt: set[str] = set()
    for each in sorted(set(stored)):
        try:
            joined = _Joined(each.link, parse_links(each.key, each.content, signers))
        except IntegrityError as error:
            spoilt.add(each.link.id)
            findings.append(Finding("signature", False, str(error), error.hint))
            continue
        if joined.link.id in believed:
            findings.append(_altered(joined.link.id, "is there twice, with different contents, each of them signed"))
        believed.setdefault(joined.link.id, joined)
    return [*findings, *_check_links(believed, spoilt, whole), *_check_forks(believed)]


def check_marks(marks: Iterable[Mark], evidences: Mapping[str, Evidence], whole: bool = True) -> list[Finding]:
    """Whether the marks beside the backups of a source say what its evidences, by their drills' IDs, show. `whole` as
    for `check_chain`."""
    oldest = "" if whole else min(evidences, default="")
    findings = []
    for mark in marks:
        evidence = evidences.get(mark.drill)
        name = f"the mark {mark.proof}-{mark.drill} beside the backup {mark.backup}"
        if evidence is None and mark.drill >= oldest:
            findings.append(Finding("mark", False, f"{name} speaks of a drill whose evidence is not here", _REMOVED))
        elif evidence and (evidence.drill.backup, judge_backup(evidence.drill)) != (mark.backup, mark.proof):
            findings.append(Finding("mark", False, f"{name} says what its evidence does not", _FORGED))
    return findings


def _check_links(believed: Mapping[str, _Joined], spoilt: Collection[str], whole: bool) -> list[Finding]:
    findings: list[Finding] = []
    missing: dict[str, str] = {}
    for here, joined in believed.items():
        for before in joined.previous:
            there = believed.get(before.id)
            if there and there.link.sha256 != before.sha256:
                findings.append(_altered(before.id, f"is not any more what {here} followed"))
            elif there is None and before.id not in spoilt:
                missing.setdefault(before.id, here)
            if before.id >= here:
                findings.append(Finding("order", True, f"{here} follows {before.id}, whose time is later", _CLOCK))
    oldest = min([*believed, *spoilt], default="")
    earlier = sorted(each for each in missing if each < oldest)
    if earlier:
        detail = f"the chain begins with {oldest}; those before it, up to {earlier[-1]}, are not here"
        findings.append(Finding("beginning", not whole, detail, _LOST if whole else _APART))
    gaps = sorted(missing.keys() - set(earlier))
    return findings + [
        Finding("gap", False, f"{each} is not here, and {missing[each]} follows it", _REMOVED) for each in gaps
    ]


def _check_forks(believed: Mapping[str, _Joined]) -> list[Finding]:
    following: dict[str, list[str]] = {}
    for here, joined in believed.items():
        for before in joined.previous:
            following.setdefault(before.id, []).append(here)
    roots = [here for here, joined in believed.items() if not joined.previous]
    if roots and min(believed) not in roots:
        roots = [min(believed), *roots]  # what it followed is not here
    groups = [(f"follow {before}", found) for before, found in following.items()]
    findings = []
    for what, each in [("begin a chain", roots), *groups]:
        after = {here: _all_after(here, following) for here in each} if len(each) > 1 else {}
        forked = [here for here in after if not any(here in others for others in after.values())]
        if len(forked) > 1:
            meet = min(set.intersection(*(after[here] for here in forked)), default=None)
            end = f"{meet} follows all of them" if meet else "nothing follows all of them yet"
            detail = f"{' and '.join(forked)} each {what}, as neither knew of the other; {end}"
            findings.append(Finding("fork", True, detail, _AT_ONCE))
    return findings


def _all_after(start: str, following: Mapping[str, list[str]]) -> set[str]:
    found: set[str] = set()
    ahead = [start]
    while ahead:
        new = set(following.get(ahead.pop(), ())) - found
        found |= new
        ahead += new
    return found


def _altered(name: str, how: str) -> Finding:
    return Finding("altered", False, f"{name} {how}", _REWRITTEN)
