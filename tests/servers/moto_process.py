"""moto's S3 server as a child process."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from servers.children import answers, free_port, running, wait_until
from servers.s3_server import S3Server, clean_environment


@contextmanager
def moto_server(folder: Path, clock: Mapping[str, str] | None = None) -> Iterator[S3Server]:
    """`clock` is the environment of one that a test sets: by it the store stamps what is put."""
    port, log = free_port(), folder / "moto.log"
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with running(command, log, {**clean_environment(), **(clock or {})}) as child:
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/moto-api/"), child, log)
        yield S3Server(f"http://127.0.0.1:{port}", "testkey", "testsecret")
