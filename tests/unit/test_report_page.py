"""The page is safe whatever the facts hold, can be read by anybody, and stays small."""

import re
from base64 import b64encode
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from itertools import pairwise
from random import Random

import pytest

from drkit.catalog import make_id
from drkit.drawing.plots import merge
from drkit.model import Point
from drkit.report.facts import make_report
from drkit.report.model import Known, Report
from drkit.report.page import draw_page
from drkit.report.style import STYLE
from drkit.timetable import parse_cron
from outline import EVIL, Outline, contrast
from report_simulation import BAD, ZONE, live_a_year, make_drill

OCTOBER = date(2026, 10, 1)
NOW = datetime(2026, 11, 1, 0, 10, tzinfo=UTC)


def empty(source: str) -> Known:
    hourly = parse_cron("0 * * * *")
    return Known(source, "files", hourly, None, None, None, points=(), drills=())


@pytest.fixture(scope="module")
def report() -> Report:
    known = [live_a_year(seed, f"shop/s{seed}").known() for seed in (4, 5, 6)]
    return make_report("shop", [*known, empty("shop/new")], OCTOBER, ZONE, NOW, ["drkit1signer"], "1.0")


@pytest.fixture(scope="module")
def page(report: Report) -> str:
    return draw_page(report)


def test_what_others_wrote_is_shown_and_never_becomes_markup() -> None:
    drill = make_drill("shop/x", datetime(2026, 10, 3, 4, tzinfo=UTC), None, None, "failed")
    check = replace(BAD, name=EVIL, expected=EVIL, actual=EVIL)
    drill = replace(drill, error=EVIL, checks=(check,), id=EVIL, settings_that_differ={EVIL: ("on", "off")})
    known = replace(empty(EVIL), kind=EVIL, drills=[drill])
    page = draw_page(make_report(EVIL, [known], OCTOBER, ZONE, NOW, [EVIL], EVIL))
    outline = Outline(page)
    assert not outline.all("script")
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 10
    assert not set(page) & {"\x1b", "\u202e", "\x00"}
    assert all(name not in attributes for _, attributes, _ in outline.found for name in ("onload", "style"))


def test_the_policy_admits_the_style_of_the_page_and_nothing_else(page: str) -> None:
    style = re.search("<style>(.*?)</style>", page, re.DOTALL)
    policy = re.search('Content-Security-Policy" content="([^"]*)"', page)
    assert style
    assert policy
    digest = b64encode(sha256(style[1].encode()).digest()).decode()
    assert policy[1].startswith(f"default-src 'none'; style-src 'sha256-{digest}'")
    assert "unsafe" not in policy[1]
    assert "http:" not in page
    assert "https:" not in page
    assert "url(" not in page


def test_every_element_is_closed_where_it_was_opened(page: str) -> None:
    assert Outline(page).open == []


def test_headings_leave_no_level_out(page: str) -> None:
    levels = [int(tag[1]) for tag, _, _ in Outline(page).found if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))


def test_tables_have_captions_and_headers_with_a_scope(page: str) -> None:
    outline = Outline(page)
    assert len(outline.all("caption")) == len(outline.all("table")) >= 3
    assert all(attributes.get("scope") in ("col", "row", "colgroup") for attributes in outline.all("th"))


def test_drawings_say_in_words_what_they_show(page: str, report: Report) -> None:
    outline = Outline(page)
    drawings = [attributes for attributes in outline.all("svg") if attributes.get("aria-hidden") != "true"]
    assert all(attributes.get("role") == "img" for attributes in drawings)
    inside = [tag for tag, _, above in outline.found if above and above[-1] == "svg"]
    assert inside.count("title") == inside.count("desc") == len(drawings)
    for source in report.sources:
        assert f"<desc>{len(source.points):,} point" in page


def test_links_lead_to_places_in_the_page(page: str) -> None:
    outline = Outline(page)
    places = [attributes["id"] for _, attributes, _ in outline.found if "id" in attributes]
    assert len(set(places)) == len(places) == 4
    assert sorted(str(attributes["href"]) for attributes in outline.all("a")) == [f"#s{n}" for n in range(1, 5)]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colours_of_words_stand_out_from_the_paper(scheme: int) -> None:
    colours = dict(re.findall(r"--(\w+):(#\w{6})", STYLE.split(":root{")[scheme + 1]))
    for name in ("ink", "soft", "yes", "no", "unknown"):
        assert contrast(colours[name], colours["paper"]) >= 4.5
    for name in ("fill", "line"):
        assert contrast(colours[name], colours["paper"]) >= 3


def test_answers_come_first_and_the_bad_ones_before_the_good(report: Report, page: str) -> None:
    order = [source.answer for source in report.sources]
    assert order == sorted(order, key=["no", "unknown", "yes"].index)
    assert page.index("broke a promise") < page.index("✗ No") < page.index("<h2>")


def test_columns_that_touch_are_drawn_as_one_span() -> None:
    assert merge([(0, 0), (0, 1), (2, 2), (5, 5), (7, 8), (8, 8)]) == [(0, 2), (5, 5), (7, 8)]


def test_two_hundred_sources_that_behave_badly_fit_into_a_megabyte() -> None:
    known = [ragged(seed) for seed in range(8)]
    report = make_report("shop", known, OCTOBER, ZONE, NOW, ["drkit1signer"], "1.0")
    many = tuple(
        replace(report.sources[number % 8], source=f"shop/source-number-{number}-of-many") for number in range(200)
    )
    assert len(draw_page(replace(report, sources=many)).encode()) <= 1_000_000


def ragged(seed: int) -> Known:
    """Hourly backups of which each tenth is missed, and a drill a week of which each third goes wrong."""
    random = Random(seed)
    start = datetime(2025, 11, 1, tzinfo=UTC)
    hours = [start + timedelta(hours=hour) for hour in range(364 * 24) if random.random() < 0.9]
    points = [Point("shop/x", make_id(at, f"{n:08x}"), at, 10**9 + n) for n, at in enumerate(hours)]
    drills = []
    for week in range(52):
        result = random.choice(["passed", "passed", "passed", "failed", "passed", "aborted"])
        took = timedelta(minutes=random.uniform(5, 14))
        drill = make_drill("shop/x", start + timedelta(weeks=week, hours=4), took, timedelta(minutes=15), "passed")
        drills.append(replace(drill, result=result, error="" if result == "passed" else f"psql: {random.random()}"))
    weekly, hourly = parse_cron("0 4 * * 6"), parse_cron("0 * * * *")
    rto, rpo = timedelta(minutes=15), timedelta(hours=2)
    return Known("shop/x", "postgres", hourly, weekly, rto, rpo, points, drills)
