"""The pictures in the documents: pages of a report and of a daemon that the tests made up, as a browser shows them.
Each file carries the hash of the page that it shows, so that a test can tell when it is old.

As a program it draws them anew, with Chromium.
"""

import struct
import subprocess
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from drkit.daemon.page import draw
from drkit.report.facts import make_report
from drkit.report.page import draw_page
from drkit.retention import Policy
from report_simulation import ZONE, live_a_year, prune_weekly
from status_states import NOW, one_in_trouble

FOLDER = Path(__file__).parents[1] / "docs"
_KEY = b"drkit-page"


@dataclass(frozen=True, slots=True)
class Picture:
    draw: Callable[[], str]
    width: int
    height: int


def _report() -> str:
    """October of the simulated year: three sources, one of which broke a promise."""
    now = datetime(2026, 11, 1, 0, 10, tzinfo=UTC)
    years = [live_a_year(seed, f"shop/{name}") for seed, name in ((4, "orders"), (2, "uploads"), (43, "ledger"))]
    for year in years:
        prune_weekly(year, Policy(within=timedelta(days=20), daily=30), now)
    known = [year.known() for year in years]
    return draw_page(make_report("shop", known, date(2026, 10, 1), ZONE, now, ["drkit1x"], "drkit 0.1.0"))


PICTURES: Mapping[str, Picture] = {
    "report.png": Picture(_report, 1000, 470),
    "status.png": Picture(lambda: draw(one_in_trouble(), NOW), 1200, 880),
}


def hash_of(page: str) -> str:
    return sha256(page.encode()).hexdigest()


def shown_in(file: Path) -> tuple[str | None, tuple[int, int]]:
    """The hash of the page that a picture shows, and its size."""
    content = file.read_bytes()
    size = struct.unpack(">II", content[16:24])
    at = content.find(b"tEXt" + _KEY + b"\0")
    start = at + len(b"tEXt" + _KEY + b"\0")
    return (content[start : start + 64].decode() if at >= 0 else None), (size[0], size[1])


def photograph(name: str) -> None:
    picture = PICTURES[name]
    page = picture.draw()
    with TemporaryDirectory() as folder:
        html, png = Path(folder, "page.html"), Path(folder, "page.png")
        html.write_text(page)
        command = (
            "chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --blink-settings=preferredColorScheme=1"
        )
        size = f"--window-size={picture.width},{picture.height}"
        subprocess.run([*command.split(), size, f"--screenshot={png}", html.as_uri()], check=True, capture_output=True)
        _write(FOLDER / name, png.read_bytes(), hash_of(page))


def _write(file: Path, png: bytes, page: str) -> None:
    """With the hash in a chunk of text, which PNG has for such things, before the end."""
    body = b"tEXt" + _KEY + b"\0" + page.encode()
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    end = png.rindex(b"IEND") - 4
    file.write_bytes(png[:end] + chunk + png[end:])


if __name__ == "__main__":
    for each in PICTURES:
        photograph(each)
