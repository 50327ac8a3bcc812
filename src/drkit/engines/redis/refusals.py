"""What a server, or the way to it, refuses: each in a sentence of our own with the next step, and without a secret.

It reads words; it opens no connection.
"""

import re
import socket
import ssl
from typing import Protocol

from drkit.errors import DrkitError


class Place(Protocol):
    """A server; how it is shown holds no password."""

    @property
    def failure(self) -> type[DrkitError]: ...
    @property
    def lost(self) -> type[DrkitError]: ...


class Refused(Exception):
    """An error that a server answered with, in its own words, which may hold a key's name."""

    @property
    def code(self) -> str:
        return str(self).partition(" ")[0]

    @property
    def unknown(self) -> bool:
        """The server does not have that command, or has hidden it under another name."""
        return "unknown command" in str(self).lower() or "unknown subcommand" in str(self).lower()

    @property
    def forbidden(self) -> bool:
        return self.code == "NOPERM"


SCAN_HINT = (
    "let its user replicate: ACL SETUSER … +psync +replconf +ping +time +info; where the service itself refuses that,"
    ' method = "scan" reads key by key, which is not one moment'
)
_REPLICATING = ("psync", "sync", "replconf")
# The first that fits is meant; the words are those of Redis 6 to 8 and Valkey.
_REFUSALS = (
    ("^(WRONGPASS|ERR invalid password)", "does not accept the user or the password", "look at both in the URL"),
    ("^(NOAUTH|ERR operation not permitted)", "wants a password", "put it into the URL: redis://user:password@host"),
    ("^ERR AUTH .*without any password", "has no password, and one was given", "take it out of the URL"),
    ("^LOADING", "is loading its data", "try again when it is ready"),
    ("^NOMASTERLINK", "is a replica that has lost its master", "mend its link, or name the master"),
    ("^MASTERDOWN", "is a replica that has lost its master", "mend its link, or name the master"),
    (
        "^ERR BGSAVE failed",
        "could not begin a snapshot: its fork failed, for want of memory as a rule",
        "see its log; on Linux vm.overcommit_memory = 1 lets a server with much data fork",
    ),
    ("^READONLY", "is a replica, and lets nobody write", "name its master as the target"),
    ("^MOVED|^CROSSSLOT|^CLUSTERDOWN", "is a node of a cluster", "restore to a file, or to a server of its own"),
    ("^MISCONF", "takes no writes: it cannot store its snapshots", "see its log, and the room on its disk"),
    ("^OOM", "has no memory left", "raise its maxmemory, or name a larger server"),
    ("^NOREPLICAS", "takes no writes: it waits for replicas", "set min-replicas-to-write to 0 until it is filled"),
    ("^(BUSY|UNKILLABLE)", "is busy with a script", "try again when it has ended"),
    (
        "DUMP payload version or checksum",
        "is too old for what was captured",
        "restore to a server of the captured version or a newer one of the same kind",
    ),
    ("Bad data format", "cannot read a value", "it may lack a module that the source has, or be of another kind"),
    ("DB index is out of range", "has fewer databases than what was captured", "raise its setting `databases`"),
    ("max number of clients", "takes no more clients", "try again, or raise its maxclients"),
)


def explain_refused(place: Place, refused: Refused) -> DrkitError:
    words = str(refused)
    if refused.forbidden or refused.unknown:
        command = re.search(r"(?:the|unknown command) ['`]?([\w|]+)", words)
        name = command[1].lower() if command else ""
        hint = SCAN_HINT if name in _REPLICATING else f"ACL SETUSER … +{name or '…'} ~*"
        return place.failure(f"{place} does not let its user run {name.upper() or 'a command'}", hint)
    for fits, sentence, hint in _REFUSALS:
        if re.search(fits, words):
            passing = fits in ("^LOADING", "^(BUSY|UNKILLABLE)", "max number of clients")
            return (place.lost if passing else place.failure)(f"{place} {sentence}", hint)
    return place.failure(f"{place} refused a command: {refused.code}", "look into the server's log")


def explain_lost(place: Place, error: OSError | EOFError) -> DrkitError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return place.failure(
            f"{place} shows a certificate that cannot be verified: {error.verify_message}",
            "name the authority in the URL: ?ssl_ca_certs=/path/to/ca.pem, and the host as the certificate spells it",
        )
    if isinstance(error, ssl.SSLError):
        return place.failure(
            f"{place} and drkit do not agree on TLS", "rediss:// is for servers with TLS, redis:// without"
        )
    if isinstance(error, socket.gaierror):
        return place.lost(f"{place} has a host name that no DNS knows from here", "look at the host in the URL")
    if isinstance(error, ConnectionRefusedError | FileNotFoundError):
        return place.lost(f"{place} refuses connections", "see that the server runs and listens there")
    if isinstance(error, TimeoutError):
        return place.lost(f"{place} does not answer", "look at the network and the firewall between here and there")
    if isinstance(error, EOFError | ConnectionResetError | BrokenPipeError):
        return place.lost(
            f"{place} closed the connection",
            "see its log: it may have ended, speak TLS only (rediss://), or have a too small"
            " client-output-buffer-limit or repl-timeout for its replicas",
        )
    return place.lost(
        f"{place} cannot be reached: {error.strerror or 'the line failed'}", "look at the URL and the network"
    )
