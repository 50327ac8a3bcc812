"""Servers that tests share: started at first use, once a run, and stopped with it.

DRKIT_TEST_S3_URL (http://… or https://…, with AWS_* for the credentials) names an S3 server to use instead of radosgw.
DRKIT_TEST_POSTGRES_DSN (a superuser's) names a PostgreSQL server for the tests to which any one is good enough.
"""

import os
import signal
import uuid
from collections.abc import Callable, Iterator

import pytest

pytest.register_assert_rewrite("contract.store_contract", "contract.versioned_contract", "servers", "postgres")

from servers.moto_process import moto_server  # noqa: E402 - after the registration
from servers.postgres import NamedServer, any_server  # noqa: E402
from servers.radosgw import Radosgw, radosgw_server  # noqa: E402
from servers.s3_server import S3Server  # noqa: E402

# who starts them in the background lets them ignore it, and drkit with them
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def moto_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with moto_server(tmp_path_factory.mktemp("moto")) as server:
        yield server


@pytest.fixture(scope="session")
def _radosgw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Radosgw]:
    if named := os.environ.get("DRKIT_TEST_S3_URL"):
        server = S3Server(
            named,
            os.environ["AWS_ACCESS_KEY_ID"],
            os.environ["AWS_SECRET_ACCESS_KEY"],
            ca=os.environ.get("AWS_CA_BUNDLE"),
        )
        yield Radosgw(server, server)
    else:
        with radosgw_server(tmp_path_factory.mktemp("radosgw")) as started:
            yield started


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NamedServer]:
    """One server for all; a test makes databases of its own on it."""
    with any_server(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture(scope="session")
def radosgw_url(_radosgw: Radosgw) -> S3Server:
    return _radosgw.http


@pytest.fixture(scope="session")
def radosgw_https_url(_radosgw: Radosgw) -> S3Server:
    return _radosgw.https


@pytest.fixture(scope="session")
def radosgw_of_ours(_radosgw: Radosgw, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Radosgw]:
    """For tests that need users of their own: a server that was named cannot be given any."""
    if _radosgw.config:
        yield _radosgw
    else:
        with radosgw_server(tmp_path_factory.mktemp("radosgw-users")) as started:
            yield started


@pytest.fixture
def use_server(monkeypatch: pytest.MonkeyPatch) -> Callable[[S3Server], None]:
    """Give this process the credentials of a server as a user would: by the environment, and nothing else."""

    def use(server: S3Server) -> None:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)

    return use


@pytest.fixture(scope="session")
def _shared_buckets() -> dict[S3Server, str]:
    return {}


@pytest.fixture
def place(use_server: Callable[[S3Server], None], _shared_buckets: dict[S3Server, str]) -> Callable[[S3Server], str]:
    """A new prefix in a bucket that tests share, as the URL of a store; quicker than a new bucket."""

    def make(server: S3Server) -> str:
        use_server(server)
        if server not in _shared_buckets:
            _shared_buckets[server] = server.new_bucket()
        return server.url(_shared_buckets[server], f"prod/{uuid.uuid4().hex}")

    return make


@pytest.fixture
def bucket(use_server: Callable[[S3Server], None]) -> Callable[[S3Server], str]:
    """A new bucket on a server, as the URL of a store; from then on this process has the server's credentials."""

    def make(server: S3Server, prefix: str = "", **options: bool) -> str:
        use_server(server)
        return server.url(server.new_bucket(**options), prefix)

    return make
