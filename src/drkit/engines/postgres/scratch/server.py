"""A throw-away server while it runs: started, asked until it answers, and ended with the block.

It must not know what is loaded into it.
"""

import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

from drkit.disk.processes import PATIENCE
from drkit.engines.postgres.dsn import parse_dsn
from drkit.engines.postgres.refusals import redact
from drkit.engines.postgres.scratch.cluster import PORT, Cluster
from drkit.engines.postgres.scratch.settings import ask_settings
from drkit.errors import NotRestorable

_READY_WITHIN = timedelta(seconds=60)
_BETWEEN_QUESTIONS = timedelta(milliseconds=20)
_LAST_WORDS = 2000


@contextmanager
def serving(cluster: Cluster, settings: Mapping[str, str], dsn: str) -> Iterator[Mapping[str, str]]:
    """The settings that it answers with."""
    with running(cluster, settings) as child:
        yield _ask_until_it_answers(cluster, child, dsn)


@contextmanager
def running(cluster: Cluster, settings: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    own = {
        "hba_file": str(cluster.admission),
        "ident_file": str(cluster.names),
        "port": str(PORT),
        "unix_socket_directories": f'"{cluster.socket}"',
    }
    words = [word for name, value in {**settings, **own}.items() for word in ("-c", f"{name}={value}")]
    with cluster.log.open("wb") as log:
        # a Ctrl-C is for us: we end the server when we are done with it
        child = subprocess.Popen(
            cluster.command("postgres", *words),
            env=cluster.environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield child
    finally:
        child.send_signal(signal.SIGQUIT)  # nothing in it is to be kept
        try:
            child.wait(PATIENCE.total_seconds())
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _ask_until_it_answers(cluster: Cluster, child: subprocess.Popen[bytes], dsn: str) -> Mapping[str, str]:
    server = parse_dsn(dsn, NotRestorable)
    give_up_at = time.monotonic() + _READY_WITHIN.total_seconds()
    while True:
        try:
            return ask_settings(server)
        except NotRestorable as error:
            refusal = error
        with suppress(subprocess.TimeoutExpired):
            child.wait(_BETWEEN_QUESTIONS.total_seconds())
        if child.returncode is not None:
            said = last_words(cluster.log)
            raise NotRestorable(
                f"the scratch server ended with status {child.returncode} before it answered: {said}",
                "look at what it says, and see that memory and disk suffice",
            )
        if time.monotonic() > give_up_at:
            raise NotRestorable(f"{refusal}; its log ends with: {last_words(cluster.log)}", refusal.hint)


def last_words(log: Path) -> str:
    return redact(log.read_bytes()[-_LAST_WORDS:].decode(errors="replace")) if log.exists() else ""
