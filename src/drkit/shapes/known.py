"""Which shapes there are, how one is told from a connection string, and what deserves a word about it. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["postgres", "sqlite"]
_HOST = re.compile(r"(?:@|//|\bhost=)([\w.-]+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Shape:
    """`place` is what people call it."""

    name: str
    kind: Kind
    place: str


SHAPES: Mapping[str, Shape] = {
    each.name: each
    for each in (
        Shape("railway", "postgres", "Railway"),
        Shape("render", "postgres", "Render"),
        Shape("kubernetes", "postgres", "Kubernetes"),
        Shape("neon", "postgres", "Neon"),
        Shape("volume", "sqlite", "a volume"),
    )
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What a schedule is written from. `origin` is a path, or a reference to a DSN, or one without a password;
    `recipient` and `signers` are the public halves of keys. `uploads` is a folder of files beside the database."""

    shape: Shape
    name: str
    origin: str
    store: str
    recipient: str
    signers: tuple[str, ...]
    uploads: str | None = None

    @property
    def variable(self) -> str:
        """What a platform's own variables for this system begin with."""
        return re.sub(r"[^A-Z0-9]", "_", self.name.upper())


def tell_shape(dsn: str, environment: Mapping[str, str]) -> Shape | None:
    """By the host; or by where this runs."""
    host = _host_of(dsn)
    if host.endswith(".neon.tech"):
        return SHAPES["neon"]
    if host.endswith((".railway.internal", ".rlwy.net")):
        return SHAPES["railway"]
    if host.endswith(".render.com") or re.fullmatch(r"dpg-[\w-]+", host):
        return SHAPES["render"]
    return SHAPES["kubernetes"] if "KUBERNETES_SERVICE_HOST" in environment else None


def find_remarks(facts: Facts, dsn: str) -> Iterator[str]:
    """What the first backup would run into. `dsn` may be unknown, and is not repeated."""
    host = _host_of(dsn)
    if facts.shape.name == "neon" and "-pooler." in host:
        yield "that is the pooled endpoint, which breaks snapshots: take the direct one, the host without -pooler"
    if facts.shape.name == "neon" and dsn and "sslmode=" not in dsn:
        yield "the connection string does not insist on TLS: add ?sslmode=require"
    if facts.shape.name in ("railway", "render") and host.endswith(".railway.internal"):
        yield "that host is Railway's private one: it is reached from a service there, and not from here"
    if facts.store.startswith("file:"):
        yield f"a folder does for a first try; what survives {facts.shape.place} is a bucket: s3://bucket/prefix?region=…"


def _host_of(dsn: str) -> str:
    """What follows the last @ of a URL, as a password may hold one."""
    _, at, rest = dsn.rpartition("@")
    match = _HOST.search(f"{at}{rest}")
    return match[1] if match else ""
