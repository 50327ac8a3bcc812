"""For Python under a clock that a test sets (daemon_runner.Clock): libfaketime 0.9.10 refuses the call by which Python
3.11 and newer sleep (clock_nanosleep by the monotonic clock), so they sleep by another one."""

import select
import time


def _sleep(seconds: float) -> None:
    select.select([], [], [], seconds)


time.sleep = _sleep
