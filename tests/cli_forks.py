"""Runs of drkit forked from one process that has imported it: in all but start-up like `python -m drkit`, and ten times
as cheap. Run as a program it is that process; imported, it starts one, which ends when this one does, and one more for
each clock that a test has set: a library that shows other times must be there before a process begins.
"""

import atexit
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from threading import Lock
from typing import NoReturn

from patience import PATIENCE

_CLOCK = (
    "LD_PRELOAD",
    "FAKETIME_TIMESTAMP_FILE",
    "FAKETIME_NO_CACHE",
    "FAKETIME_DONT_FAKE_MONOTONIC",
    "NO_FAKE_STAT",
    "PYTHONPATH",
)
_one_at_a_time = Lock()


def run(arguments: Sequence[str], folder: Path, environment: Mapping[str, str]) -> tuple[int, str, str]:
    """Exit code, standard output and standard error. There is no terminal and nothing on standard input."""
    with tempfile.TemporaryDirectory() as place, _one_at_a_time:
        out, err = Path(place, "out"), Path(place, "err")
        request = [list(arguments), str(folder), dict(environment), str(out), str(err)]
        server = _server(tuple(sorted((name, environment[name]) for name in _CLOCK if name in environment)))
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(json.dumps(request) + "\n")
        server.stdin.flush()
        answer = server.stdout.readline()
        assert answer, "the process that drkit is forked from has died"
        return int(answer), out.read_text(), err.read_text()


@cache
def _server(clock: tuple[tuple[str, str], ...]) -> "subprocess.Popen[str]":
    environment = {**os.environ, **dict(clock)}
    command = [sys.executable, __file__]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    atexit.register(server.communicate)
    return server


def _serve() -> None:
    import drkit.backup
    import drkit.checkup
    import drkit.cli.app
    import drkit.prune
    import drkit.restore.run
    import drkit.standing
    import drkit.starter  # noqa: F401  all of them, so that no run has to

    while request := sys.stdin.readline():
        if child := os.fork():
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
        else:
            _become(*json.loads(request))


def _become(arguments: list[str], folder: str, environment: dict[str, str], out: str, err: str) -> NoReturn:
    from drkit.cli.app import run as drkit

    signal.alarm(PATIENCE)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None
    for descriptor, name in enumerate((os.devnull, out, err)):
        os.dup2(os.open(name, os.O_RDWR | os.O_CREAT, 0o600), descriptor)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115  for as long as it lives
    code = 70
    try:
        code = drkit(arguments)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve()
