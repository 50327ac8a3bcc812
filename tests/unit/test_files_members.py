import hashlib
import json
from typing import Any

import pytest

from drkit.disk.names import printable
from drkit.engines.files.header import header, sparse_map
from drkit.engines.files.member import Member, format_line, parse_line
from drkit.errors import IntegrityError

FILE = Member("a/b", "file", 5, 0o644, 1_700_000_000_123_456_789, 1000, 1000, "ann", "staff", sha256="0" * 64)


def line(**changes: Any) -> bytes:
    said = {**json.loads(format_line(FILE)), **changes}
    return json.dumps(said, separators=(",", ":")).encode() + b"\n"


def test_the_stored_form_of_headers_and_lines_never_changes() -> None:
    """Old backups are restored by making their headers again: this digest may never be adjusted."""
    members = [
        FILE,
        FILE._replace(mtime_ns=1_700_000_000 * 10**9),
        FILE._replace(path="n" * 101, mtime_ns=-1_500_000_000, uid=3_000_000, gid=4_000_000, user="ü", group="g" * 33),
        FILE._replace(path="\udcff" * 120, size=2**34),
        FILE._replace(path="ö\udcff"),
        FILE._replace(size=9_000, data=((10, 20), (4_096, 8))),
        Member(".", "folder", 0, 0o755, 0, 0, 0),
        Member("to", "symlink", 0, 0o777, 1, 0, 0, target="t" * 150),
        Member("other", "hardlink", 0, 0o600, 1, 0, 0, target="a/b", changed=True),
    ]
    written = b"".join(format_line(one) + header(one) for one in members) + sparse_map(members[5])
    assert hashlib.sha256(written).hexdigest() == "b6bb0f1b13d91cb6456d3fe83bdd1cc9a26067c931254e8ce6eb71059215fbee"


@pytest.mark.parametrize(
    "changes",
    [
        {"path": "../x"},
        {"path": "/etc/passwd"},
        {"path": "a/../../x"},
        {"path": "a//b"},
        {"path": "./a"},
        {"path": "a/"},
        {"path": ""},
        {"path": "."},
        {"path": "a\0b"},
        {"path": "\ud800"},
        {"path": 7},
        {"type": "device"},
        {"type": "folder"},
        {"type": ["file"]},
        {"type": "symlink", "target": "x"},
        {"type": "hardlink", "target": "/etc/passwd", "size": 0},
        {"target": "x"},
        {"size": -1},
        {"size": 2**63},
        {"size": 5.0},
        {"size": True},
        {"mode": "99999"},
        {"mode": 420},
        {"mode": "0o44"},
        {"uid": -1},
        {"gid": 2**32 - 1},
        {"mtime_ns": 2**63},
        {"mtime_ns": None},
        {"sha256": "x"},
        {"sha256": None},
        {"changed": 1},
        {"more": 1},
        {"data": [[0, 6]]},
        {"data": [[0, 2], [1, 2]]},
        {"data": [[-1, 2]]},
        {"data": [[0, 0]]},
        {"data": [[0.0, 2]]},
        {"data": [[0]]},
        {"data": 3},
    ],
    ids=str,
)
def test_a_line_that_drkit_would_not_write_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError):
        parse_line(line(**changes))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\n",
        b"{}\n",
        b"[]\n",
        b"null\n",
        b"\xff\n",
        b"[" * 100_000,
        format_line(FILE)[:-1],
        b" " + format_line(FILE),
    ],
)
def test_a_line_that_is_no_entry_is_refused(text: bytes) -> None:
    with pytest.raises(IntegrityError):
        parse_line(text)


def test_a_name_in_a_message_is_one_short_line() -> None:
    assert printable("a\nb\x1b[31m\udcff") == "a\\nb\\x1b[31m\\udcff"
    assert len(printable("x" * 5_000)) < 120
