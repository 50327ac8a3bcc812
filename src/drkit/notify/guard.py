"""Nothing reaches an address that is not public while a block says so: it is refused at the socket, so that neither a
name that resolves to one nor a redirect leads there.

It must not know what is sent. What a C library connects by itself, Python does not see.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from socket import AF_INET, AF_INET6

HINT = "set notify.allow_private = true if it is meant to be reached"
_EVENTS = ("socket.connect", "socket.sendto", "socket.sendmsg")
# Spelled out, as what `ipaddress` calls global changed from one Python to the next. 168.63.129.16 answers for Azure.
_SHUT = """
0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 168.63.129.16/32 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24
192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/3
"""
_SHUT_6 = "2001::/23 2001:db8::/32 2002::/16 3fff::/20"  # within what is open
_CLOSED = tuple(map(IPv4Network, _SHUT.split()))
_OPEN = IPv6Network("2000::/3")
_CLOSED_IN_IT = tuple(map(IPv6Network, _SHUT_6.split()))
_NAT64 = IPv6Network("64:ff9b::/96")

_here = threading.local()
_everywhere: list[list[str]] = []


class NotPublic(PermissionError):
    """An OSError, as clients expect one there: they may try another address of the same name."""


@contextmanager
def only_public(*, whole_process: bool = False) -> Iterator[list[str]]:
    """For this thread, or for every thread of the process. Gives what was refused, as libraries swallow errors."""
    _install()
    refused: list[str] = []
    stack = _everywhere if whole_process else _stack_here()
    stack.append(refused)
    try:
        yield refused
    finally:
        stack.pop()


def is_public(host: str) -> bool:
    """Of an address. What is no address, such as a name, is not: nobody knows where it will lead."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address in _NAT64:
        address = IPv4Address(int(address) & 0xFFFFFFFF)  # what a network without IPv4 makes of a public one
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _CLOSED)
    return address in _OPEN and not any(address in network for network in _CLOSED_IN_IT)


@cache
def _install() -> None:
    """Once: Python has no way to take a hook away."""
    sys.addaudithook(_look)


def _look(event: str, arguments: tuple[object, ...]) -> None:
    if event not in _EVENTS or not (guards := [*_everywhere, *_stack_here()]):
        return
    connection, address = arguments
    if address is None:  # it was connected before, and looked at then
        return
    where = _host(getattr(connection, "family", None), address)
    if not is_public(where):
        for refused in guards:
            refused.append(where)
        raise NotPublic(refusal(where))


def refusal(where: str) -> str:
    return f"{where} is not a public address"


def _host(family: object, address: object) -> str:
    if family not in (AF_INET, AF_INET6):
        return "a local socket"
    host = address[0] if isinstance(address, tuple) and address else ""
    return host.decode("ascii", "replace") if isinstance(host, bytes | bytearray) else str(host)


def _stack_here() -> list[list[str]]:
    stack: list[list[str]] = getattr(_here, "stack", [])
    _here.stack = stack
    return stack
