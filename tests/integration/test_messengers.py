"""Messages by real messengers, apprise in each, to real receivers on loopback."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from drkit.notify import courier
from drkit.notify.courier import Address, Delivery, deliver, read
from drkit.notify.message import Message
from servers.receiver import Receiver, accept, close, hang, receiver, redirect_to, refuse

MESSAGE = Message("shop: a backup is overdue", "shop/main: since *yesterday*\nnext: <look>", "failure")
SECRETS = ("tok3n-in-the-path", "pa55word-of-it", "whose-user")


def url_of(server: Receiver) -> str:
    return f"json://{SECRETS[2]}:{SECRETS[1]}@{server.place}/{SECRETS[0]}"


def send(*servers: Receiver, allow_private: bool = True, limit: timedelta = timedelta(seconds=60)) -> list[Delivery]:
    addresses = [Address(f"env:URL_{number}", url_of(server)) for number, server in enumerate(servers)]
    sent = deliver(addresses, MESSAGE, allow_private, limit)
    assert [each.name for each in sent] == [each.name for each in addresses]
    assert not [secret for secret in SECRETS if secret in repr((addresses, sent))]
    return sent


def test_a_message_arrives_as_it_was_written() -> None:
    with receiver() as server:
        assert send(server) == [Delivery("env:URL_0", True)]
    [heard] = server.heard
    body = json.loads(heard.body)
    assert (heard.path, body["title"], body["message"]) == (f"/{SECRETS[0]}", MESSAGE.title, MESSAGE.body)
    assert body["type"] == "failure"


@pytest.mark.parametrize(
    ("act", "why"),
    [
        (refuse, "the answer was 500"),
        (close, "there was no connection, or no answer in time"),
        (hang, "there was no connection, or no answer in time"),
    ],
)
def test_who_cannot_be_told_does_not_keep_the_others_from_being_told(act, why) -> None:
    with receiver(act) as broken, receiver() as whole:
        assert send(broken, whole) == [Delivery("env:URL_0", False, why), Delivery("env:URL_1", True)]
    assert len(whole.heard) == 1


def test_a_receiver_that_hangs_is_given_up_when_the_time_is_up() -> None:
    with receiver(hang) as server:
        [sent] = send(server, limit=timedelta(seconds=1))
    assert sent == Delivery("env:URL_0", False, "it was not told within 1s")


def test_nobody_listens() -> None:
    with receiver() as gone:
        pass
    assert [each.told for each in send(gone)] == [False]


def test_without_leave_nothing_on_this_machine_is_told_and_the_error_says_how_to_give_it() -> None:
    with receiver() as server:
        [sent] = send(server, allow_private=False)
    assert not sent.told
    assert sent.why == "127.0.0.1 is not a public address"
    assert "notify.allow_private" in sent.hint
    assert server.heard == []


def test_without_leave_a_name_of_this_machine_is_not_told_either() -> None:
    with receiver() as server:
        [sent] = deliver([Address("env:URL", f"json://localhost:{server.port}/")], MESSAGE, allow_private=False)
    assert not sent.told
    assert "is not a public address" in sent.why
    assert server.heard == []


def test_a_redirect_is_followed_with_leave_alone() -> None:
    with receiver() as server, receiver(redirect_to(f"http://{server.place}/there")) as first:
        assert [each.told for each in send(first)] == [True]
        assert [each.path for each in server.heard] == ["/there"]


def test_a_proxy_of_the_environment_is_asked_with_leave_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver(accept) as proxy:
        monkeypatch.setenv("http_proxy", f"http://{proxy.place}")
        elsewhere = [Address("env:URL", "json://192.0.2.1/hook")]
        [sent] = deliver(elsewhere, MESSAGE, allow_private=False)
        assert (sent.told, sent.why) == (False, "192.0.2.1 is not a public address")
        assert proxy.heard == []
        assert [each.told for each in deliver(elsewhere, MESSAGE, allow_private=True)] == [True]
        assert [each.path for each in proxy.heard] == ["http://192.0.2.1/hook"]


def test_a_messenger_knows_no_secret_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:sentinel@h/d")
    child = courier._start(allow_private=True)
    try:
        assert b"sentinel" not in Path(f"/proc/{child.pid}/environ").read_bytes()
    finally:
        courier._end(child)


@pytest.mark.parametrize("url", ["", "nonsense", "nosuchthing://x", "https://", "tgram://short", "json://"])
def test_a_url_that_apprise_does_not_understand_is_told_without_it(url: str) -> None:
    [found] = read([Address("env:URL", url)])
    assert found == Delivery("env:URL", False, "it is no URL that apprise understands")


def test_a_url_is_understood_without_anything_being_sent() -> None:
    with receiver() as server:
        found = read([Address("env:A", url_of(server)), Address("env:B", problem="env:B is not set", hint="set it")])
    assert found == [Delivery("env:A", True), Delivery("env:B", False, "env:B is not set", "set it")]
    assert server.heard == []
