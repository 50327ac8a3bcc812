"""Whether what was restored is what was there; and, at the end, whether all that is listed can be restored."""

from datetime import datetime
from time import time
from typing import Any

from engines import Source
from ledger import Wrong
from tally import Tally
from world import Run


def moment_of(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def judge_restored(tally: Tally, source: Source, target: str, run: Run) -> None:
    """By the moment that it says it has reached."""
    told: dict[str, Any] = run.document
    reached = moment_of(told["reached"])
    since, until = reached, reached
    if source.spread:
        until = tally.made.get(source.name, {}).get(told["backup"], time())
    elif told["wanted"] is None:  # the end of a log may hold more than is known to be covered
        until = time()
    _judge(tally, source, target, since, until, f"{told['backup']} of {told['from']} at {told['reached']}")


def judge_found(tally: Tally, source: Source, target: str) -> None:
    """What stands under its final name is whole, whoever was killed."""
    _judge(tally, source, target, 0.0, time(), "what a killed restore left")


def _judge(tally: Tally, source: Source, target: str, since: float, until: float, what: str) -> None:
    try:
        source.judge(target, since, until)
    except Wrong as error:
        tally.lose(f"{source.name}, {what}: {error}")
    except Exception as error:  # noqa: BLE001 - whatever keeps it from being read
        tally.lose(f"{source.name}, {what}: it cannot be read: {type(error).__name__}: {error}")
    else:
        tally.count(tally.checked, source.name)
