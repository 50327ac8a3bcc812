"""The report in a real browser: on a desk, on a phone, on paper, by day and by night, and its console stays silent.

Pictures of the last run can be looked at: pytest keeps them below its --basetemp.
"""

import re
import struct
import subprocess
import zlib
from datetime import UTC, date, datetime, timedelta
from html import escape
from pathlib import Path

import pytest

from drkit.report.facts import make_report
from drkit.report.page import draw_page
from drkit.retention import Policy
from report_simulation import ZONE, live_a_year, prune_weekly

NOW = datetime(2026, 11, 1, 0, 10, tzinfo=UTC)


@pytest.fixture(scope="module")
def page() -> str:
    years = [live_a_year(seed, f"shop/s{seed}") for seed in (4, 5, 6)]
    for year in years:
        prune_weekly(year, Policy(within=timedelta(days=20), daily=30), NOW)
    return draw_page(make_report("shop", [year.known() for year in years], date(2026, 10, 1), ZONE, NOW, ["drkit1x"]))


class Browser:
    """Chromium with a profile of its own. `console` is what pages have said to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.console: list[str] = []

    def open(self, page: str, *options: str) -> str:
        path = self.folder / "page.html"
        path.write_text(page)
        command = [
            *("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
            *("--hide-scrollbars", "--enable-logging=stderr", f"--user-data-dir={self.folder / 'profile'}"),
            *options,
            path.as_uri(),
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        self.console += re.findall(r"CONSOLE[:(].*", done.stderr)
        return done.stdout


@pytest.fixture
def browser(tmp_path: Path) -> Browser:
    return Browser(tmp_path)


@pytest.mark.parametrize(("width", "height"), [(1280, 1000), (500, 900)], ids=["desk", "narrow"])
@pytest.mark.parametrize(("scheme", "dark"), [(0, True), (1, False)], ids=["night", "day"])
def test_it_is_drawn_without_a_word_in_the_console(
    page: str, browser: Browser, width: int, height: int, scheme: int, dark: bool
) -> None:
    picture = browser.folder / "picture.png"
    browser.open(
        page,
        f"--window-size={width},{height}",
        f"--blink-settings=preferredColorScheme={scheme}",
        f"--screenshot={picture}",
    )
    assert browser.console == []
    found = Picture(picture.read_bytes())
    assert (found.width, found.height) == (width, height)
    assert found.different_lines > 100
    assert (sum(found.first_pixel) < 3 * 64) == dark


def test_a_console_that_complains_would_be_heard(page: str, browser: Browser) -> None:
    browser.open(page.replace("<main>", '<main style="color:red">'), "--dump-dom")
    assert any("Content Security Policy" in line for line in browser.console)


def test_it_goes_on_a_few_pages_of_paper(page: str, browser: Browser) -> None:
    paper = browser.folder / "report.pdf"
    browser.open(page, f"--print-to-pdf={paper}")
    content = paper.read_bytes()
    assert browser.console == []
    assert content.startswith(b"%PDF-")
    assert 3 <= len(re.findall(rb"/Type /Page\b", content)) <= 12


@pytest.mark.parametrize("width", [360, 390, 768, 1280])
def test_no_screen_has_to_be_scrolled_sideways(page: str, browser: Browser, width: int) -> None:
    frame = f'<iframe width="{width}" height="800" style="border:0" srcdoc="{escape(page)}"></iframe>'
    measure = "document.title=frames[0].document.documentElement.scrollWidth"
    shown = browser.open(f"<!doctype html>{frame}<script>onload=()=>{{{measure}}}</script>", "--dump-dom")
    assert f"<title>{width}</title>" in shown
    assert browser.console == []


class Picture:
    """As much of a PNG as tells a page that was drawn from an empty one."""

    def __init__(self, content: bytes) -> None:
        assert content.startswith(b"\x89PNG")
        self.width, self.height, depth, kind = struct.unpack(">IIBB", content[16:26])
        assert (depth, kind) in ((8, 2), (8, 6))
        bytes_a_line = 1 + self.width * (3 if kind == 2 else 4)
        plain = zlib.decompress(b"".join(_chunks(content, b"IDAT")))
        lines = [plain[at : at + bytes_a_line] for at in range(0, len(plain), bytes_a_line)]
        self.different_lines = len(set(lines))
        self.first_pixel = tuple(lines[0][1:4])  # nothing is before it, so no filter changes it


def _chunks(content: bytes, wanted: bytes) -> list[bytes]:
    found, at = [], 8
    while at < len(content):
        (length,) = struct.unpack(">I", content[at : at + 4])
        if content[at + 4 : at + 8] == wanted:
            found.append(content[at + 8 : at + 8 + length])
        at += length + 12
    return found
