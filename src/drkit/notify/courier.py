"""Messages on their way: each URL gets a messenger of its own, a process that is dead when its time is up, knows no
other secret than the URL, and cannot take drkit down with it.

It must not know what is in a message.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import timedelta

from drkit.config import System
from drkit.errors import ConfigError
from drkit.notify.guard import HINT
from drkit.notify.message import Message
from drkit.when import format_length

LIMIT = timedelta(seconds=10)
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "PYTHONPATH", "PYTHONHOME")
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
# Where a proxy connects to nobody here can see.
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@dataclass(frozen=True, slots=True)
class Address:
    """`name` is the reference to the URL: parts of that may be secret, its host too. `problem` if there is none."""

    name: str
    url: str = field(default="", repr=False)
    problem: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """How it went with one URL."""

    name: str
    told: bool
    why: str = ""
    hint: str = ""


def open_addresses(system: System) -> list[Address]:
    return [_open(system, reference) for reference in system.table.notify.urls]


def deliver(
    addresses: Sequence[Address], message: Message, allow_private: bool, limit: timedelta = LIMIT
) -> list[Delivery]:
    """All at once, so that it takes no longer than the slowest, and `limit` at most."""
    with ExitStack() as ended:
        sent = []
        for address in addresses:
            child = None if address.problem else _start(allow_private)
            if child:
                ended.callback(_end, child)
            sent.append((address, child, _letter(address, message, allow_private)))
        until = time.monotonic() + limit.total_seconds()
        _hand_over([(child, letter) for _, child, letter in sent if child])
        return [_receive(address, child, until, limit) for address, child, _ in sent]


def read(addresses: Sequence[Address]) -> list[Delivery]:
    """Whether each URL is understood; nothing is sent."""
    return deliver(addresses, Message("", "", "info"), allow_private=False)


def _open(system: System, reference: str) -> Address:
    try:
        return Address(reference, system.resolve(reference))
    except ConfigError as error:
        return Address(reference, problem=str(error), hint=error.hint)


def _start(allow_private: bool) -> "subprocess.Popen[bytes]":
    names = (*_PASSED_ON, *_CERTIFICATES, *(_PROXIES if allow_private else ()))
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "drkit.notify.post"],
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={name: os.environ[name] for name in names if name in os.environ},
        process_group=0,
    )


def _letter(address: Address, message: Message, allow_private: bool) -> bytes:
    words = {"title": message.title, "body": message.body, "mood": message.mood}
    return json.dumps({"url": address.url, "allow_private": allow_private, **words}).encode()


def _hand_over(letters: "Sequence[tuple[subprocess.Popen[bytes], bytes]]") -> None:
    for child, letter in letters:
        if child.stdin is not None:
            with suppress(OSError):  # it has died: seen when its answer is missing
                child.stdin.write(letter)
                child.stdin.close()
            child.stdin = None


def _receive(address: Address, child: "subprocess.Popen[bytes] | None", until: float, limit: timedelta) -> Delivery:
    if child is None:
        return Delivery(address.name, False, address.problem, address.hint)
    try:
        said, _ = child.communicate(timeout=max(0.0, until - time.monotonic()))
        answer = json.loads(said)
    except subprocess.TimeoutExpired:
        return Delivery(address.name, False, f"it was not told within {format_length(limit)}")
    except ValueError:
        return Delivery(address.name, False, f"its messenger ended with status {child.returncode} and no word")
    return Delivery(address.name, not answer["why"], answer["why"], HINT if answer["refused"] else "")


def _end(child: "subprocess.Popen[bytes]") -> None:
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)
    child.communicate()
