import subprocess
import sys
from pathlib import Path

import pytest

from drkit.errors import ConfigError
from drkit.stores import open_store
from drkit.stores.local import LocalStore
from drkit.stores.retrying import RetryingStore


def test_a_file_url_names_an_absolute_folder_that_need_not_be_there(tmp_path: Path) -> None:
    store = open_store(f"file://{tmp_path}/with%20space")
    assert isinstance(store, LocalStore)
    assert not (tmp_path / "with space").exists()
    store.put("a", iter([b"x"]))
    assert (tmp_path / "with space/a").read_bytes() == b"x"


@pytest.mark.parametrize(
    "url",
    [
        "", "/var/lib/drkit", "file:relative", "file://relative/folder", "file://", "file:///a/../b", "file:///a?b=c", "ftp://host/a",
        "s3://", "s3:///prefix", "s3://bucket/a//b", "s3://bucket/a b", "s3://bucket?regoin=x", "s3://bucket?region",
        "s3://bucket?path_style=yes", "s3://bucket#x", "s3://bucket?endpoint_url=nonsense", "s3://bucket?profile=no-such-profile",
        "s3://[bucket/a",
    ],
)  # fmt: skip
def test_a_url_that_names_no_store_is_refused_with_a_hint(url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        open_store(url)
    assert refused.value.hint


@pytest.mark.parametrize(
    "url",
    [
        "s3://AKIAEXAMPLE:hushhush@bucket/a",
        "s3://bucket/a?endpoint_url=https://AKIAEXAMPLE:hushhush@minio.example",
        "s3://bucket/a?aws_secret_access_key=hushhush",
        "s3://bucket/a?session_token=hushhush",
    ],
)
def test_credentials_in_a_url_are_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        open_store(url)
    assert "AWS_ACCESS_KEY_ID" in refused.value.hint
    assert "hushhush" not in f"{refused.value} {refused.value.hint}"


def test_an_s3_url_opens_a_patient_store_without_a_request() -> None:
    assert isinstance(open_store("s3://bucket/a/b/?region=eu-west-1&endpoint_url=http://127.0.0.1:1"), RetryingStore)


def test_opening_a_folder_does_not_import_boto3() -> None:
    program = (
        "import sys; from drkit.stores import open_store; open_store('file:///tmp/x'); print('botocore' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://169.254.169.254", "http://169.254.170.2:80/", "https://[fe80::1]", "http://[fd00:ec2::254]", "http://0.0.0.0:9000",
        "http://[::]:9000", "http://2852039166", "http://0xa9fea9fe", "http://0251.0376.0251.0376", "http://[::ffff:169.254.169.254]",
        "http://metadata.google.internal", "http://METADATA.google.internal.", "http://168.63.129.16", "http://100.100.100.200",
        "http://224.0.0.1", "ftp://minio.example", "file:///etc/passwd", "gopher://minio.example", "//minio.example", "http://",
    ],
)  # fmt: skip
def test_a_store_is_never_where_a_machine_s_own_credentials_are(endpoint: str) -> None:
    with pytest.raises(ConfigError, match="endpoint_url") as refused:
        open_store(f"s3://bucket/a?endpoint_url={endpoint}")
    assert refused.value.hint


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://127.0.0.1:9000",
        "http://localhost:9000",
        "http://10.0.0.7:9000",
        "https://minio.example",
        "http://[::1]:9000",
    ],
)
def test_a_server_of_one_s_own_may_be_on_this_machine_or_a_private_network(endpoint: str) -> None:
    assert isinstance(open_store(f"s3://bucket/a?endpoint_url={endpoint}"), RetryingStore)
