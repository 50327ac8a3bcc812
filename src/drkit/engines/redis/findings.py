"""What a capture will need, looked at before anything is at stake. No snapshot is taken for it."""

from collections.abc import Iterator
from pathlib import Path

from drkit.engines.redis.capture import Method
from drkit.engines.redis.facts import Facts, look_at
from drkit.engines.redis.line import Line, Server
from drkit.engines.redis.programs import find_programs
from drkit.engines.redis.refusals import SCAN_HINT, Refused
from drkit.engines.redis.words import counted
from drkit.errors import DrkitError
from drkit.model import Finding
from drkit.ports import Clock

_FIRST_CHECKED = 7  # from this version on a wrong offset is refused before anything is begun


def look_ahead(server: Server, method: Method, programs: Path | None, lent: bool, clock: Clock) -> Iterator[Finding]:
    """Ends at the first finding that makes the others pointless."""
    try:
        with server.line() as line:
            facts = look_at(line, clock)
            keys = sum(facts.databases.values())
            yield Finding("server", True, f"{server} is {facts.name}, with {counted(keys, 'key')}")
            yield _standing(facts)
            yield _may_replicate(line, facts) if method == "sync" else _may_scan(line)
    except DrkitError as error:
        yield Finding("server", False, str(error), error.hint)
        return
    if facts.offset is None:
        yield Finding("time", True, "its user may not ask for TIME: a moment may be some seconds off; allow +time")
    if not server.address.tls and not _is_near(server):
        yield Finding("encryption", True, "what is captured crosses the network in plain: rediss:// encrypts it")
    found = ", ".join(map(str, find_programs(programs)))
    if not lent:
        told = f"drills on this machine can use {found}" if found else "drills need redis-server, which is not here"
        yield Finding("drills", True, told)


def _standing(facts: Facts) -> Finding:
    if not facts.said:
        return Finding("standing", True, "its user may not ask for INFO: whether it is a replica is not known")
    if facts.said.get("loading") == "1":
        return Finding("standing", False, "it is loading its data", "try again when it is ready")
    if facts.replica and not facts.linked:
        return Finding(
            "standing", False, "it is a replica that has lost its master", "mend its link, or name the master"
        )
    if facts.cluster:
        return Finding("standing", True, "it is a node of a cluster: name each master as a source of its own")
    return Finding("standing", True, "it is a replica" if facts.replica else "it is a master")


def _may_replicate(line: Line, facts: Facts) -> Finding:
    if facts.major < _FIRST_CHECKED:
        return Finding(
            "replication", True, "whether it is allowed the first backup shows: this version cannot be asked"
        )
    try:
        line.call("REPLCONF", "capa", "eof")
        line.call("PSYNC", "?", "drkit-asks")
    except Refused as refused:
        if not refused.forbidden and not refused.unknown:
            return Finding("replication", True, "its user may replicate")
        return Finding("replication", False, f"{line.server} does not let its user replicate", SCAN_HINT)
    return Finding("replication", False, "the server speaks no replication protocol that drkit knows", SCAN_HINT)


def _may_scan(line: Line) -> Finding:
    for words in (("SCAN", 0, "COUNT", 1), ("DUMP", "drkit:nothing"), ("INFO", "keyspace")):
        answer = line.ask([words])[0]
        if isinstance(answer, Refused):
            hint = "ACL SETUSER … ~* +scan +dump +pexpiretime +select +multi +exec +info +time +function|dump"
            return Finding("scan", False, f"its user may not run {words[0]}", hint)
    return Finding("scan", True, "its user may read key by key; that is not one moment")


def _is_near(server: Server) -> bool:
    return bool(server.address.socket) or server.address.host in ("localhost", "127.0.0.1", "::1")
