"""The daemon's HTTP over a real socket: who gets in, what is told to whom, and what every answer carries."""

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from threading import get_ident
from urllib.request import urlopen

import pytest

from drkit.daemon.http import make_app, parse_listen, serve
from drkit.daemon.model import State
from drkit.errors import UsageError
from status_server import StatusServer, basic, status_server
from status_states import NOW, healthy, many, troubled

TOKEN = "correct horse battery staple"
PATHS = ("/", "/status.json", "/status.js", "/metrics", "/readyz", "/healthz")
GUARDED = ("/", "/status.json", "/metrics")


@pytest.fixture(scope="module")
def open_server() -> Iterator[StatusServer]:
    with status_server(healthy()) as server:
        yield server


@pytest.fixture(scope="module")
def locked() -> Iterator[StatusServer]:
    with status_server(troubled(), TOKEN) as server:
        yield server


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/status.json", "application/json"),
        ("/status.js", "text/javascript; charset=utf-8"),
        ("/metrics", "text/plain; version=0.0.4; charset=utf-8"),
        ("/readyz", "text/plain; charset=utf-8"),
        ("/healthz", "text/plain; charset=utf-8"),
    ],
)
def test_each_path_answers_in_its_own_kind(open_server: StatusServer, path: str, kind: str) -> None:
    answer = open_server.ask(path)
    assert (answer.status, answer.headers["content-type"]) == (200, kind)
    assert answer.body


@pytest.mark.parametrize("path", [*PATHS, "/nowhere"])
def test_every_answer_keeps_browsers_on_a_short_leash(open_server: StatusServer, path: str) -> None:
    headers = open_server.ask(path).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == "'self'"
    assert policy["img-src"] == "data:"
    assert policy["style-src"].startswith("'sha256-")
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"
    assert "server" not in headers


@pytest.mark.parametrize("path", PATHS)
def test_head_is_get_without_the_body(open_server: StatusServer, path: str) -> None:
    whole, head = open_server.ask(path), open_server.ask(path, "HEAD")
    assert (head.status, head.body) == (whole.status, b"")
    assert head.headers["content-length"] == str(len(whole.body))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
def test_nothing_can_be_done_but_reading(open_server: StatusServer, method: str) -> None:
    answer = open_server.ask("/", method)
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", ["/nowhere", "/readyz/", "//evil.example/", "/../etc/passwd", "/status.css"])
def test_what_is_not_there_is_not_found_and_leads_nowhere(open_server: StatusServer, path: str) -> None:
    answer = open_server.ask(path)
    assert answer.status == 404
    assert "location" not in answer.headers
    assert "evil" not in answer.text


def test_nothing_of_the_question_is_in_the_answer(open_server: StatusServer) -> None:
    for path in PATHS:
        assert "surelynot" not in open_server.ask(f"{path}?q=surelynot", Referer="http://surelynot/").text


@pytest.mark.parametrize("host", ["localhost:9000", "127.0.0.1", "[::1]:8321", "LOCALHOST"])
def test_on_loopback_its_own_names_are_answered_to(open_server: StatusServer, host: str) -> None:
    assert open_server.ask("/", Host=host).status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8321", "localhost.evil.example", "127.0.0.1.nip.io", "", "["]
)
def test_a_domain_that_was_pointed_at_loopback_is_shown_nothing(open_server: StatusServer, host: str) -> None:
    answers = [open_server.ask(path, Host=host) for path in PATHS]
    assert {answer.status for answer in answers} == {421}
    assert all("orders" not in answer.text for answer in answers)


@pytest.mark.parametrize("path", GUARDED)
def test_without_the_token_a_browser_is_told_to_ask_for_it(locked: StatusServer, path: str) -> None:
    answer = locked.ask(path)
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith('Basic realm="drkit"')
    assert "orders" not in answer.text
    assert locked.ask(path, "HEAD").status == 401


@pytest.mark.parametrize(
    "shown", [f"Bearer {TOKEN}", f"bearer {TOKEN}", basic("anybody", TOKEN), basic("", TOKEN)], ids=range(4)
)
@pytest.mark.parametrize("path", GUARDED)
def test_the_token_opens_as_bearer_and_as_anybodys_password(locked: StatusServer, path: str, shown: str) -> None:
    assert locked.ask(path, Authorization=shown).status == 200


@pytest.mark.parametrize(
    "shown",
    [
        "Bearer",
        "Bearer wrong",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        basic(TOKEN, ""),
        basic(TOKEN, "wrong"),
        "Basic",
        "Basic !!!",
        "Basic \xe9",
        "Basic Zm9v",
        f"Digest {TOKEN}",
        TOKEN,
    ],
)
def test_what_is_not_the_token_opens_nothing(locked: StatusServer, shown: str) -> None:
    assert {locked.ask(path, Authorization=shown).status for path in GUARDED} == {401}


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/status.js"])
def test_probes_and_the_script_never_need_the_token(locked: StatusServer, path: str) -> None:
    assert locked.ask(path).status in (200, 503)


def test_health_says_only_that_it_lives(locked: StatusServer) -> None:
    answer = locked.ask("/healthz")
    assert (answer.status, answer.text) == (200, "ok\n")


def test_readiness_is_one_word_when_all_is_well(open_server: StatusServer) -> None:
    answer = open_server.ask("/readyz")
    assert (answer.status, answer.text) == (200, "ready\n")
    assert json.loads(open_server.ask("/readyz?format=json").body) == {"ready": True, "reasons": []}


def test_readiness_tells_strangers_who_is_in_trouble_and_no_error(locked: StatusServer) -> None:
    answer = locked.ask("/readyz")
    assert answer.status == 503
    assert "shop/orders: backup failed\n" in answer.text
    told = locked.ask("/readyz", Accept="application/json")
    assert told.status == 503
    assert all(set(reason) == {"subject", "kind"} for reason in json.loads(told.body)["reasons"])
    assert "db.internal" not in answer.text + told.text


def test_readiness_tells_all_to_who_shows_the_token(locked: StatusServer) -> None:
    lines = locked.ask("/readyz", Authorization=f"Bearer {TOKEN}").text.splitlines()
    assert any(line.startswith("shop/orders: backup failed: ") and "db.internal" in line for line in lines)
    assert len(lines) == 6


def test_an_empty_token_is_refused_rather_than_given_to_everybody() -> None:
    with pytest.raises(UsageError):
        make_app(healthy, lambda: NOW, lambda *_: "", token="")


def test_the_json_shows_what_the_page_shows(locked: StatusServer) -> None:
    told = json.loads(locked.ask("/status.json", Authorization=f"Bearer {TOKEN}").body)
    assert told["ready"] is False
    assert [each["source"] for each in told["sources"] if not each["healthy"]] == [
        "shop/orders",
        "shop/ledger",
        "erp/attachments",
    ]
    assert {"backup", "verify"} == {each["job"] for each in told["running"]}
    assert next(each for each in told["sources"] if each["source"] == "shop/orders")["rpo"]["met"] is False


def test_what_is_served_changes_with_the_state() -> None:
    with status_server(healthy()) as server:
        assert "all 6 sources are well" in server.ask("/").text
        server.state = troubled()
        assert "3 of 6 sources need you" in server.ask("/").text
        assert server.ask("/readyz").status == 503


def test_a_long_page_is_squeezed_for_who_can_open_it() -> None:
    with status_server(many()) as server:
        squeezed, plain = server.ask("/", Accept_Encoding="gzip"), server.ask("/")
    assert squeezed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert len(squeezed.body) * 5 < len(plain.body)


def test_a_bug_ends_in_a_500_without_details_and_in_the_daemons_log() -> None:
    def fails() -> str:
        raise RuntimeError("sentinel")

    with status_server(healthy()) as server:
        server.metrics = fails
        answer = server.ask("/metrics")
        assert server.ask("/healthz").status == 200
    assert answer.status == 500
    assert "sentinel" not in answer.text
    assert any("sentinel" in complaint for complaint in server.complaints)


def test_the_state_is_asked_for_where_it_changes() -> None:
    """A thread that looked at it while the daemon's loop changes it would see half of both."""
    threads = set()

    async def ask_all() -> None:
        def state() -> State:
            threads.add(get_ident())
            return healthy()

        app = make_app(state, lambda: NOW, lambda *_: "")
        async with serve(app, parse_listen("127.0.0.1:0"), print) as address:
            for path in PATHS:
                await asyncio.to_thread(lambda at: urlopen(f"http://{address}{at}").read(), path)

    asyncio.run(ask_all())
    assert threads == {get_ident()}


def test_junk_is_refused_and_logged_by_nobody() -> None:
    with status_server(healthy()) as server:
        with socket.create_connection(("127.0.0.1", server.address.port), timeout=30) as client:
            client.sendall(b"\x16\x03\x01 what is this\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 400")
        assert server.ask("/healthz").status == 200
    assert server.complaints == []


def test_it_stops_although_somebody_holds_a_connection_open() -> None:
    with status_server(healthy()) as server:
        idle = socket.create_connection(("127.0.0.1", server.address.port), timeout=30)
        answer = idle.makefile("rb")
        idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert answer.readline().startswith(b"HTTP/1.1 200")
        half = socket.create_connection(("127.0.0.1", server.address.port), timeout=30)
        half.sendall(b"GET / HTTP/1.1\r\n")
    with idle, answer, half:
        assert answer.read().endswith(b"\r\n\r\nok\n")  # and then nothing more comes
    with pytest.raises(ConnectionRefusedError):
        server.ask("/healthz")


def test_a_port_that_is_taken_is_named() -> None:
    async def twice() -> None:
        app = make_app(healthy, lambda: NOW, lambda *_: "")
        async with serve(app, parse_listen("127.0.0.1:0"), print) as address, serve(app, address, print):
            pass

    with pytest.raises(UsageError, match=r"cannot listen on 127\.0\.0\.1:\d+: something listens there already"):
        asyncio.run(twice())


def test_an_address_of_another_machine_is_named() -> None:
    async def elsewhere() -> None:
        async with serve(make_app(healthy, lambda: NOW, lambda *_: ""), parse_listen("192.0.2.1:8321"), print):
            pass

    with pytest.raises(UsageError, match=r"cannot listen on 192\.0\.2\.1:8321: this machine has no such address"):
        asyncio.run(elsewhere())


def test_an_error_of_the_block_comes_out_as_it_is() -> None:
    async def fails() -> None:
        async with serve(make_app(healthy, lambda: NOW, lambda *_: ""), parse_listen("127.0.0.1:0"), print):
            raise UsageError("mine")

    with pytest.raises(UsageError, match="mine"):
        asyncio.run(fails())


def test_signals_stay_the_daemons_own() -> None:
    script = """
import asyncio, os, signal
from drkit.daemon.http import make_app, parse_listen, serve
from drkit.daemon.model import State
from datetime import UTC, datetime

async def main():
    got = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, got.set)
    app = make_app(lambda: State(datetime.now(UTC)), lambda: datetime.now(UTC), lambda *_: "")
    async with serve(app, parse_listen("127.0.0.1:0"), print):
        os.kill(os.getpid(), signal.SIGTERM)
        await got.wait()
    print("ended by itself")

asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "ended by itself\n", "")
