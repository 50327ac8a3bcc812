"""Children, and an interrupt in the one moment in which one runs and nobody has got to know of it."""

import subprocess
import sys

import pytest

from patience import PATIENCE, await_true
from processes import kill, session_of

INTERRUPTED = """
import os, signal, sys
from drkit.streams.process import family
from drkit.streams.shell import run_shell

def run_program(command, environment, _):
    with family() as children:
        children.feed(["/bin/sh", "-c", command], environment, RuntimeError)

def interrupt(_number, _frame):
    raise KeyboardInterrupt

def look(_frame, event, called):
    # the one or the other: Python 3.13 spawns what asks for nothing special
    if event == "c_return" and called.__name__ in ("fork_exec", "posix_spawn"):
        sys.setprofile(None)
        os.kill(os.getpid(), number)

number = int(sys.argv[1])
for each in (signal.SIGTERM, signal.SIGHUP):
    signal.signal(each, signal.SIG_IGN if "deaf" in sys.argv else interrupt)
sys.setprofile(look)
try:
    print("ended", globals()[sys.argv[3]](sys.argv[2], os.environ, str).status)
except KeyboardInterrupt:
    print("interrupted")
"""


def told(*arguments: str) -> str:
    command = [sys.executable, "-c", INTERRUPTED, *arguments]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        out, _ = child.communicate(timeout=PATIENCE)
        await_true(lambda: not session_of(child.pid))
        return out
    finally:
        kill(session_of(child.pid))


# a child of the shell's own ends with a person's command; drkit's own programs are one process
@pytest.mark.parametrize(("start", "nap"), [("run_shell", "sleep 600"), ("run_program", "exec sleep 600")])
@pytest.mark.parametrize("number", ["1", "2", "15"])
def test_an_interrupt_while_a_child_is_started_ends_it(number: str, start: str, nap: str) -> None:
    assert told(number, f"exec >&- 2>&-; {nap}", start) == "interrupted\n"


def test_an_interrupt_that_is_ignored_stays_so_for_the_command_too() -> None:
    assert told("1", "kill -HUP $$; exit 3", "run_shell", "deaf") == "ended 3\n"
