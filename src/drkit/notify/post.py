"""The messenger: a process that sends one message by apprise and says how that went. apprise is used here alone.

It gets a letter as JSON on standard input, and answers with JSON on standard output. What apprise and its plugins log
may hold what is in the URL: of that only the status of an answer is passed on.
"""

import json
import logging
import os
import re
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from typing import IO, Any

from drkit.notify.guard import only_public, refusal

_STATUS = re.compile(r"error=(\d{3})\b")
_NO_ANSWER = re.compile(r"connection error|timed? ?out", re.IGNORECASE)


def main() -> None:
    answer = _take_stdout()
    letter = json.load(sys.stdin)
    heard = _Heard()
    _silence(heard)
    with nullcontext(list[str]()) if letter["allow_private"] else only_public(whole_process=True) as refused:
        why = _send(letter, heard)
    json.dump({"why": refusal(refused[0]) if why and refused else why, "refused": bool(refused)}, answer)
    answer.close()


def _send(letter: Mapping[str, Any], heard: "_Heard") -> str:
    """Why it was not told, or nothing. A letter without a body is not sent: it asks whether the URL is understood."""
    from apprise import Apprise, AppriseAsset, NotifyFormat, NotifyType

    asset = AppriseAsset(app_id="drkit", app_desc="drkit", app_url="", async_mode=False, storage_mode="memory")
    try:
        service = Apprise.instantiate(letter["url"], asset=asset)
        if service is None:
            return "it is no URL that apprise understands"
        if not letter["body"]:
            return ""
        told = Apprise(service, asset=asset).notify(
            letter["body"],
            title=letter["title"],
            notify_type=NotifyType(letter["mood"]),
            body_format=NotifyFormat.TEXT,
        )
    except Exception as error:  # noqa: BLE001  a plugin may raise anything, and its words may hold the URL
        return f"it could not be sent: {type(error).__name__}"
    return "" if told else heard.why()


class _Heard(logging.Handler):
    """Keeps what was said until it is known whether it matters; it is never passed on."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(record.getMessage())

    def why(self) -> str:
        said = "\n".join(self._lines)
        if status := _STATUS.search(said):
            return f"the answer was {status[1]}"
        return "there was no connection, or no answer in time" if _NO_ANSWER.search(said) else "it was not accepted"


def _silence(heard: logging.Handler) -> None:
    logging.getLogger("apprise").addHandler(heard)
    logging.getLogger("apprise").propagate = False


def _take_stdout() -> IO[str]:
    """Nobody else in this process writes to where the answer goes."""
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return answer


if __name__ == "__main__":
    main()
