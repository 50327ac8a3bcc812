"""Where the daemon is told to listen, read as it is written or refused with the way to write it."""

import pytest

from drkit.daemon.http import parse_listen
from drkit.errors import UsageError


@pytest.mark.parametrize(
    ("text", "shown", "loopback"),
    [
        ("127.0.0.1:8321", "127.0.0.1:8321", True),
        ("localhost:8321", "127.0.0.1:8321", True),
        ("127.8.9.1:1", "127.8.9.1:1", True),
        ("[::1]:8321", "[::1]:8321", True),
        ("0.0.0.0:8321", "0.0.0.0:8321", False),
        ("[::]:65535", "[::]:65535", False),
        (" 10.0.0.7:0 ", "10.0.0.7:0", False),
    ],
)
def test_an_address_with_a_port_is_read(text: str, shown: str, loopback: bool) -> None:
    address = parse_listen(text)
    assert (str(address), address.is_loopback) == (shown, loopback)
    assert (address.hosts is not None) == loopback


@pytest.mark.parametrize(
    "text",
    [
        "",
        "8321",
        ":8321",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:x",
        "127.0.0.1:-1",
        "127.0.0.1:65536",
        "::1:8321",
        "[127.0.0.1]:8321",
        "[::1]",
        "example.org:80",
        "127.0.0.1:８",
        "*:8321",
    ],
)
def test_anything_else_is_refused_with_the_way_to_write_it(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_listen(text)
    assert "127.0.0.1:8321" in refused.value.hint
    assert text in str(refused.value)
