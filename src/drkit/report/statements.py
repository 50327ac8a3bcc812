"""What a month comes to in sentences: the answer, what was proven, what was not, how anybody can check it. Pure."""

from collections.abc import Sequence

from drkit.drawing.words import count, listed, short_name
from drkit.model import Check
from drkit.report.model import Report, Topic
from drkit.report.promises import came_back
from drkit.report.together import last_of, say_not_together, say_together
from drkit.verify.model import Drill

LABELS: dict[Topic, str] = {"restores": "Restores", "rto": "RTO", "rpo": "RPO"}
REPLICA = "Unknown: no replica has been looked at."
_NEVER_SHOWN = (
    "The application was not started on restored data, unless a check above says so.",
    "People took no part: the time to notice, to decide and to find the keys is in no RTO here.",
    "DNS, connection strings and traffic were not switched to restored data.",
    "Bringing back failed containers and nodes is the orchestrator's task, and was not tried.",
)


def say_answer(report: Report) -> str:
    """In one sentence, the bad news first."""
    total = len(report.sources)
    broken, unsure = (sum(each.answer == answer for each in report.sources) for answer in ("no", "unknown"))
    if not total:
        return "There are no sources, so nothing was promised."
    if broken:
        rest = f", and {unsure} unknown" if unsure else ""
        return f"No: {broken} of {count(total, 'source')} broke a promise{rest}."
    if unsure:
        return f"Unknown: for {unsure} of {count(total, 'source')} nobody can say."
    last = last_of(report.together)
    if last and not last.passed:
        return "No: each source kept its promises, and all of them together did not pass their last drill."
    return "Yes: the one source kept its promises." if total == 1 else f"Yes: all {total} sources kept their promises."


def say_proven(report: Report) -> list[str]:
    drills = _drills(report)
    good = [drill for drill in drills if came_back(drill)]
    if not good:
        return ["Nothing: no drill of this month restored the right data."]
    restored = {drill.source for drill in good}
    objects = sum(len(drill.objects) for drill in good)
    checks = _checks(drills)
    said = [
        f"{count(len(good), 'drill')} brought back {len(restored)} of {count(len(report.sources), 'source')}"
        " the way `drkit restore` does it, and what came back was queried.",
        f"{count(sum(check.outcome == 'passed' for check in checks), 'check')} of restored data passed,"
        f" and {sum(check.outcome == 'failed' for check in checks):,} failed.",
    ]
    if objects:
        said.append(
            f"{count(objects, 'stored object')} were read, each with its signature checked before its first byte."
        )
    offsets = [abs(drill.clock_offset) for drill in drills if drill.clock_offset is not None]
    if offsets:
        said.append(f"The clocks of the drills and of the store were at most {max(offsets):.1f} s apart.")
    left = sum(not drill.disposed for drill in drills if drill.result != "missed")
    said.append(f"{count(left, 'drill')} left a restored copy behind." if left else "No restored copy was left behind.")
    return [*said, *say_together(report)]


def say_unproven(report: Report) -> list[str]:
    drills = _drills(report)
    never = [short_name(source.source) for source in report.sources if source.proven_at is None]
    restored = {(drill.source, drill.backup) for drill in drills if came_back(drill)}
    captured = sum(len(source.points) for source in report.sources)
    said = [f"Left out of this report: {each}." for each in report.unscheduled]
    if never:
        said.append(f"No drill has ever passed for {listed(never, 10)}.")
    said.append(
        f"Drills are samples: {count(captured, 'point')} captured this month, {len(restored):,} restored by drills."
    )
    names = sorted({check.name for check in _checks(drills) if check.outcome == "not testable"})
    if names:
        said.append(f"Not testable where the drills ran: {listed(names, 10)}.")
    settings = sorted({setting for drill in drills for setting in drill.settings_that_differ})
    if settings:
        said.append(f"Servers for drills ran with other settings than their sources: {listed(settings, 10)}.")
    return [*said, *say_not_together(report), *_NEVER_SHOWN]


def say_how_to_check(report: Report) -> list[str]:
    key = f"{report.system}/reports/{report.month.first_day:%Y-%m}.json"
    return [
        f"Fetch {key} from the store and run `drkit evidence verify` on it: it holds all that this page says, signed.",
        "Run `drkit evidence verify all`: it checks the evidence of every drill, and that none was removed or altered.",
        f"Accept these signers only: {', '.join(report.signers) or 'none was named to this report'}.",
        "A signature shows who wrote it and that nobody has changed it since. It is no word of a third party.",
    ]


def _drills(report: Report) -> list[Drill]:
    return [drill for source in report.sources for drill in source.drilled]


def _checks(drills: Sequence[Drill]) -> list[Check]:
    return [check for drill in drills for check in drill.checks]
