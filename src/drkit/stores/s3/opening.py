"""From a URL to a store: s3://bucket/prefix?region=…&endpoint_url=…&profile=…&path_style=true.

Credentials come by the usual AWS chain and never from the URL.
"""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from socket import inet_aton
from urllib.parse import parse_qsl, unquote, urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from drkit.errors import ConfigError
from drkit.stores.keys import is_key
from drkit.stores.retrying import RetryPolicy
from drkit.stores.s3.store import S3Store

_KNOWN = ("region", "endpoint_url", "profile", "path_style")
_HOW = "Write s3://bucket/prefix?region=eu-west-1, and endpoint_url=https://… for other servers than AWS."
# Where clouds answer every process on a machine with its credentials. A name that leads there is not looked up.
_METADATA = tuple(
    map(ip_network, ("169.254.0.0/16", "168.63.129.16/32", "100.100.100.200/32", "fe80::/10", "fd00:ec2::/32"))
)
_METADATA_NAMES = ("metadata", "metadata.google.internal", "instance-data", "instance-data.ec2.internal")
_CREDENTIALS = "Give credentials by AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, by a profile, or by a role."


def open_s3(url: str, policy: RetryPolicy | None = None) -> S3Store:
    bucket, prefix, options = _parse(url)
    endpoint = options.get("endpoint_url")
    path_style = options.get("path_style", "true" if endpoint else "false") == "true"
    try:
        session = boto3.Session(profile_name=options.get("profile"), region_name=options.get("region"))
        client = session.client(
            "s3",
            endpoint_url=endpoint,
            region_name=session.region_name or ("us-east-1" if endpoint else None),
            config=Config(
                connect_timeout=10,
                read_timeout=60,
                tcp_keepalive=True,
                max_pool_connections=32,
                retries={"mode": "standard", "total_max_attempts": 1},
                # newer checksums than these break other servers than AWS
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                s3={"addressing_style": "path" if path_style else "auto"},
            ),
        )
    except (BotoCoreError, ValueError) as error:
        raise ConfigError(f"The store s3://{bucket} cannot be opened: {type(error).__name__}.", hint=_HOW) from error
    return S3Store(client, bucket, prefix, policy)


def _parse(url: str) -> tuple[str, str, dict[str, str]]:
    try:
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError as error:
        raise ConfigError("The store's URL cannot be read.", hint=_HOW) from error
    if "@" in parts.netloc or "@" in urlsplit(options.get("endpoint_url", "")).netloc:
        raise ConfigError("The store's URL has credentials in it.", hint=_CREDENTIALS)
    if endpoint := options.get("endpoint_url"):
        _refuse_endpoint(endpoint)
    bucket, prefix = parts.netloc, unquote(parts.path).strip("/")
    if not bucket or parts.fragment or (prefix and not is_key(prefix)):
        raise ConfigError("The store's URL does not name a bucket and a plain prefix.", hint=_HOW)
    for option in options:
        if option not in _KNOWN:
            hint = _CREDENTIALS if "key" in option or "token" in option else f"Known are {', '.join(_KNOWN)}."
            raise ConfigError(f"The store's URL has {option!r} in it, which means nothing here.", hint=hint)
    if options.get("path_style", "true") not in ("true", "false"):
        raise ConfigError("path_style in the store's URL is neither true nor false.", hint=_HOW)
    return bucket, prefix, options


def _refuse_endpoint(url: str) -> None:
    """A server of one's own may be anywhere, on a private network or on this machine, but for where it cannot be."""
    try:
        parts = urlsplit(url)
        host, scheme = (parts.hostname or "").rstrip("."), parts.scheme
    except ValueError:
        host = scheme = ""
    if scheme not in ("http", "https") or not host:
        raise ConfigError("endpoint_url in the store's URL is no URL of a server.", hint=_HOW)
    address = _address(host)
    forbidden = address is not None and (
        address.is_unspecified or address.is_multicast or any(address in each for each in _METADATA)
    )
    if forbidden or host in _METADATA_NAMES:
        raise ConfigError(
            f"endpoint_url in the store's URL leads to {host}, where no store is, but a machine's own credentials.",
            hint="Name the S3 server itself; private networks and this machine are allowed.",
        )


def _address(host: str) -> IPv4Address | IPv6Address | None:
    """Also where it is spelled as the system's own resolver takes it: 0xa9fea9fe, 2852039166."""
    try:
        found = ip_address(host.partition("%")[0])
    except ValueError:
        try:
            return IPv4Address(inet_aton(host))
        except OSError:
            return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found
