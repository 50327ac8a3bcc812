import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
import requests

from drkit.notify.guard import NotPublic, is_public, only_public
from servers.receiver import Receiver, receiver, redirect_to


@pytest.fixture
def server() -> Iterator[Receiver]:
    with receiver() as server:
        yield server


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.0", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.8.8.8", "168.63.129.16"),
        *("169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.168.1.1", "198.18.0.1"),
        *("224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.51.100.1", "203.0.113.1"),
        *("::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "fe80::1", "fe80::1%eth0", "fc00::1"),
        *(
            "fd00:ec2::254",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
        ),
        *("64:ff9b:1::8.8.8.8", "localhost", "example.com", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", ""),
    ],
)
def test_an_address_that_is_not_public_is_known(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "8.8.8.8",
        "172.32.0.1",
        "100.128.0.1",
        "198.20.0.1",
        "2606:4700::1111",
        "2001:4860::1",
        "64:ff9b::808:808",
    ],
)
def test_a_public_address_is_known(address: str) -> None:
    assert is_public(address)


def test_nothing_on_this_machine_is_reached_in_the_block_and_all_is_before_and_after(server: Receiver) -> None:
    url = f"http://{server.place}/"
    assert requests.get(url, timeout=10).ok
    with only_public() as refused, pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=10)
    assert refused == ["127.0.0.1"]
    assert requests.get(url, timeout=10).ok
    assert len(server.heard) == 2


def test_a_name_that_resolves_to_an_address_of_this_machine_is_refused(server: Receiver) -> None:
    with only_public() as refused, pytest.raises(OSError, match="is not a public address"):
        socket.create_connection(("localhost", server.port), 10)
    assert set(refused) <= {"127.0.0.1", "::1"}
    assert refused


def test_a_name_that_is_given_to_the_socket_itself_is_refused(server: Receiver) -> None:
    with socket.socket() as mine, only_public(), pytest.raises(NotPublic):
        mine.connect(("localhost", server.port))


def test_a_redirect_to_this_machine_is_refused_though_the_first_server_was_reached(server: Receiver) -> None:
    with receiver() as first, requests.Session() as session:
        assert session.get(f"http://{first.place}/before", timeout=10).ok  # the connection stays open
        first.act = redirect_to(f"http://{server.place}/secret")
        with only_public() as refused, pytest.raises(requests.ConnectionError):
            session.get(f"http://{first.place}/then", timeout=10)
    assert [each.path for each in first.heard] == ["/before", "/then"]
    assert refused == ["127.0.0.1"]
    assert server.heard == []


def test_datagrams_and_messages_are_refused_too() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.setblocking(False)
        address = listener.getsockname()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mine, only_public() as refused:
            for send in (
                lambda: mine.sendto(b"hello", address),
                lambda: mine.sendmsg([b"hello"], [], 0, address),
                lambda: mine.connect(address),
                lambda: mine.connect_ex(address),
            ):
                with pytest.raises(NotPublic):
                    send()
        assert len(refused) == 4
        with pytest.raises(BlockingIOError):
            listener.recv(100)


def test_a_local_socket_is_refused() -> None:
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(Path(folder, "socket")))
        listener.listen()
        with socket.socket(socket.AF_UNIX) as mine, only_public() as refused, pytest.raises(NotPublic):
            mine.connect(str(Path(folder, "socket")))
    assert refused == ["a local socket"]


def reaches(server: Receiver) -> bool:
    """In a thread of its own."""
    found = []

    def reach() -> None:
        try:
            with socket.create_connection(("127.0.0.1", server.port), 10):
                found.append(True)
        except NotPublic:
            found.append(False)

    thread = Thread(target=reach)
    thread.start()
    thread.join()
    return found == [True]


def test_other_threads_are_left_alone_unless_the_whole_process_is_meant(server: Receiver) -> None:
    with only_public():
        assert reaches(server)
    with only_public(whole_process=True) as refused:
        assert not reaches(server)
    assert refused == ["127.0.0.1"]
    assert reaches(server)


def test_blocks_may_stand_in_one_another(server: Receiver) -> None:
    with only_public() as outer:
        with only_public() as inner, pytest.raises(NotPublic):
            socket.create_connection(("127.0.0.1", server.port), 10)
        with pytest.raises(NotPublic):
            socket.create_connection(("127.0.0.1", server.port), 10)
    assert (len(outer), len(inner)) == (2, 1)


def test_a_socket_that_was_connected_before_may_be_used(server: Receiver) -> None:
    with socket.create_connection(("127.0.0.1", server.port), 10) as mine, only_public():
        mine.sendmsg([b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"])
        assert mine.recv(100).startswith(b"HTTP/1.1 200")
