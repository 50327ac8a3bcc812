"""`drkit daemon`."""

import os
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drkit.cli.call import Call
from drkit.cli.console import Console
from drkit.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from drkit.daemon.http import Address
    from drkit.daemon.model import State


def daemon(
    context: typer.Context,
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", envvar="DRKIT_LISTEN", help="Where the status page and metrics are.")
    ] = "127.0.0.1:8321",
    workers: Annotated[
        int, typer.Option(min=1, max=64, envvar="DRKIT_WORKERS", help="How many jobs may run at once.")
    ] = 4,
    look_every: Annotated[
        str, typer.Option(metavar="LENGTH", envvar="DRKIT_LOOK_EVERY", help="How often all stores are looked at.")
    ] = "15m",
    no_token: Annotated[
        bool, typer.Option("--no-token", help="Show status and metrics to whoever reaches HOST.")
    ] = False,
) -> None:
    """Run what the schedules plan, until it is stopped: backups, restore tests, prune, replication, reports.

    /healthz, /readyz, /metrics and a status page are on HOST:PORT. Beyond this machine the last two need DRKIT_TOKEN or
    DRKIT_TOKEN_FILE. SIGHUP loads the schedules anew, as does a change of their files.

    Examples:  drkit daemon  |  drkit daemon --workers 8 --listen 0.0.0.0:8321  |  DRKIT_CONFIG=/etc/drkit drkit daemon
    """
    import asyncio

    from drkit.clock import clock
    from drkit.daemon.http import parse_listen
    from drkit.daemon.service import Options, run_daemon
    from drkit.when import parse_length

    call: Call = context.obj
    address, token = parse_listen(listen), _read_token()
    if not (address.is_loopback or token or no_token):
        raise UsageError(
            f"{address} can be reached from other machines, and there is no token",
            "give one by DRKIT_TOKEN or DRKIT_TOKEN_FILE, or say --no-token where the network keeps others out",
        )
    options = Options(call.config, workers, parse_length(look_every))
    asyncio.run(run_daemon(options, clock, call.console.log, lambda state: _serve(call.console, state, address, token)))


@asynccontextmanager
async def _serve(
    console: Console, state: "Callable[[], State]", listen: "Address", token: str | None
) -> "AsyncIterator[None]":
    from drkit.clock import clock
    from drkit.daemon.http import make_app, serve
    from drkit.metrics import render

    app = make_app(state, clock, lambda seen, now: render(seen.bulletin, now, seen), token, listen.hosts)
    async with serve(app, listen, lambda complaint: console.log("error", complaint, {})) as address:
        console.tell(f"the status page is on http://{address}/", url=f"http://{address}/")
        yield


def _read_token() -> str | None:
    if file := os.environ.get("DRKIT_TOKEN_FILE"):
        try:
            return Path(file).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"DRKIT_TOKEN_FILE: {file} cannot be read: {error}", "name a file with a token"
            ) from error
    return os.environ.get("DRKIT_TOKEN")
