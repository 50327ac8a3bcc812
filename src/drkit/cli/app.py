"""The application: its commands, the options that every command takes, and the edge where errors become exit codes."""

import resource
import signal
import sys
import traceback
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer

from drkit import __version__
from drkit.cli import (
    audit,
    backup,
    bisect,
    check,
    completion,
    daemon,
    demo,
    evidence,
    follow,
    init,
    k8s,
    keys,
    log_fetch,
    metrics,
    notify,
    pins,
    prune,
    replicate,
    report,
    restore,
    status,
    undelete,
    verify,
)
from drkit.cli.call import Call, parse_slot
from drkit.cli.console import Console
from drkit.errors import DrkitError

EPILOG = """Options for every command, before or after its name: --config DIR, --json, -v, -q, --no-color.

Exit codes: 0 ok, 2 usage, 3 config, 4 capture failed, 5 store failed, 6 not restorable, 7 integrity,
8 objective missed, 70 a bug, 130 interrupted."""

app = typer.Typer(
    name="drkit",
    help="Backups that are encrypted before they leave the machine, and proven by restoring them.",
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for group in (backup, evidence, keys, verify):
    app.add_typer(group.app, name=group.__name__.rsplit(".", 1)[1])
app.command()(init.init)
app.command()(check.check)
app.command()(follow.follow)
app.command(hidden=True)(log_fetch.log_fetch)
app.command()(restore.restore)
app.command()(bisect.bisect)
app.command()(status.status)
app.command()(metrics.metrics)
app.command()(report.report)
app.command()(notify.notify)
app.command()(audit.audit)
app.command()(prune.prune)
app.command()(replicate.replicate)
app.command()(undelete.undelete)
app.command()(pins.pin)
app.command()(pins.unpin)
app.command()(daemon.daemon)
app.command()(k8s.k8s)
app.command()(demo.demo)
app.command()(completion.completion)


def tell_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"drkit {__version__}\n")
        raise typer.Exit


@app.callback()
def every_command(
    context: typer.Context,
    config: Annotated[
        Path, typer.Option(envvar="DRKIT_CONFIG", help="The folder of the schedules, one TOML file a system.")
    ] = Path("schedules"),
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show a bug's whole traceback.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no notes, only warnings.")] = False,
    no_color: Annotated[bool, typer.Option("--no-color", help="Plain text.")] = False,
    slot: Annotated[str | None, typer.Option("--slot", hidden=True, help="The planned run that this is.")] = None,
    correlation_id: Annotated[
        str | None, typer.Option("--correlation-id", hidden=True, help="What links this run to who began it.")
    ] = None,
    relative_to: Annotated[
        Path | None, typer.Option("--relative-to", hidden=True, help="Where the schedules were copied from.")
    ] = None,
    _version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=tell_version, help="Print the version and leave.")
    ] = False,
) -> None:
    console: Console = context.obj
    console.json, console.quiet, console.verbose, console.color = json, quiet, verbose, not no_color
    console.correlation_id = correlation_id or console.correlation_id
    context.obj = Call(console, config, relative_to, parse_slot(slot) if slot else None)


def hoist(arguments: list[str]) -> list[str]:
    """Options for every command may stand anywhere before `--`; here they move to the front."""
    flags = {"--json", "--verbose", "-v", "--quiet", "-q", "--no-color", "--version"}
    valued = ("--config", "--slot", "--correlation-id", "--relative-to")
    front: list[str] = []
    rest: list[str] = []
    waiting = iter(arguments)
    for argument in waiting:
        if argument == "--":
            rest += [argument, *waiting]
        elif argument in flags or argument.startswith("--config="):
            front.append(argument)
        elif argument in valued:
            front += [argument, *(value for value in [next(waiting, None)] if value is not None)]
        else:
            rest.append(argument)
    return front + rest


def main() -> NoReturn:
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    _leave_no_core()
    signal.signal(signal.SIGTERM, _interrupt)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as nohup sets it
        signal.signal(signal.SIGHUP, _interrupt)
    console = Console()
    completion.prepare_to_answer()
    try:
        code = app(args=hoist(arguments), prog_name="drkit", obj=console, standalone_mode=False)
    except DrkitError as error:
        console.fail(error)
        return error.exit_code
    except typer.TyperException as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # a group without a command: its help is the answer
            typer.echo(error.format_message(), err=True)
            return 2
        console.fail(DrkitError(error.format_message(), "see `drkit --help`, or --help after the command"))
        return 2
    except typer.Abort:
        return 130
    except Exception as error:  # noqa: BLE001  the edge: whatever nobody foresaw is a bug, and says so
        console.fail(DrkitError(f"this is a bug: {type(error).__name__}: {error}", "run it with -v and report it"))
        if console.verbose:
            sys.stderr.write(console.redact(traceback.format_exc()))
        return 70
    if code == 130:
        console.warn("interrupted")
    return code if isinstance(code, int) else 0


def _leave_no_core() -> None:
    """Neither we nor what we start: memory holds keys and what is restored. Linux takes 1 for none even where cores are
    piped to a program, for which 0 is no limit."""
    wanted, (_, most) = 1 if sys.platform == "linux" else 0, resource.getrlimit(resource.RLIMIT_CORE)
    size = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
    resource.setrlimit(resource.RLIMIT_CORE, (size, size))


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
