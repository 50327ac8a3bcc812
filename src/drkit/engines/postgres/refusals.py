"""What a server, or the way to it, refuses: each in a sentence of our own with the next step, and without a secret.

It reads words and SQLSTATEs; it opens no connection.
"""

import re

import psycopg

from drkit.errors import DrkitError

_PASSWORDS = re.compile(r"(password\s*=\s*)('(?:[^'\\]|\\.)*'|\S+)|(://[^:@/\s]*:)[^@/\s]*@", re.IGNORECASE)
_DIRECT = "put the host and port of the database itself into the DSN; for Neon that is the host without `-pooler`"
_ROOT = "name the CA in the DSN (sslrootcert=/path/to/ca.pem), or the host as the certificate spells it"

# libpq gives no SQLSTATE for a connection that did not come about, so its words must do. The first that fits is meant.
_REFUSALS = (
    ("unsupported startup parameter", "is behind a pooler", _DIRECT),
    (
        "password authentication failed|no password supplied|[Pp]eer authentication failed",
        "does not accept the user or the password",
        "look at the user and the password in the DSN",
    ),
    ('database "[^"]*" does not exist', "is not there: the server has no such database", "look at the DSN's last part"),
    ('role "[^"]*" does not exist', "does not know the user", "look at the user in the DSN"),
    (
        "pg_hba.conf (entry|rejects).*replication",
        "admits no replication from here as this user",
        "add a line to the server's pg_hba.conf, `host replication USER ADDRESS scram-sha-256`, and reload it:"
        " a line for `all` databases does not admit replication",
    ),
    (
        "superuser or replication role|permission denied to start WAL sender",
        "does not let this user replicate",
        "ALTER ROLE … REPLICATION",
    ),
    (
        "standby connections exceeds",
        "has no WAL sender left",
        "raise max_wal_senders on the server and restart it, or see in pg_stat_replication who holds them",
    ),
    (
        "no pg_hba.conf entry|pg_hba.conf rejects",
        "lets nobody in from here as this user",
        "add a line to the server's pg_hba.conf; if it asks for encryption, put sslmode=require into the DSN",
    ),
    (
        "could not translate host name|failed to resolve host|getaddrinfo",
        "has a host name that no DNS knows from here",
        "look at the host",
    ),
    ("does not match host name", "shows a certificate for another host", _ROOT),
    ("certificate verify failed|root certificate file", "shows a certificate that cannot be verified", _ROOT),
    (
        "does not support SSL|SSL error|tlsv1 alert|sslv3 alert|certificate",
        "and drkit do not agree on TLS",
        "look at sslmode, sslcert, sslkey and sslrootcert in the DSN",
    ),
    (
        "too many (clients|connections)|remaining connection slots",
        "has no connection left",
        "end some, raise max_connections, or run drkit with jobs = 1",
    ),
    (
        "the database system is|starting up|shutting down|recovery mode",
        "is starting or stopping",
        "try again when it is ready",
    ),
    (
        "not currently accepting connections|permission denied for database",
        "does not let this user connect",
        "GRANT CONNECT ON DATABASE …, or ALTER DATABASE … ALLOW_CONNECTIONS true",
    ),
    (
        "invalid [a-z_]+ value|invalid integer value|bad value for",
        "cannot be asked: a parameter of the DSN has a value that libpq does not know",
        "look at the DSN's parameters, such as sslmode and connect_timeout",
    ),
    ("Connection refused", "refuses connections", "see that the server runs and listens at that host and port"),
    ("No such file or directory", "has no socket there", "see that the server runs, or name its host in the DSN"),
    (
        "timeout expired|timed out|No route to host|Network is unreachable",
        "does not answer",
        "look at the network and the firewall between here and there",
    ),
)
_NO_CONNECTION = re.compile("connection to server (at|on) .* failed|could not translate host name")
_BROKEN = {
    "42501": ("lacks a privilege", "grant it, or connect as a role that has it"),
    "55P03": ("holds a lock that drkit needs", "try again when the lock is gone"),
    "57014": ("cancelled a statement", "look for what cancels statements: a time limit, or somebody"),
    "57P01": ("ended the connection", "see in the server's log who stopped it, and run drkit again"),
    "53100": ("has no room left on its disk", "make room on the server"),
}


def explain_refusal(place: str, words: str, failure: type[DrkitError]) -> DrkitError | None:
    """For the last words of a program: None where they do not tell of a connection that did not come about."""
    return _find(place, words, failure) if _NO_CONNECTION.search(words) else None


def explain_connecting(place: str, words: str, shown: str, failure: type[DrkitError]) -> DrkitError:
    """For the words of libpq. `shown` is `words` as they may be repeated."""
    known = _find(place, words, failure)
    return known or failure(f"{place} cannot be reached: {shown}", "look at the DSN, the network, and pg_hba.conf")


def _find(place: str, words: str, failure: type[DrkitError]) -> DrkitError | None:
    found = ((sentence, hint) for fits, sentence, hint in _REFUSALS if re.search(fits, words))
    return next((failure(f"{place} {sentence}", hint) for sentence, hint in found), None)


def explain_statement(place: str, error: psycopg.Error, words: str, failure: type[DrkitError]) -> DrkitError:
    sentence, hint = _BROKEN.get(error.sqlstate or "", ("refused a statement", "look into the server's log"))
    if not error.sqlstate:
        sentence, hint = "lost the connection", "look into the server's log and at the network, and run drkit again"
    return failure(f"{place} {sentence}: {words}", hint)


def explain_pooler(place: str, failure: type[DrkitError]) -> DrkitError:
    return failure(f"{place} is behind a pooler, which breaks a snapshot that several connections share", _DIRECT)


def redact(text: str, *secrets: str) -> str:
    """A server's or a program's words in one line, without a password that they may repeat."""
    for secret in filter(None, secrets):
        text = text.replace(secret, "***")
    text = _PASSWORDS.sub(lambda match: f"{match[1] or match[3]}***{'@' if match[3] else ''}", text)
    return " ".join(text.split())
