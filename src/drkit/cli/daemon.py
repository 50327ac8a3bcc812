"""`drkit daemon`."""

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from drkit.cli.call import Call

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

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
    from drkit.daemon.service import Options, run_daemon
    from drkit.when import parse_length

    call: Call = context.obj
    options = Options(call.config, workers, parse_length(look_every))
    asyncio.run(run_daemon(options, clock, call.console.log, _nothing))


@asynccontextmanager
async def _nothing(_state: "Callable[[], State]") -> "AsyncIterator[None]":
    yield
