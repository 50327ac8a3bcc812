"""Whether a scratch server is the source's own server, or a copy of it: drkit makes and drops databases there.

It must not know what for.
"""

import socket

from drkit.engines.postgres.origin import read_system
from drkit.engines.postgres.server import Server
from drkit.errors import ConfigError

_HINT = "name another server for scratch databases: drkit makes and drops databases there"


def refuse_source(scratch: Server, source: Server | None, system: str | None) -> None:
    """By place, where that is known, and by the number that initdb gave to the captured server: so by another name or
    through a tunnel it is known too, and a standby is known as its primary. The source itself is not asked."""
    if source is not None and _places(scratch) & _places(source):
        raise ConfigError(f"the scratch server {scratch} is at the same place as the source {source}", _HINT)
    with scratch.session() as connection:
        number = read_system(connection)
    if number is not None and number == system:
        raise ConfigError(f"the scratch server {scratch} is the captured one, or a physical copy of it", _HINT)


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
