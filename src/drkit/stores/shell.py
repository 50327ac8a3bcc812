"""How to read an object without drkit: one shell command a kind of store. Pure text; it opens nothing."""

import shlex
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit


def read_command(url: str, key: str) -> str:
    """A command that writes the object to its standard output."""
    parts = urlsplit(url)
    if parts.scheme != "s3":
        return f"cat {shlex.quote(str(Path(unquote(parts.path)) / key))}"
    given = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    options = [f"--{option} {shlex.quote(given[name])}" for name, option in _OPTIONS.items() if name in given]
    place = "/".join(filter(None, (parts.netloc, unquote(parts.path).strip("/"), key)))
    return " ".join(("aws", *options, "s3", "cp", shlex.quote(f"s3://{place}"), "-"))


_OPTIONS = {"region": "region", "endpoint_url": "endpoint-url", "profile": "profile"}
