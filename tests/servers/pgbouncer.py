"""A pooler in front of a real PostgreSQL server."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from postgres.programs import as_server_user, give_to_server
from servers.children import free_port, listens, running, wait_until
from servers.postgres import NamedServer

_CONFIG = """\
[databases]
* = host={host} port={port} user={user} password={password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own_port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
{more}
"""


@contextmanager
def pgbouncer(folder: Path, server: NamedServer, **settings: str) -> Iterator[int]:
    """Its port on 127.0.0.1. It lets in everybody, and goes to the server as its superuser."""
    # where Debian has it, and where a user does not look
    program = shutil.which("pgbouncer", path=os.environ["PATH"] + ":/usr/sbin")
    assert program, "pgbouncer is missing: scripts/install-programs"
    port = free_port()
    more = "\n".join(f"{name} = {value}" for name, value in settings.items())
    with TemporaryDirectory(prefix="drkit-pgbouncer-") as home:
        Path(home).chmod(0o711)
        config = Path(home, "pgbouncer.ini")
        config.touch(0o600)
        give_to_server(config)
        config.write_text(
            _CONFIG.format(
                host=server.host,
                port=server.port,
                user=server.superuser,
                password=server.password,
                own_port=port,
                more=more,
            )
        )
        log = folder / f"pgbouncer-{port}.log"
        with running(as_server_user([program, str(config)]), log) as child:
            wait_until(lambda: listens(port), child, log)
            yield port
