"""What Kubernetes reads is what drkit meant: names, cron lines and YAML, for whatever anybody writes."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from drkit.chores import COMMANDS
from drkit.config.parts import NAME
from drkit.errors import ConfigError
from drkit.k8s.lines import spell_for_kubernetes
from drkit.k8s.names import name_job, name_system
from drkit.k8s.spelling import spell_documents
from drkit.timetable import Cron, parse_cron, runs

LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SYSTEM_JOBS = (*COMMANDS, "notify")
SOURCE_JOBS = ("backup", "verify")

plain_names = st.from_regex(NAME, fullmatch=True)
close_names = st.text("a-_", min_size=1, max_size=6).filter(lambda text: NAME.fullmatch(text) is not None)
subjects = st.tuples(plain_names | close_names, st.none() | plain_names | close_names).flatmap(
    lambda pair: st.tuples(st.just(pair[0]), st.just(pair[1]), st.sampled_from(SOURCE_JOBS if pair[1] else SYSTEM_JOBS))
)


@given(st.lists(subjects, min_size=2, max_size=12, unique=True))
@example([("a-b", "c", "backup"), ("a", "b-c", "backup")])
@example([("a_b", None, "prune"), ("a-b", None, "prune"), ("a-b-", None, "prune")])
@example([("a" * 63, "b" * 63, "verify"), ("a" * 63, "b" * 62, "verify")])
def test_two_jobs_never_have_one_name_and_each_name_is_one_that_a_cronjob_may_have(
    jobs: list[tuple[str, str | None, str]],
) -> None:
    names = [name_job(*job) for job in jobs]
    assert len(set(names)) == len(jobs)
    assert all(LABEL.fullmatch(name) and len(name) <= 52 for name in names)


@given(st.lists(plain_names | close_names, min_size=2, max_size=12, unique=True))
def test_two_systems_never_have_one_name(systems: list[str]) -> None:
    names = [name_system(system) for system in systems]
    assert len(set(names)) == len(systems)
    assert all(LABEL.fullmatch(name) for name in names)


def test_a_name_that_kubernetes_takes_is_left_as_it_is() -> None:
    assert name_job("mundo-tango", "main", "backup") == "mundo-tango-main-backup"
    assert name_job("mundo-tango", None, "prune") == "mundo-tango-prune"


# How Kubernetes reads a line: robfig/cron v3, the standard parser.
_BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
_WORDS: tuple[dict[str, int], ...] = (
    {},
    {},
    {},
    {
        name: n + 1
        for n, name in enumerate(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"])
    },
    {name: n for n, name in enumerate(["sun", "mon", "tue", "wed", "thu", "fri", "sat"])},
)


def kubernetes_reads(line: str) -> list[tuple[set[int], bool]]:
    """Of each field its values, and whether it counts as `*`."""
    return [_field(text, *bounds, words) for text, bounds, words in zip(line.split(), _BOUNDS, _WORDS, strict=True)]


def _field(text: str, least: int, most: int, words: dict[str, int]) -> tuple[set[int], bool]:
    values: set[int] = set()
    star = False
    for item in text.split(","):
        span, slash, step_text = item.partition("/")
        first, dash, last = span.partition("-")
        if first == "*":
            assert not dash
            start, end, starred = least, most, True
        else:
            start = words[first.lower()] if first.lower() in words else int(first)
            end = (words[last.lower()] if last.lower() in words else int(last)) if dash else start
            starred = False
        step = int(step_text) if slash else 1
        if slash:
            end = end if dash or first == "*" else most
            starred = starred and step == 1
        assert least <= start <= end <= most, f"{text} is refused"
        assert step > 0
        values |= set(range(start, end + 1, step))
        star = star or starred
    return values, star


def kubernetes_runs(line: str, start: datetime, days: int) -> list[datetime]:
    (minutes, _), (hours, _), (dom, any_dom), (months, _), (dow, any_dow) = kubernetes_reads(line)
    found = []
    for ahead in range(days):
        day = (start + timedelta(days=ahead)).replace(hour=0, minute=0)
        by_day, by_weekday = day.day in dom, day.isoweekday() % 7 in dow
        fits = by_day and by_weekday if any_dom or any_dow else by_day or by_weekday
        if day.month in months and fits:
            found += [day.replace(hour=hour, minute=minute) for hour in sorted(hours) for minute in sorted(minutes)]
    return [each for each in found if start < each <= start + timedelta(days=days - 1)]


def _items(least: int, most: int, words: tuple[str, ...] = ()) -> st.SearchStrategy[str]:
    value = st.integers(least, most).map(str) | (st.sampled_from(words) if words else st.nothing())
    step = st.integers(1, most).map(lambda n: f"/{n}")
    span = st.tuples(value, value).map("-".join)
    item = st.just("*") | value | span | st.tuples(st.just("*") | span | value, step).map("".join)
    return st.lists(item, min_size=1, max_size=2).map(",".join)


cron_lines = st.tuples(
    _items(0, 59),
    _items(0, 23),
    st.just("*") | _items(1, 31),
    st.just("*") | _items(1, 12, tuple(_WORDS[3])),
    st.just("*") | _items(0, 7, (*_WORDS[4], "SUN", "Fri")),
).map(" ".join)


def _parsed(line: str) -> Cron:
    try:
        return parse_cron(line)
    except ConfigError:
        assume(False)
        raise


@settings(deadline=None)
@given(cron_lines)
@example("0 4 * * 7")
@example("0 4 * * 5-7")
@example("0 4 * * fri-sun")
@example("0 22-2 * * *")
@example("0 4 */2 * mon")
@example("0 4 */1 * mon")
@example("0 4 1-31 * mon")
@example("0 4 *,5 * mon")
@example("5/15 */6 * nov-feb *")
@example("*/30 * * * *")
def test_kubernetes_runs_a_line_when_drkit_would(line: str) -> None:
    cron = _parsed(line)
    made = kubernetes_runs(spell_for_kubernetes(cron), START, 40)
    assert made == list(runs(cron, ZoneInfo("UTC"), START, START + timedelta(days=39)))


@pytest.mark.parametrize(
    "line", ["*/30 * * * *", "0 4 1 * *", "15 2,14 * * mon-fri", "10-40/7 3 1,15 jan,JUL *", "5/15 * * * 0-6"]
)
def test_a_line_that_both_read_alike_stays_as_it_was_written(line: str) -> None:
    assert spell_for_kubernetes(parse_cron(line)) == line


texts = (
    st.text(max_size=40)
    | st.text("ab \t\n#:-'\"", max_size=40)
    | st.sampled_from(
        [
            "yes",
            "No",
            "null",
            "~",
            "1e3",
            "0x1f",
            "012",
            "1_000",
            "12:30",
            "2026-11-20",
            ".inf",
            "<<",
            "=",
            "a: b",
            "- a",
        ]
    )
)
values = st.recursive(
    texts | st.booleans() | st.integers(-(2**53), 2**53),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts.filter(bool), inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(st.dictionaries(texts.filter(bool), values, max_size=5), max_size=3))
@example([{"data": {"a.toml": "\ufeffx\n"}}, {"data": {"b.toml": "# x\n\n  y\n"}}])
@example([{"data": {"crlf": "a\r\nb\r\n", "next line": "a\x85b\u2028c\n", "bell": "\x07\n", "late": "\U0001f512"}}])
def test_whatever_is_written_as_yaml_is_read_as_it_was(bodies: list[dict[str, Any]]) -> None:
    documents = [{"kind": "Any", **body} for body in bodies]
    remarks = {f"Any.{key}": "a remark\nof two lines" for body in bodies for key in body if "." not in key}
    text = spell_documents(documents, "a head\n\nof three lines", remarks)
    assert list(yaml.safe_load_all(text)) == (documents or [])


def test_a_remark_stands_above_the_first_of_its_keys_alone() -> None:
    documents = [{"kind": "A", "spec": [{"x": 1}, {"x": 2}]}, {"kind": "A", "spec": [{"x": 3}]}]
    assert spell_documents(documents, "", {"A.spec.x": "why"}) == (
        "---\nkind: A\nspec:\n  # why\n  - x: 1\n  - x: 2\n---\nkind: A\nspec:\n  - x: 3\n"
    )
