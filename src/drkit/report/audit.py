"""Whether what is signed about drills, prunes and months can be believed, source by source. Pure.

It must not know where any of it lies.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from drkit.drawing.words import count
from drkit.model import Finding
from drkit.prune.removals import believe_records
from drkit.report.filing import check_filed
from drkit.report.holdings import Holdings
from drkit.signing import Signer
from drkit.verify.history import believe, check_links

SignersOf = Callable[[str], Collection[Signer]]
_ALONE = "Somebody removed its report, or `drkit report` was cut off: then run it for that month again."


@dataclass(frozen=True, slots=True)
class Audited:
    """`source` is SYSTEM/SOURCE, or a SYSTEM where the finding is about its reports."""

    source: str
    finding: Finding


def audit(held: Holdings, signers_of: SignersOf) -> Iterator[Audited]:
    """`signers_of` gives the accepted signers of a system."""
    for source in sorted({*held.evidence, *held.marks}):
        signers = signers_of(_system(source))
        yield from (Audited(source, each) for each in _audit_drills(held, source, signers))
    for source in sorted({_source_of(key) for key in held.records}):
        yield from (Audited(source, each) for each in _audit_records(held, source, signers_of(_system(source))))
    for key in sorted({*held.reports, *(_json_of(page) for page in held.pages)}):
        system = _system(key)
        page = held.pages.get(f"{key.removesuffix('.json')}.html")
        if key in held.reports:
            found = check_filed(key, held.reports[key], page, signers_of(system))
        else:
            found = [Finding("page", False, f"{key.removesuffix('.json')}.html is here without its report", _ALONE)]
        yield from (Audited(system, each) for each in found)


def _audit_drills(held: Holdings, source: str, signers: Collection[Signer]) -> Iterator[Finding]:
    stored = held.evidence.get(source, [])
    history = believe(stored, signers)
    found = [*history.doubts, *check_links(stored, history, held.marks.get(source, []), signers, held.whole)]
    yield from found
    if all(each.passed for each in found):
        drills = [each.drill.id for each in history.evidences]
        span = f", from {min(drills)} to {max(drills)}" if drills else ""
        told = "none altered" if any(each.check == "beginning" for each in found) else "none altered or missing"
        yield Finding("evidence", True, f"{count(len(stored), 'drill')}{span}: all signed, {told}")


def _audit_records(held: Holdings, source: str, signers: Collection[Signer]) -> Iterator[Finding]:
    stored = [(key, held.records[key]) for key in sorted(held.records) if _source_of(key) == source]
    believed = believe_records(stored, signers)
    yield from believed.doubts
    if not believed.doubts:
        yield Finding("removals", True, f"{count(len(stored), 'record')} of prunes: all signed")


def _source_of(key: str) -> str:
    return key.rpartition("/removals/")[0]


def _json_of(page: str) -> str:
    return f"{page.removesuffix('.html')}.json"


def _system(name: str) -> str:
    return name.partition("/")[0]
