"""Where the daemon listens, as people write it, and a socket there.

It must not know what is served.
"""

import errno
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from drkit.errors import UsageError

_HINT = "write an address and a port: 127.0.0.1:8321, [::1]:8321, or 0.0.0.0:8321 for all that reach this machine"
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_WHY = {
    errno.EADDRINUSE: ("something listens there already", "stop it, or choose another port with --listen"),
    errno.EADDRNOTAVAIL: ("this machine has no such address", "choose one of its own with --listen"),
    errno.EACCES: ("this user may not listen there", "choose a port above 1023 with --listen"),
    errno.EAFNOSUPPORT: ("this machine does not speak IPv6", "choose an IPv4 address with --listen"),
}


@dataclass(frozen=True, slots=True)
class Address:
    ip: IPv4Address | IPv6Address
    port: int

    def __str__(self) -> str:
        return f"[{self.ip}]:{self.port}" if self.ip.version == 6 else f"{self.ip}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        return self.ip.is_loopback

    @property
    def hosts(self) -> frozenset[str] | None:
        """What the Host of a request may be. On loopback only what cannot be somebody's domain that was pointed here to
        make a browser read the page for others; None means any."""
        return _LOOPBACK_NAMES | {str(self.ip)} if self.is_loopback else None


def parse_listen(text: str) -> Address:
    host, colon, port = text.strip().rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()):
        raise UsageError(f"{text!r} is not an address with a port", hint=_HINT)
    if int(port) > 65535:
        raise UsageError(f"{text!r}: there is no port {port}", hint=_HINT)
    bracketed = host.startswith("[") and host.endswith("]")
    try:
        ip = ip_address("127.0.0.1" if host == "localhost" else host[1:-1] if bracketed else host)
    except ValueError as error:
        raise UsageError(f"{text!r}: {host!r} is not an IP address", hint=_HINT) from error
    if bracketed != (ip.version == 6):
        raise UsageError(f"{text!r}: an IPv6 address stands in brackets, and no other does", hint=_HINT)
    return Address(ip, int(port))


def open_socket(address: Address) -> tuple[socket.socket, Address]:
    """Listening, so that whoever comes before the server waits for it; with the port it got if 0 was asked for."""
    family = socket.AF_INET6 if address.ip.version == 6 else socket.AF_INET
    try:
        opened = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise _cannot(address, error) from error
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a daemon that was restarted gets its port back
        opened.bind((str(address.ip), address.port))
        opened.listen(128)
        opened.setblocking(False)
    except OSError as error:
        opened.close()
        raise _cannot(address, error) from error
    return opened, Address(address.ip, opened.getsockname()[1])


def _cannot(address: Address, error: OSError) -> UsageError:
    why, hint = _WHY.get(error.errno or 0, (error.strerror or str(error), _HINT))
    return UsageError(f"cannot listen on {address}: {why}", hint=hint)
