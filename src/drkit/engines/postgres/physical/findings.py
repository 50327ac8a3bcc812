"""What base backups and a follower will need of the server, looked at before anything is at stake: it only looks."""

from collections.abc import Iterator

from drkit.engines.postgres.facts import look_at_server
from drkit.engines.postgres.physical.options import PhysicalOptions
from drkit.engines.postgres.server import Server
from drkit.errors import CaptureError
from drkit.model import Finding
from drkit.ports import Clock


def look_ahead(server: Server, options: PhysicalOptions, clock: Clock) -> Iterator[Finding]:
    try:
        with server.session() as connection:
            facts = look_at_server(connection, clock, CaptureError)
            yield Finding("server", True, f"{server} is PostgreSQL {facts.version_text}, asked as {facts.role}")
    except CaptureError as error:
        yield Finding("server", False, str(error), error.hint)
