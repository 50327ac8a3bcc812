"""What a schedule does not say of the cluster it runs in, and what of drkit's image the objects rest on.

It must not know any system.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from drkit.errors import UsageError

# These are the Dockerfile's.
USER = 65532
SCHEDULES = PurePosixPath("/etc/drkit/schedules")
TEMPORARY = PurePosixPath("/tmp")  # noqa: S108  a volume of the pod's own

LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_IMAGE = re.compile(r"[A-Za-z0-9][\w.\-/:@]*", re.ASCII)
_QUANTITY = re.compile(r"[1-9]\d*(Mi|Gi|Ti|M|G|T)")
_LABEL_KEY = re.compile(r"([a-z0-9][-a-z0-9.]*/)?[A-Za-z0-9]([-\w.]*[A-Za-z0-9])?", re.ASCII)
_LABEL_VALUE = re.compile(r"[A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?", re.ASCII)
_LAST_PORT, _LAST_USER = 65_535, 2**31 - 1
_CLAIM_HINT = "write SYSTEM/SOURCE=CLAIM,path=/where/the/source/looks[,user=1000][,beside=app=NAME]"


@dataclass(frozen=True, slots=True)
class Claim:
    """An application's volume. `user` is whose files are in it; `beside` is a label of the pod that has it mounted, as
    many volumes can be on one node only."""

    name: str
    path: PurePosixPath
    user: int = USER
    beside: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Room:
    """What may lie in /tmp of a pod that copies or restores: on the node's disk, or on a volume of a storage class."""

    size: str = "20Gi"
    storage_class: str | None = None


@dataclass(frozen=True, slots=True)
class Cluster:
    """`ports` are those that pods may reach besides 53, 443 and, where a database is, 5432. `gateway` is where metrics
    are pushed to: its URL, or a reference to it."""

    image: str
    namespace: str = "drkit"
    verify_namespace: str = "drkit-verify"
    claims: Mapping[str, Claim] = field(default_factory=dict)
    room: Room = Room()
    ports: tuple[int, ...] = ()
    gateway: str | None = None

    def __post_init__(self) -> None:
        if not _IMAGE.fullmatch(self.image):
            raise UsageError(f"{self.image!r} is not the name of an image", "such as registry.example/drkit:0.1.0")
        for name in (self.namespace, self.verify_namespace):
            if not LABEL.fullmatch(name):
                raise UsageError(
                    f"{name!r} is not the name of a namespace", "lower-case letters, digits and -, 63 at most"
                )
        if self.namespace == self.verify_namespace:
            raise UsageError(
                "the identity needs a namespace of its own",
                "or whoever may start a pod beside the backups could read them all: name two",
            )
        for port in self.ports:
            if not 0 < port <= _LAST_PORT:
                raise UsageError(f"{port} is not a port", "it is a number from 1 to 65535")

    @property
    def owns_namespace(self) -> bool:
        """A claim is its application's, and so is the namespace that it is in."""
        return not self.claims


def parse_claim(text: str) -> tuple[str, Claim]:
    """The source that it is of, too."""
    source, _, rest = text.partition("=")
    name, *fields = rest.split(",")
    pairs = [each.partition("=")[::2] for each in fields]
    said = dict(pairs)
    path, user, (key, _, value) = (
        said.pop("path", ""),
        said.pop("user", str(USER)),
        said.pop("beside", "").partition("="),
    )
    fits = (key and _LABEL_KEY.fullmatch(key) and _LABEL_VALUE.fullmatch(value)) or "beside" not in dict(pairs)
    plain = path.startswith("/") and ".." not in PurePosixPath(path).parts and PurePosixPath(path) != PurePosixPath("/")
    if said or len(pairs) > len(dict(pairs)) or not source or not LABEL.fullmatch(name) or not plain or not fits:
        raise UsageError(f"--pvc {text} is not understood", _CLAIM_HINT)
    if not (user.isascii() and user.isdigit() and 0 < int(user) <= _LAST_USER):
        raise UsageError(f"--pvc {text}: {user} is no user, or root, as whom no pod of drkit runs", _CLAIM_HINT)
    return source, Claim(name, PurePosixPath(path), int(user), (key, value) if key else None)


def parse_room(text: str) -> Room:
    size, _, storage_class = text.partition(":")
    if not _QUANTITY.fullmatch(size) or (":" in text and not LABEL.fullmatch(storage_class)):
        raise UsageError(f"--scratch {text} is not understood", "write 50Gi, or 200Gi:STORAGECLASS for a volume")
    return Room(size, storage_class or None)
