"""The status page in a real browser: on a desk and a phone, by day and by night, with scripts and without. It follows
what the daemon knows, and says when the daemon is gone. Its console stays silent.

Pictures of the last run can be looked at: pytest keeps them below its --basetemp.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from browser import Browser, open_browser
from drkit.bulletin import Bulletin
from drkit.daemon.model import State
from drkit.daemon.troubles import complete
from status_server import StatusServer, status_server
from status_states import (
    NOW,
    all_broken,
    empty,
    first_start,
    healthy,
    make_source,
    many,
    troubled,
    unreachable,
)

STATES = (healthy, troubled, unreachable, all_broken, first_start, empty, many)
GONE = "net::ERR_CONNECTION_REFUSED"


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with open_browser(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.fixture
def browser(chromium: Browser) -> Browser:
    chromium.complaints.clear()
    return chromium


@pytest.fixture
def server() -> Iterator[StatusServer]:
    with status_server(healthy()) as server:
        yield server


@pytest.mark.parametrize("make", STATES, ids=lambda make: make.__name__)
@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "none"])
def test_it_is_drawn_on_every_screen_without_a_word_in_the_console(
    browser: Browser, server: StatusServer, tmp_path: Path, make: Callable[[], State], scripts: bool
) -> None:
    server.state = make()
    for width, night in ((1280, False), (1280, True), (360, True), (360, False)) if scripts else ((360, True),):
        browser.look(width, 800, night=night, scripts=scripts)
        browser.open(server.url)
        assert browser.run("document.documentElement.scrollWidth") == width
        paper = browser.run("getComputedStyle(document.body).backgroundColor")
        assert paper == ("rgb(21, 23, 26)" if night else "rgb(252, 251, 249)")
        browser.photograph(tmp_path / f"{make.__name__}-{width}-{'night' if night else 'day'}.png")
    assert browser.complaints == []


def test_a_console_that_complains_would_be_heard(browser: Browser, server: StatusServer) -> None:
    browser.look(1280, 800)
    browser.open(server.url)
    browser.run("document.body.insertAdjacentHTML('beforeend', '<p style=color:red onclick=x()>')")
    assert any("Content Security Policy" in complaint for complaint in browser.complaints)


def test_nothing_on_it_moves(browser: Browser, server: StatusServer) -> None:
    browser.look(1280, 800)
    browser.open(server.url)
    assert browser.run("document.getAnimations().length") == 0


def test_it_follows_the_daemon_and_leaves_what_was_opened_focused_and_scrolled(
    browser: Browser, server: StatusServer
) -> None:
    server.state = troubled()
    browser.look(1280, 600)
    browser.open(server.url)
    browser.run(
        """document.querySelector('[id="e-backup-shop/orders"] details').open = true;
        document.querySelector('[id="y-shop"] summary').focus();
        scrollTo(0, 700);
        kept = document.querySelector('[id="s-erp/main"]')"""
    )
    assert browser.run("document.title") == "✗ 3 of 6 · drkit"
    icon = browser.run("document.querySelector('link[rel=icon]').href")
    after = troubled()
    server.state = replace(after, running=(replace(after.running[0], done_bytes=2_200_000_000),))
    browser.wait_for("document.querySelector('.jobs').innerText.includes('2.2 GB of 2.3 GB')")
    assert browser.run("document.querySelectorAll('.jobs li').length") == 1
    assert browser.run("""document.querySelector('[id="e-backup-shop/orders"] details').open""")
    assert browser.run("""document.activeElement === document.querySelector('[id="y-shop"] summary')""")
    assert browser.run("scrollY") == 700
    assert browser.run("""kept === document.querySelector('[id="s-erp/main"]')""")
    server.state = healthy()
    browser.wait_for("document.querySelector('.lead').innerText === 'Yes: all 6 sources are well.'")
    assert browser.run("document.title") == "✓ 6 well · drkit"
    assert browser.run("document.querySelector('link[rel=icon]').href") != icon
    assert browser.run("document.querySelector('.needs')") is None
    assert browser.complaints == []


def test_after_many_changes_it_is_what_a_new_page_would_be(browser: Browser, server: StatusServer) -> None:
    browser.look(1280, 800)
    shape = "[...document.querySelectorAll('main *')].map((e) => e.nodeName + '#' + e.id).join()"
    browser.open(server.url)
    for make in (troubled, empty, all_broken, unreachable, first_start, troubled, healthy):
        server.state = replace(make(), started_at=NOW - timedelta(days=len(make.__name__)))
        word = browser.run(
            "fetch('/').then((a) => a.text()).then((t) => new DOMParser().parseFromString(t, 'text/html').title)"
        )
        browser.come_back()
        browser.wait_for(f"document.title === {word!r}")
    followed = browser.run(shape)
    browser.open(server.url)
    assert followed == browser.run(shape)
    assert browser.complaints == []


def test_times_go_on_and_are_the_viewers_own(browser: Browser, server: StatusServer) -> None:
    browser.look(1280, 800)
    browser.live_in("America/Santiago")
    browser.open(server.url)
    assert browser.run("document.querySelector('.zone').innerText") == "America/Santiago"
    assert browser.run("document.querySelector('.at').innerText") == "11:41"
    title = browser.run("document.querySelector('.at').title")
    assert "11:41:12" in title
    assert "(2026-11-21 14:41:12 UTC)" in title
    browser.wait_for("!document.querySelector('header time').innerText.startsWith('20 s')")
    browser.live_in("")


def test_script_and_page_tell_times_in_the_same_words(browser: Browser) -> None:
    told = "[...document.querySelectorAll('.sources time, .pair time')].map((t) => t.innerText).join()"
    browser.live_in("UTC")
    found = []
    with status_server(healthy(), clock=lambda: NOW + timedelta(seconds=30)) as server:  # no minute is about to end
        for scripts in (False, True):
            browser.look(1280, 800, scripts=scripts)
            browser.open(server.url)
            found.append(browser.run(told))
    browser.live_in("")
    assert found[0] == found[1]


def test_it_says_when_the_daemon_is_gone_and_when_it_is_back(browser: Browser) -> None:
    browser.look(1280, 800)
    with status_server(healthy()) as server:
        browser.open(server.url)
        address = server.address
    browser.wait_for("document.getElementById('stale').innerText.startsWith('The daemon does not answer.')")
    assert browser.run("document.title") == "? no answer · drkit"
    assert browser.run("document.getElementById('stale').getAttribute('role')") == "alert"
    assert all(GONE in complaint for complaint in browser.complaints)
    with status_server(troubled(), listen=str(address)):
        browser.wait_for("document.getElementById('stale').innerText === ''")
        browser.wait_for("document.title === '✗ 3 of 6 · drkit'")


def test_many_sources_can_be_filtered_and_come_back(browser: Browser, server: StatusServer) -> None:
    server.state = many()
    seen = "[...document.querySelectorAll('tr[id^=\"s-\"]')].filter((row) => row.checkVisibility()).length"
    browser.look(1280, 800)
    browser.open(server.url)
    before = browser.run(seen)
    browser.press("/", "/")
    assert browser.run("document.activeElement.type") == "search"
    for letter in "mer-07":
        browser.press(letter, letter)
    assert browser.run("document.activeElement.value") == "mer-07"
    assert browser.run("document.querySelector('#filter [role=status]').innerText") == "17 of 200 sources"
    assert browser.run(seen) == 17
    server.state = many(unwell=4)
    browser.come_back()
    browser.wait_for("document.title === '✗ 4 of 200 · drkit'")
    assert browser.run(seen) == 17
    assert browser.run("document.activeElement.value") == "mer-07"
    browser.run("document.activeElement.value = ''; document.activeElement.dispatchEvent(new Event('input'))")
    assert (before, browser.run(seen)) == (3 * 17, 4 * 17)
    assert browser.complaints == []


def test_a_command_can_be_copied(browser: Browser, server: StatusServer) -> None:
    server.state = troubled()
    browser.look(1280, 800)
    browser.allow_clipboard(server.url)
    browser.open(server.url)
    browser.run("document.querySelector('.needs button').click()")
    browser.wait_for("document.querySelector('.needs button').innerText === 'Copied'")
    assert browser.run("navigator.clipboard.readText()") == "drkit check shop/orders"


def test_with_a_token_the_page_goes_on_asking_with_it(browser: Browser) -> None:
    with status_server(healthy(), token="sesame") as server:
        browser.look(1280, 800)
        browser.sign_in("sesame")
        browser.open(server.url)
        server.state = troubled()
        browser.come_back()
        browser.wait_for("document.title === '✗ 3 of 6 · drkit'")
        browser.sign_in("")
    assert browser.complaints == []


def test_hostile_words_stay_words(browser: Browser, server: StatusServer) -> None:
    evil = "<img src=x onerror=alert(1)><script>document.title='owned'</script>"
    base = healthy()
    sources = (replace(make_source(f"shop/{evil}"), kind=evil, notes=(evil,)),)
    browser.look(1280, 800)
    browser.open(server.url)
    running = (replace(base.running[0], message=evil),)
    server.state = complete(replace(base, bulletin=Bulletin(sources), config_error=evil, running=running))
    browser.come_back()
    browser.wait_for("document.querySelector('.needs')?.innerText.includes('onerror')")
    assert browser.run("document.images.length") == 0
    assert browser.run("document.scripts.length") == 1
    assert "owned" not in browser.run("document.title")
    assert browser.complaints == []


def test_a_viewer_with_a_wrong_clock_sees_how_long_ago_it_was(browser: Browser, server: StatusServer) -> None:
    assert abs(datetime.now(UTC) - NOW) > timedelta(hours=1)
    browser.look(1280, 800)
    browser.open(server.url)
    assert re.fullmatch(r"\d\d s ago", browser.run("document.querySelector('header time').innerText"))
