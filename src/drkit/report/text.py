"""The report in a few lines, for chat or mail: the answer, and each source that gives reason to look at the whole."""

from drkit.drawing.words import count, month_name, short_name
from drkit.report.model import Report, SourceReport
from drkit.report.statements import LABELS, say_answer
from drkit.report.together import explain, last_of

_MOST = 10


def write_text(report: Report) -> str:
    """Plain text: no markup that a chat could take for its own."""
    sources = report.sources
    doubtful = [source for source in sources if source.answer != "yes"]
    drills = {
        "passed": sum(source.drills.passed for source in sources),
        "failed": sum(source.drills.failed for source in sources),
        "stopped": sum(source.drills.aborted for source in sources),
        "missed": sum(source.drills.missed for source in sources),
    }
    missed = sum(source.backups.missed for source in sources)
    made = sum(source.backups.captured for source in sources)
    lines = [
        f"{report.system}, {month_name(report.month.first_day)}: were the promises kept?",
        say_answer(report),
        *(_line(source) for source in doubtful[:_MOST]),
        *([f"- and {len(doubtful) - _MOST} more"] if len(doubtful) > _MOST else []),
        f"Drills: {', '.join(f'{number:,} {name}' for name, number in drills.items() if number or name != 'stopped')}."
        f" Backups: {made:,} made, {missed:,} missed.",
    ]
    if last := last_of(report.together):
        told = "passed" if last.passed else f"{last.result}: {explain(last)}"
        lines.append(f"All sources together: {told}.")
    never = sum(source.proven_at is None for source in sources)
    if never:
        lines.append(f"{count(never, 'source')} never passed a drill.")
    lines += [f"Left out of this report: {each}." for each in report.unscheduled]
    doubts = sum(incident.trouble == "not believed" for source in sources for incident in source.incidents)
    if doubts:
        lines.append(f"Not to be believed: {count(doubts, 'thing')} in the store; see drkit evidence verify all.")
    return "\n".join(line.replace("\n", " ") for line in lines) + "\n"


def _line(source: SourceReport) -> str:
    doubts = [promise for promise in source.promises if promise.answer != "yes"]
    told = "; ".join(f"{LABELS[promise.topic]} {promise.answer}: {promise.reason}" for promise in doubts)
    return f"- {short_name(source.source)}: {told}"
