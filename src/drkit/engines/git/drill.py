"""What a drill asks of a restored repository: does it answer, is it whole, are its refs those that were captured.

It must not know how it came to be there.
"""

from collections.abc import Iterator
from pathlib import Path

from drkit.engines.git.facts import Facts
from drkit.engines.git.inspection import inspect
from drkit.engines.git.program import Git
from drkit.engines.git.refs import Refs, read_refs
from drkit.errors import CaptureError
from drkit.model import Check
from drkit.streams.process import family

_SHOWN = 5


def prove(place: Path, expected: Refs, facts: Facts) -> Iterator[Check]:
    with family() as children:
        git = Git(place, children)
        try:
            found = read_refs(git)
        except CaptureError as error:
            yield Check("first query", "failed", "an answer", str(error))
            return
        yield Check("first query", "passed", "an answer", f"{found.count} refs")
        yield _check_fsck(git)
        yield _check_refs(expected, found)
    for name, sentence in facts.left_out():
        yield Check(name, "not testable", "all that belongs to the repository", sentence)


def _check_fsck(git: Git) -> Check:
    inspection = inspect(git)
    if inspection.damages:
        return Check("git fsck", "failed", "nothing is missing or damaged", "; ".join(inspection.damages[:_SHOWN]))
    odd = inspection.describe_oddities()
    told = f"nothing is; odd, as they were captured: {odd}" if odd else "nothing is"
    return Check("git fsck", "passed", "nothing is missing or damaged", told)


def _check_refs(expected: Refs, found: Refs) -> Check:
    wanted = f"{expected.count} refs, HEAD among them"
    differing = list(expected.differences(found))
    if not differing:
        return Check("refs", "passed", wanted, wanted)
    more = f", and {len(differing) - _SHOWN} more" if len(differing) > _SHOWN else ""
    return Check("refs", "failed", wanted, "; ".join(differing[:_SHOWN]) + more)
