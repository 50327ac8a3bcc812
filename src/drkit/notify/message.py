"""The words of a notice: a title that is read on a lock screen, and a body that somebody can act on at night. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from drkit.notify.changes import Changes, Over, Wrong
from drkit.troubles import show
from drkit.when import format_length

_TITLES = {
    "damaged": "the newest backup cannot be relied on",
    "nothing": "nothing was ever captured",
    "misdated": "a clock was wrong",
    "backup doubted": "a backup cannot be believed",
    "rpo": "the RPO is missed",
    "backup failed": "a backup failed",
    "overdue": "a backup is overdue",
    "follow failed": "nobody follows the log",
    "store": "it cannot be looked at",
    "unwritten": "nothing can be written to the store",
    "drill failed": "a restore test failed",
    "rto": "the RTO is missed",
    "evidence doubted": "evidence cannot be believed",
    "drill overdue": "a restore test is overdue",
    "rto forecast": "the RTO is going to be missed",
}
_TITLE, _WORDS, _BODY = 100, 600, 12_000


@dataclass(frozen=True, slots=True)
class Message:
    """`mood` is failure, warning, success or info."""

    title: str
    body: str
    mood: str


def compose(changes: Changes, now: datetime) -> Message:
    body = "\n\n".join(_paragraphs(changes, now))
    return Message(_cut(_title(changes), _TITLE), _cut(body, _BODY), _mood(changes))


def compose_test(system: str) -> Message:
    body = f"Whoever reads this will be told when something is wrong with the backups of {system}, and when it is over."
    return Message(f"{system}: this is a test", body, "info")


def _title(changes: Changes) -> str:
    system, new, still, over = changes.system, changes.new, _broken(changes.still), len(changes.over)
    if len(new) == 1:
        [one] = new
        return f"{system}: {_TITLES.get(one.trouble.kind) or one.trouble.what}"
    if new:
        broken = len(_broken(new)) + len(still)
        return f"{system}: {_things(broken)} wrong" if broken else f"{system}: {len(new)} warnings"
    if over:
        left = f"{len(still)} {'is' if len(still) == 1 else 'are'} still wrong"
        return f"{system}: {_things(over)} well again, {left}" if still else f"{system} is well again"
    return f"{system}: the report of {changes.report} is ready"


def _mood(changes: Changes) -> str:
    if _broken(changes.new):
        return "failure"
    if changes.new:
        return "warning"
    return "success" if changes.over else "info"


def _paragraphs(changes: Changes, now: datetime) -> Iterator[str]:
    yield from (_tell(each, now) for each in changes.new)
    if changes.over:
        yield _list("Over:", [_tell_over(each) for each in changes.over])
    if changes.still:
        yield _list("Still wrong:", [f"{each.subject}: {_cut(each.trouble.what, _WORDS)}" for each in changes.still])
    if changes.report:
        yield (
            f"The report of {changes.report} is ready: `drkit report {changes.system} --month {changes.report}"
            f" --out report.html` fetches it."
        )


def _tell(each: Wrong, now: datetime) -> str:
    lines = [f"{each.subject}: {_cut(each.trouble.what, _WORDS)}"]
    if since := each.trouble.since:
        ago = max(timedelta(0), now - since)
        lines.append(f"since: {show(since)}, {format_length(_rough(ago))} ago")
    if each.trouble.next_step:
        lines.append(f"next: {_cut(each.trouble.next_step, _WORDS)}")
    return "\n".join(lines)


def _tell_over(each: Over) -> str:
    title = _TITLES.get(each.kind, each.kind)
    return f"{each.subject}: {title}: over after {format_length(_rough(each.lasted))}, since {show(each.since)}"


def _list(head: str, lines: Sequence[str]) -> str:
    return "\n".join([head, *(f"- {line}" for line in lines)])


def _broken(wrong: Sequence[Wrong]) -> list[Wrong]:
    return [each for each in wrong if not each.warning]


def _things(count: int) -> str:
    return "1 thing is" if count == 1 else f"{count} things are"


def _rough(length: timedelta) -> timedelta:
    """Nobody needs the seconds of hours."""
    step = timedelta(minutes=1) if length >= timedelta(minutes=10) else timedelta(seconds=1)
    return length // step * step


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
