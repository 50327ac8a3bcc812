import shlex
import subprocess
from pathlib import Path

import pytest

from drkit.stores import open_store
from drkit.stores.shell import read_command


@pytest.mark.parametrize("name", ["plain", "with space", "it's", "$HOME;`true`", "ünïcode", "50%"])
def test_the_command_reads_what_the_store_has_put(tmp_path: Path, name: str) -> None:
    url = (tmp_path / name).as_uri()
    open_store(url).put("shop/main/piece.zst.age", iter([b"sealed"]))
    command = read_command(url, "shop/main/piece.zst.age")
    assert subprocess.run(["sh", "-c", command], capture_output=True).stdout == b"sealed"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("s3://bucket", "aws s3 cp s3://bucket/a/b.age -"),
        ("s3://bucket/deep/prefix/", "aws s3 cp s3://bucket/deep/prefix/a/b.age -"),
        ("s3://bucket/back%2Bups", "aws s3 cp s3://bucket/back+ups/a/b.age -"),
        ("s3://bucket/p?region=eu-west-1", "aws --region eu-west-1 s3 cp s3://bucket/p/a/b.age -"),
        (
            "s3://bucket/p?endpoint_url=https%3A%2F%2Fs3.example%3A9000&path_style=true&profile=dr",
            "aws --endpoint-url https://s3.example:9000 --profile dr s3 cp s3://bucket/p/a/b.age -",
        ),
    ],
)
def test_a_bucket_is_read_by_the_aws_program_with_the_urls_own_options(url: str, words: str) -> None:
    assert shlex.split(read_command(url, "a/b.age")) == words.split()


def test_nothing_in_a_url_can_become_a_second_command() -> None:
    command = read_command("s3://bucket/p?region=x%3B%20rm%20-rf%20.%20%24(id)", "a/b.age")
    assert shlex.split(command)[:3] == ["aws", "--region", "x; rm -rf . $(id)"]
