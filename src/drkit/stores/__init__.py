"""Where sealed bytes are kept. `open_store` turns a URL into a store; boto3 is imported only for one that needs it."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from drkit.errors import ConfigError
from drkit.ports import Store
from drkit.stores.local import LocalStore
from drkit.stores.retrying import RetryingStore, RetryPolicy

_HOW = "Write file:///absolute/folder or s3://bucket/prefix?region=eu-west-1."


def open_store(url: str, policy: RetryPolicy | None = None) -> Store:
    """No request is made and nothing is written: a wrong URL fails here, a wrong key or bucket at the first use."""
    scheme = url.partition(":")[0].lower()
    if scheme == "s3":
        from drkit.stores.s3 import open_s3

        return RetryingStore(open_s3(url, policy), policy)
    if scheme == "file":
        return LocalStore(_folder(url))
    raise ConfigError("The store's URL begins with neither file:// nor s3://.", hint=_HOW)


def _folder(url: str) -> Path:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise ConfigError("The store's URL cannot be read.", hint=_HOW) from error
    if parts.netloc not in ("", "localhost") or parts.query or parts.fragment:
        raise ConfigError("A file store's URL has nothing but an absolute folder in it.", hint=_HOW)
    folder = Path(unquote(parts.path))
    if not folder.is_absolute() or ".." in folder.parts or "\0" in parts.path or "%00" in parts.path:
        raise ConfigError(f"The store's folder {str(folder)!r} is not absolute.", hint=_HOW)
    return folder
