"""Whether a scratch server is the source's own server, or a copy of it: drkit makes and drops databases there.

It must not know what for.
"""

import socket
from contextlib import suppress

from drkit.engines.postgres.server import Server
from drkit.errors import ConfigError, NotRestorable

_HINT = "name another server for scratch databases: drkit makes and drops databases there"


def refuse_source(scratch: Server, source: Server) -> None:
    """By place, and by the number that initdb gave to the server, where both tell it: so by another name or through a
    tunnel it is known too, and a standby is known as its primary."""
    if _places(scratch) & _places(source):
        raise ConfigError(f"the scratch server {scratch} is at the same place as the source {source}", _HINT)
    number = _number(scratch)
    if number is not None and number == _number(source):
        raise ConfigError(f"the scratch server {scratch} is the source {source}, or a physical copy of it", _HINT)


def _places(server: Server) -> set[tuple[str, str]]:
    pairs = [each.rpartition(":") for each in str(server).removesuffix(f"/{server.name}").split(",")]
    return {(address, port) for host, _, port in pairs for address in _addresses(host)}


def _addresses(host: str) -> set[str]:
    if host.startswith("/"):
        return {host}
    try:
        return {str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except OSError:  # a name that no DNS knows from here
        return {host.lower()}


def _number(server: Server) -> int | None:
    """None where the server does not answer, or does not tell this role."""
    with suppress(NotRestorable), server.session() as connection:
        [(number,)] = connection.execute("SELECT system_identifier FROM pg_control_system()")
        return int(number)
    return None
