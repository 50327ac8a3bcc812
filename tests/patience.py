"""How a test waits for what others do: for as long as it may take on the slowest machine, and not a moment longer."""

import subprocess
from collections.abc import Callable
from time import monotonic, sleep
from typing import Any, TypeVar

PATIENCE = 120
Found = TypeVar("Found")


def await_true(
    happened: Callable[[], Found],
    child: "subprocess.Popen[Any] | None" = None,
    told: Callable[[], object] = lambda: "",
    pause: float = 0.01,
) -> Found:
    """What it says, once that is true. `child` is who is to bring that about and does not end before, and `told` what
    helps to understand why it does not happen."""
    until = monotonic() + PATIENCE
    while not (found := happened()):
        if child is not None and child.poll() is not None:
            raise AssertionError(f"it ended with {child.returncode}: {child.communicate()} {told()}")
        assert monotonic() < until, f"what the test waits for does not happen: {told()}"
        sleep(pause)
    return found
