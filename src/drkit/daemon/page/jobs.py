"""What runs now and how far it is, what has ended, and what comes next."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from drkit.daemon.model import Ended, Name, Planned, Running
from drkit.daemon.page.alarms import shorten, with_commands
from drkit.daemon.page.clock import Clock, say_seconds
from drkit.drawing import tables
from drkit.drawing.markup import Content, Markup, element
from drkit.drawing.words import count, length, size

_RUNNING, _ENDED, _FAILED, _NEXT = 12, 8, 6, 10  # shown at most


def draw_running(running: Sequence[Running], clock: Clock) -> Content:
    if not running:
        return Markup()
    left = len(running) - _RUNNING
    return element(
        "section",
        element("h2", "Running now", id="running"),
        element("ul", [_run(each, clock) for each in running[:_RUNNING]], class_="jobs"),
        element("p", f"and {left} more", class_="soft") if left > 0 else Markup(),
        aria_labelledby="running",
    )


def _run(run: Running, clock: Clock) -> Markup:
    said = [_name(run.name), " ", element("span", "began ", clock.distance(run.began_at), class_="soft")]
    if run.attempt > 1:
        said.append(element("span", f", attempt {run.attempt}", class_="soft"))
    return element(
        "li", element("p", said), _bar(run), element("p", _say_progress(run), class_="soft"), id=_id("r", run.name)
    )


def _bar(run: Running) -> Markup:
    if run.done_bytes is None or not run.total_bytes:
        return Markup()
    done = min(run.done_bytes / run.total_bytes, 1)
    return element("progress", f"{done:.0%}", value=f"{done:.3f}", aria_label=f"{run.name[0]} of {run.name[1]}")


def _say_progress(run: Running) -> str:
    parts = [shorten(run.message, 100)] if run.message else []
    if run.done_bytes is not None:
        whole = f" of {size(run.total_bytes)}" if run.total_bytes else ""
        parts.append(f"{size(run.done_bytes)}{whole}")
    if run.bytes_per_second:
        parts.append(f"{size(run.bytes_per_second)}/s")
        if run.done_bytes is not None and run.total_bytes and run.total_bytes > run.done_bytes:
            parts.append(f"{say_seconds(round((run.total_bytes - run.done_bytes) / run.bytes_per_second))} left")
    return " · ".join(parts) or "Nothing is known of its progress yet."


def draw_ended(last: Mapping[Name, Ended], clock: Clock) -> Markup:
    newest = sorted(last.values(), key=lambda each: each.ended_at, reverse=True)
    failed = [each for each in newest if each.failed][:_FAILED]
    shown = [*failed, *[each for each in newest if not each.failed][: max(_ENDED - len(failed), 3)]]
    body = (
        element(
            "table",
            element("caption", "Last run of each job, failures first", class_="unseen"),
            _ended_head(),
            element("tbody", [_end(each, clock) for each in shown]),
        )
        if shown
        else element("p", "Since this daemon started, none.", class_="soft")
    )
    return element("section", element("h2", "Ended lately", id="ended"), body, aria_labelledby="ended", class_="list")


def _ended_head() -> Markup:
    return element("thead", tables.head("Job", "How", "When", "Took"))


def _end(ended: Ended, clock: Clock) -> Markup:
    return element(
        "tr",
        element("th", _name(ended.name), scope="row"),
        element("td", _outcome(ended)),
        element("td", clock.distance(ended.ended_at)),
        element("td", length(max(ended.ended_at - ended.began_at, timedelta(seconds=0.1)))),
        id=_id("e", ended.name),
    )


def _outcome(ended: Ended) -> Content:
    if ended.taken:
        return element("span", "– another daemon has it", class_="soft")
    if not ended.failed:
        return element("span", "✓ well", class_="yes")
    how = "took too long" if ended.timed_out else f"failed ({ended.exit_code})"
    why = [element("p", shorten(text, 200)) for text in [ended.error] if text]
    step = [element("p", "Next: ", list(with_commands(shorten(ended.hint, 200))))] if ended.hint else []
    if not (why or step):
        return element("span", f"✗ {how}", class_="no")
    return element("details", element("summary", element("span", f"✗ {how}", class_="no")), why, step)


def draw_next(planned: Iterable[Planned], clock: Clock) -> Markup:
    coming = sorted(planned, key=lambda each: (each.at, each.name))
    rows = [
        element(
            "tr",
            element("th", _name(each.name), scope="row"),
            element("td", clock.moment(each.at)),
            element("td", clock.distance(each.at)),
            id=_id("n", each.name),
        )
        for each in coming[:_NEXT]
    ]
    left = len(coming) - len(rows)
    caption = element("caption", "The next runs", class_="unseen")
    header = element("thead", tables.head("Job", "At", "When"))
    body: Content = (
        element("table", caption, header, element("tbody", rows))
        if rows
        else element("p", "Nothing is planned.", class_="soft")
    )
    more = element("p", f"and {count(left, 'run')} after them", class_="soft") if left > 0 else Markup()
    return element("section", element("h2", "Next", id="next"), body, more, aria_labelledby="next", class_="list")


def _name(name: Name) -> Markup:
    return element("span", element("span", name[0], class_="kind"), " ", name[1])


def _id(letter: str, name: Name) -> str:
    return f"{letter}-{name[0]}-{name[1]}"
