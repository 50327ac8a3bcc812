"""`drkit metrics`."""

import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from drkit.cli.call import Call
from drkit.cli.reference import read_reference
from drkit.cli.status import look
from drkit.errors import UsageError
from drkit.secrecy import remember

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from drkit.metrics import Sample
    from drkit.metrics.gateway import Gateway
    from drkit.wiring import Source


def metrics(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="SYSTEM or SYSTEM/SOURCE.")] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write them there, in one stroke, for node_exporter to read.")
    ] = None,
    push: Annotated[
        str | None, typer.Option(metavar="URL", help="Push them to a Pushgateway; env:NAME or file:/path of its URL.")
    ] = None,
    openmetrics: Annotated[bool, typer.Option("--openmetrics", help="In the OpenMetrics format.")] = False,
) -> int:
    """The figures that Prometheus is told, as they are now: where no daemon runs that could be asked for them.

    What cannot be looked at is told as drkit_look_failed, and does not keep the rest from being told; the exit code is
    that of its failure. A promise that is broken is a figure like any other here: `drkit status` ends with 8 for it.

    Examples:  drkit metrics  |  drkit metrics --out drkit.prom  |  drkit metrics --push env:GATEWAY
    """
    call: Call = context.obj
    if push and openmetrics:
        raise UsageError("a Pushgateway does not take OpenMetrics", "leave --openmetrics out")
    if out:
        _insist_on_a_place(out)
    sources = call.select(names)
    gateway = _read_gateway(push, sources) if push else None

    from drkit.bulletin import read_bulletin
    from drkit.metrics import tell_all
    from drkit.metrics.gateway import push as push_to
    from drkit.metrics.text import write
    from drkit.wiring import clock

    seen = look(call, sources)
    samples = list(tell_all(read_bulletin(seen.document), clock()))
    text = write(samples, openmetrics)
    done = []
    if out:
        _write(out, text)
        done.append(f"wrote {out}")
    if gateway:
        push_to(gateway, text)
        done.append(f"pushed to {gateway.shown}")
    if done:
        places = {"file": str(out) if out else None, "pushed": gateway.shown if gateway else None}
        call.console.answer({**places, "samples": len(samples)} | seen.failed.told, "\n".join(done))
    elif call.console.json:
        call.console.answer({"metrics": _describe(samples)} | seen.failed.told, "")
    else:
        sys.stdout.write(text)
    return seen.failed.exit_code


def _read_gateway(given: str, sources: "Sequence[Source]") -> "Gateway":
    from drkit.config.values import is_reference
    from drkit.metrics.gateway import read_gateway

    if is_reference(given):
        url = read_reference("--push", given, "the URL")
        gateway = read_gateway(url, _instance(sources))
        if gateway.user or gateway.password:
            remember(url)
        return gateway
    gateway = read_gateway(given, _instance(sources))
    if gateway.user or gateway.password:
        raise UsageError(
            "--push: a URL with a password is a secret, and others can read command lines",
            "write it into a file or a variable, and give --push file:/path or --push env:NAME",
        )
    return gateway


def _instance(sources: "Sequence[Source]") -> str:
    """What this is about, and not the host: a CronJob's pod has another name each time, and would leave one more
    instance behind that never changes again."""
    asked: dict[str, list[Source]] = {}
    for source in sources:
        asked.setdefault(source.system.name, []).append(source)
    return "+".join(
        system if len(mine) == len(mine[0].system.table.sources) else "+".join(source.name for source in mine)
        for system, mine in sorted(asked.items())
    )


def _insist_on_a_place(out: Path) -> None:
    """A rename would put a file in the place of a link or a device."""
    try:
        plain = stat.S_ISREG(out.lstat().st_mode)
    except FileNotFoundError:
        plain = out.parent.is_dir()
    except OSError:
        plain = False
    if not plain:
        raise UsageError(f"{out} cannot be written as a file", "name a plain file in a folder that is there")


def _write(out: Path, text: str) -> None:
    from drkit.disk.replacement import replace_file

    try:
        replace_file(out, text.encode())
    except OSError as error:
        raise UsageError(
            f"{out} cannot be written: {error.strerror}", "let it be in a folder that this user may write to"
        ) from error


def _describe(samples: "Iterable[Sample]") -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for sample in samples:
        metric = sample.metric
        told = found.setdefault(
            metric.name, {"name": metric.name, "type": metric.kind, "help": metric.help, "samples": []}
        )
        told["samples"].append({"labels": dict(zip(metric.labels, sample.labels, strict=True)), "value": sample.value})
    return list(found.values())
