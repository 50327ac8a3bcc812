"""Where a follower goes on: a decision over what the store has and where the server stands. It asks neither.

What the server was told to be stored is the anchor, as only stored log was ever reported. Where it knows nothing of us,
as after a fail-over, the end of what the store has is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from drkit.catalog import NOTHING_KNOWN, Log, Run, Span, join_spans
from drkit.errors import LogBroken, SourceUnavailable
from drkit.lsn import format_lsn
from drkit.ports import Whereabouts
from drkit.when import format_moment

LARGEST_UNIT = 16 << 20
ELSEWHERE = (
    "see which copy of the server is yours; follow this one under another source's name, as its log would contradict"
    " what is stored"
)
_ANEW = "`drkit follow --anew` begins the log anew with what the server has, and `drkit backup now` makes a base for it"


@dataclass(frozen=True, slots=True)
class Resume:
    """The server is to tell `timeline` from `listen_from`; from `store_from` on it is not in the store yet. `small` are
    the spans of the first unit that are. `begins` says that nothing before it is: a new base backup is needed."""

    timeline: int
    listen_from: int
    store_from: int
    covered_until: datetime
    small: tuple[Span, ...]
    unit: int
    begins: bool


def plan_resume(log: Log, where: Whereabouts, *, anew: bool = False) -> Resume:
    """LogBroken where what the server has does not go on where the store ends; with `anew` that is accepted."""
    mine = [run for run in join_spans(log.spans) if run.system == where.system]
    for run in mine:
        _refuse_lost(log, run, where)
    if not anew:
        _refuse_strangers(log, mine, where)
        if where.kept_from is None and mine:
            raise broken(
                log, f"the server has given up what it kept for drkit, as it was behind by {_behind(mine, where)}"
            )
        if found := _continue(log, mine, where):
            return found
    if where.kept_from is None:
        raise LogBroken("the server keeps no log for drkit", _ANEW)
    timeline = _timeline_at(where, where.kept_from)
    return _resume(log, where, timeline, where.kept_from // where.segment_bytes * where.segment_bytes, None)


def broken(log: Log, why: str, hint: str = _ANEW) -> LogBroken:
    """`why` with what can still be restored."""
    return LogBroken(f"the log of {log.source} cannot be continued: {why}. {_tell_windows(log)}", hint)


def _continue(log: Log, mine: Sequence[Run], where: Whereabouts) -> Resume | None:
    """None where the store has nothing of this server."""
    if not mine:
        return None
    kept = where.kept_from
    if kept is not None and not where.made:
        timeline = _timeline_at(where, kept)
        for run in mine:
            if run.timeline == timeline and run.start <= kept <= run.end:
                return _resume(log, where, timeline, kept, run)
    last = max(mine, key=lambda run: (run.timeline, run.end))
    left_at = dict(where.parents).get(last.timeline)
    if left_at is not None and last.end >= left_at:
        return _resume(log, where, _next_timeline(where, last.timeline), _floor(left_at, where.segment_bytes), last)
    return _resume(log, where, last.timeline, last.end, last)


def _resume(log: Log, where: Whereabouts, timeline: int, store_from: int, run: Run | None) -> Resume:
    unit = min(LARGEST_UNIT, where.segment_bytes)
    listen_from = _floor(store_from, unit)
    if run and run.timeline == timeline and listen_from < run.start:
        listen_from = store_from  # the unit can never be whole, as its head was never stored
    small = [
        span
        for span in log.spans
        if (span.system, span.timeline) == (where.system, timeline)
        and span.size
        and listen_from <= span.start
        and span.end <= listen_from + unit
    ]
    return Resume(
        timeline, listen_from, store_from, _known(log, timeline, store_from, run), tuple(small), unit, run is None
    )


def _known(log: Log, timeline: int, store_from: int, run: Run | None) -> datetime:
    """Only what is said by spans that end where we go on: later ones may have known of log that comes again."""
    if run is None or run.timeline != timeline:
        return NOTHING_KNOWN
    told = (
        span.covered_until
        for span in log.spans
        if (span.system, span.timeline) == (run.system, timeline) and run.start <= span.start and span.end <= store_from
    )
    return max(told, default=NOTHING_KNOWN)


def _refuse_strangers(log: Log, mine: Sequence[Run], where: Whereabouts) -> None:
    others = sorted({span.system for span in log.spans} - {where.system})
    if others and not mine:
        raise broken(
            log,
            f"it is of the server with the system identifier {', '.join(others)}, and this one has {where.system}:"
            " it is another server, or was made anew",
        )
    known = {where.timeline, *(timeline for timeline, _ in where.parents)}
    if strange := sorted({run.timeline for run in mine} - known):
        latest = strange[-1]
        raise broken(
            log,
            f"the store has timeline {latest}, which is not in the history of the server's timeline {where.timeline}:"
            " another copy of this server was promoted, or this one was restored from a backup",
        )


def _refuse_lost(log: Log, run: Run, where: Whereabouts) -> None:
    if run.timeline == where.timeline and run.end > where.position:
        if where.standby:
            raise SourceUnavailable(
                f"the standby has log up to {format_lsn(where.position)}, and the store up to {format_lsn(run.end)}",
                "it can be followed once it has caught up; see whether it still gets log from its primary",
            )
        raise broken(
            log,
            f"the store has timeline {run.timeline} up to {format_lsn(run.end)}, and the server only up to"
            f" {format_lsn(where.position)}: it has lost log, and what it writes now is another one",
            ELSEWHERE,
        )


def _timeline_at(where: Whereabouts, position: int) -> int:
    return next((timeline for timeline, switch in where.parents if position < switch), where.timeline)


def _next_timeline(where: Whereabouts, timeline: int) -> int:
    order = [each for each, _ in where.parents] + [where.timeline]
    return order[order.index(timeline) + 1]


def _floor(position: int, unit: int) -> int:
    return position // unit * unit


def _behind(mine: Sequence[Run], where: Whereabouts) -> str:
    return f"{(where.position - max(run.end for run in mine)) / 1e6:,.0f} MB"


def _tell_windows(log: Log) -> str:
    found = [
        f"timeline {run.timeline} from {format_lsn(run.start)} to {format_lsn(run.end)},"
        f" covered until {format_moment(run.covered_until.replace(microsecond=0))}"
        for run in join_spans(log.spans)
    ]
    return f"What the store has stays usable: {'; '.join(found)}" if found else "The store has nothing of it"
