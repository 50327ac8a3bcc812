"""What is served: a path, and what it shows of the state. Everything is drawn when it is asked for.

The state is asked for in the daemon's own loop, which changes it. What is big is drawn from it in a thread, so that it
does not keep the daemon from its work.
"""

from collections.abc import Callable, Collection
from datetime import datetime

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from drkit.daemon.http.gate import Gate, shows_token
from drkit.daemon.model import State
from drkit.daemon.page import POLICY, SCRIPT, Easel, describe_state
from drkit.daemon.page.document import describe_alarm
from drkit.daemon.readiness import Alarm, find_alarms
from drkit.errors import UsageError

_GUARDED = frozenset({"/", "/status.json", "/metrics"})
_METRICS = "text/plain; version=0.0.4; charset=utf-8"
_WORTH_ZIPPING = 2000


def make_app(
    state: Callable[[], State],
    clock: Callable[[], datetime],
    metrics: Callable[[State, datetime], str],
    token: str | None = None,
    hosts: Collection[str] | None = None,
) -> Starlette:
    """`token` is what the page, its JSON and the metrics ask for, if it is given; `hosts` are those that a request may
    be for, None for any. Health and readiness ask for nothing, but tell errors only to who shows the token."""
    if token == "":
        raise UsageError("the token is empty, so anybody would have it", hint="give one, or none at all")
    easel = Easel()

    async def page(_: Request) -> Response:
        return HTMLResponse(await run_in_threadpool(easel.draw, state(), clock()))

    async def status(_: Request) -> Response:
        return JSONResponse(await run_in_threadpool(describe_state, state(), clock()))

    async def ready(request: Request) -> Response:
        alarms = find_alarms(state(), clock())
        return _answer_ready(alarms, shows_token(request.headers, token), _wants_json(request))

    async def measure(_: Request) -> Response:
        return PlainTextResponse(await run_in_threadpool(metrics, state(), clock()), media_type=_METRICS)

    app = Starlette(
        routes=[
            Route("/", page),
            Route("/status.json", status),
            Route("/status.js", _give_script),
            Route("/metrics", measure),
            Route("/readyz", ready),
            Route("/healthz", _say_alive),
        ],
        middleware=[
            Middleware(Gate, policy=POLICY, token=token, guarded=_GUARDED, hosts=hosts),
            Middleware(GZipMiddleware, minimum_size=_WORTH_ZIPPING, compresslevel=4),
        ],
    )
    app.router.redirect_slashes = False  # what is asked for leads nowhere else
    return app


async def _say_alive(_: Request) -> Response:
    return PlainTextResponse("ok\n")


async def _give_script(_: Request) -> Response:
    return Response(SCRIPT, media_type="text/javascript")


def _answer_ready(alarms: Collection[Alarm], trusted: bool, as_json: bool) -> Response:
    code = 503 if alarms else 200
    if as_json:
        reasons = [describe_alarm(alarm) if trusted else _describe_briefly(alarm) for alarm in alarms]
        return JSONResponse({"ready": not alarms, "reasons": reasons}, code)
    lines = [" ".join(str(alarm).split()) if trusted else f"{alarm.subject}: {alarm.trouble.kind}" for alarm in alarms]
    return PlainTextResponse("".join(f"{line}\n" for line in lines or ["ready"]), code)


def _describe_briefly(alarm: Alarm) -> dict[str, str]:
    return {"subject": alarm.subject, "kind": alarm.trouble.kind}


def _wants_json(request: Request) -> bool:
    asked = request.query_params.get("format")
    return asked == "json" if asked else "application/json" in request.headers.get("accept", "")
