from collections.abc import Iterator

import pytest

from drkit.config.parts import PingTable
from drkit.errors import ConfigError
from drkit.notify.ping import Switch, ping, spell
from servers.receiver import Receiver, close, hang, receiver, redirect_to, refuse, take_get_alone

TOKEN = "uuid-that-is-a-secret"


@pytest.fixture
def server() -> Iterator[Receiver]:
    with receiver() as server:
        yield server


def lines(server: Receiver) -> list[str]:
    return [f"{each.method} {each.path} {each.body}".strip() for each in server.heard]


def test_one_url_stands_for_three() -> None:
    assert spell("https://hc.example/k/{system}-{source}/", str, "shop", "main") == {
        "start": "https://hc.example/k/shop-main/start",
        "success": "https://hc.example/k/shop-main/",
        "failure": "https://hc.example/k/shop-main/fail",
    }
    assert spell("https://x.example/a?b=c", str, "s", "m")["failure"] == "https://x.example/a/fail?b=c"


def test_urls_that_are_given_one_by_one_are_taken_as_they_are() -> None:
    table = PingTable(success="https://kuma.example/push/x?status=up&msg={source}", failure="env:PING")
    urls = spell(table, lambda text: text.replace("env:PING", "http://a.example/{system}"), "shop", "main")
    assert urls == {"success": "https://kuma.example/push/x?status=up&msg=main", "failure": "http://a.example/shop"}


def test_a_reference_to_what_is_no_url_is_refused_without_showing_it() -> None:
    with pytest.raises(ConfigError) as caught:
        spell("env:PING", lambda _: TOKEN, "shop", "main")
    assert TOKEN not in str(caught.value) + caught.value.hint


def test_pings_are_heard_in_their_order_and_a_failure_with_its_words(server: Receiver) -> None:
    switch = Switch(spell(f"http://{server.place}/{TOKEN}", str, "shop", "main"), allow_private=True)
    switch.tell("start")
    switch.tell("failure", "the disk is full")
    switch.tell("success")
    switch.close()
    assert lines(server) == [f"GET /{TOKEN}/start", f"POST /{TOKEN}/fail the disk is full", f"GET /{TOKEN}"]
    assert switch.problems == []


def test_a_server_that_takes_get_alone_hears_of_a_failure(server: Receiver) -> None:
    server.act = take_get_alone
    assert ping(f"http://{server.place}/x", "words", allow_private=True) == ""
    assert lines(server) == ["POST /x words", "GET /x"]


@pytest.mark.parametrize(
    ("act", "problem"),
    [(refuse, "the answer was 500"), (hang, "no answer within 5s"), (close, "RemoteDisconnected")],
)
def test_a_ping_that_fails_says_so_without_its_url(server: Receiver, act, problem: str) -> None:
    server.act = act
    switch = Switch({"success": f"http://{server.place}/{TOKEN}"}, allow_private=True)
    switch.tell("success")
    switch.close()
    assert switch.problems == [f"the ping of its success failed: {problem}"]
    assert TOKEN not in repr(switch)


def test_a_server_that_hangs_holds_nothing_up_and_hears_of_the_end_all_the_same(server: Receiver) -> None:
    server.act = hang
    switch = Switch(spell(f"http://{server.place}/x", str, "shop", "main"), allow_private=True)
    switch.tell("start")
    switch.tell("success")
    switch.close()
    assert lines(server) == ["GET /x/start", "GET /x"]
    assert len(switch.problems) >= 1


def test_telling_does_not_wait_for_the_answer(server: Receiver) -> None:
    server.act = hang
    switch = Switch({"start": f"http://{server.place}/x"}, allow_private=True)
    switch.tell("start")
    server.over.set()
    switch.close()
    assert switch.problems == ["the ping of its start failed: RemoteDisconnected"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_without_leave_nothing_on_this_machine_is_pinged(server: Receiver, host: str) -> None:
    problem = ping(f"http://{host}:{server.port}/{TOKEN}", "", allow_private=False)
    assert "is not a public address: set notify.allow_private" in problem
    assert server.heard == []


def test_without_leave_no_proxy_of_the_environment_is_asked(server: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://{server.place}")
    assert ping("http://192.0.2.1/x", "", allow_private=False).startswith("192.0.2.1 is not a public address")
    assert server.heard == []
    assert ping("http://192.0.2.1/x", "", allow_private=True) == ""
    assert lines(server) == ["GET http://192.0.2.1/x"]


@pytest.mark.parametrize("there", ["ftp://192.0.2.1/x", "file:///etc/passwd", "gopher://192.0.2.1/"])
def test_a_redirect_leads_to_nothing_but_http(server: Receiver, there: str) -> None:
    server.act = redirect_to(there)
    assert ping(f"http://{server.place}/{TOKEN}", "", allow_private=True) in (
        "the answer was 302",
        "unknown url type: ftp",
    )


@pytest.mark.parametrize("url", [f"http://{TOKEN} /x", f"http://a:{TOKEN}/", f"http://127.0.0.1:1/{TOKEN}\n"])
def test_a_broken_url_is_a_problem_that_does_not_show_it(url: str) -> None:
    problem = ping(url, "", allow_private=True)
    assert problem
    assert TOKEN not in problem
