"""What base backups and a follower will need of the server, looked at before anything is at stake: it only looks.

Each finding that is not as it should be names the lines to add.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import psycopg

from drkit.engines.postgres.facts import Facts, look_at_server
from drkit.engines.postgres.physical.basebackup import can_be_incremental
from drkit.engines.postgres.physical.connection import open_line
from drkit.engines.postgres.physical.options import PhysicalOptions
from drkit.engines.postgres.physical.slot import Slot, look_at_slot
from drkit.engines.postgres.server import Server
from drkit.errors import CaptureError
from drkit.lsn import format_lsn
from drkit.model import Finding
from drkit.ports import Clock

_SKEW = timedelta(seconds=5)
_SENDERS = 2  # a base backup and a follower
_SETTINGS = """
SELECT name, setting FROM pg_settings
 WHERE name IN ('wal_level', 'max_wal_senders', 'max_replication_slots', 'max_slot_wal_keep_size', 'wal_keep_size',
                'summarize_wal', 'synchronous_standby_names', 'data_checksums')
"""
_ROLE = """
SELECT rolsuper OR rolreplication, coalesce(host(inet_client_addr()), ''),
       coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false)
  FROM pg_roles WHERE rolname = current_user
"""
_USED = "SELECT (SELECT count(*) FROM pg_stat_replication), (SELECT count(*) FROM pg_replication_slots)"
_RESTART = "and restart the server"


@dataclass(frozen=True, slots=True)
class _Role:
    replicates: bool
    address: str
    encrypted: bool


def look_ahead(server: Server, options: PhysicalOptions, clock: Clock) -> Iterator[Finding]:
    """Ends at the first finding that makes the others pointless."""
    try:
        with server.session() as session:
            facts = look_at_server(session, clock, CaptureError)
            yield Finding("server", True, f"{server} is PostgreSQL {facts.version_text}, asked as {facts.role}")
            if facts.manager:
                yield _managed(facts)
                return
            yield from _look(session, server, options, facts)
    except CaptureError as error:
        yield Finding("server", False, str(error), error.hint)


def _managed(facts: Facts) -> Finding:
    return Finding(
        "physical replication",
        False,
        f"a managed server with the role {facts.manager} admits none, so there can be no continuous log of it",
        'use method = "dump": with backup = "*/15 * * * *" at most 15 minutes, plus the dump and its upload, are lost',
    )


def _look(session: psycopg.Connection, server: Server, options: PhysicalOptions, facts: Facts) -> Iterator[Finding]:
    settings: dict[str, str] = dict(session.execute(_SETTINGS).fetchall())
    [row] = session.execute(_ROLE)
    [(senders, slots)] = session.execute(_USED)
    role, slot = _Role(*row), look_at_slot(session, server, options.slot)
    yield _look_at_clock(facts)
    yield _look_at_role(facts, role)
    yield _look_at_level(settings["wal_level"])
    yield _look_at_senders(int(settings["max_wal_senders"]), senders, slot)
    yield _look_at_slots(int(settings["max_replication_slots"]), slots, slot)
    yield _look_at_line(server, options, facts, role)
    if slot:
        yield _look_at_own_slot(options.slot, slot)
    yield _look_at_limit(int(settings["max_slot_wal_keep_size"]))
    yield _look_at_kept(int(settings["wal_keep_size"]))
    yield _look_at_waiting(options, settings["synchronous_standby_names"])
    if options.incremental:
        yield _look_at_summaries(facts, settings.get("summarize_wal", "off"))
    yield _look_at_checksums(settings["data_checksums"])


def _look_at_clock(facts: Facts) -> Finding:
    side = "ahead of" if facts.ahead > timedelta(0) else "behind"
    told = f"the server's clock is {abs(facts.ahead.total_seconds()):.1f} s {side} ours"
    return Finding("clock", abs(facts.ahead) < _SKEW, told, "set both by NTP: moments are told by the server's clock")


def _look_at_role(facts: Facts, role: _Role) -> Finding:
    told = f"{facts.role} {'may' if role.replicates else 'may not'} replicate"
    return Finding("role", role.replicates, told, f"ALTER ROLE {facts.role} REPLICATION")


def _look_at_level(level: str) -> Finding:
    passed = level in ("replica", "logical")
    return Finding("wal_level", passed, f"it is {level}", f"ALTER SYSTEM SET wal_level = 'replica', {_RESTART}")


def _look_at_senders(most: int, used: int, slot: Slot | None) -> Finding:
    left, needed = most - used, _SENDERS - (1 if slot and slot.active_pid else 0)
    told = f"{left} of {most} are free, and drkit takes up to {needed}"
    hint = f"ALTER SYSTEM SET max_wal_senders = {most + max(0, needed - left)}, {_RESTART}"
    return Finding("max_wal_senders", left >= needed, told, hint)


def _look_at_slots(most: int, used: int, slot: Slot | None) -> Finding:
    passed = slot is not None or used < most
    told = "drkit's is there" if slot else f"{used} of {most} are taken, and drkit needs one"
    return Finding(
        "max_replication_slots", passed, told, f"ALTER SYSTEM SET max_replication_slots = {most + 1}, {_RESTART}"
    )


def _look_at_line(server: Server, options: PhysicalOptions, facts: Facts, role: _Role) -> Finding:
    try:
        with open_line(server, options.slot) as line:
            [(system, _timeline, position, *_)] = line.ask("IDENTIFY_SYSTEM")
    except CaptureError as error:
        kind, where = ("hostssl" if role.encrypted else "host"), _address(role.address)
        admit = f"{kind} replication {facts.role} {where} scram-sha-256" if where else error.hint
        hint = (
            f"add this line to pg_hba.conf and reload it: {admit}" if "pg_hba" in error.hint and where else error.hint
        )
        return Finding("replication connection", False, str(error), hint)
    told = f"the server {system} stands at {position}"
    return Finding("replication connection", True, told)


def _address(address: str) -> str:
    return "" if not address else f"{address}/{128 if ':' in address else 32}"


def _look_at_own_slot(name: str, slot: Slot) -> Finding:
    if slot.restart is None:
        hint = "`drkit follow --anew` makes it anew; then `drkit backup now` makes a base backup"
        return Finding("slot", False, f"the server has given up what it kept for {name}", hint)
    who = f"process {slot.active_pid} follows" if slot.active_pid else "nobody follows"
    return Finding("slot", True, f"{name} keeps the log from {format_lsn(slot.restart)} on, and {who}")


def _look_at_limit(megabytes: int) -> Finding:
    """A limit is advice, as what it protects from is the server's own disk."""
    told = f"the server keeps up to {megabytes:,} MB of log for a follower that is behind"
    if megabytes < 0:
        told = (
            "without a limit: log fills the server's disk if nobody follows for long."
            " ALTER SYSTEM SET max_slot_wal_keep_size = '…' sets one below its free room"
        )
    return Finding("max_slot_wal_keep_size", True, told)


def _look_at_kept(megabytes: int) -> Finding:
    told = f"{megabytes:,} MB besides"
    if not megabytes:
        told = "0: after a fail-over the new server may lack what was not stored yet; '1GB' on standbys helps"
    return Finding("wal_keep_size", True, told)


def _look_at_waiting(options: PhysicalOptions, names: str) -> Finding:
    waits = "*" in names or options.slot in names
    if options.synchronous:
        hint = f"ALTER SYSTEM SET synchronous_standby_names = '{options.slot}', and reload it once `drkit follow` runs"
        told = "COMMIT waits for the store" if waits else f"COMMIT does not wait for {options.slot}"
        return Finding("synchronous_standby_names", waits, told, hint)
    told = (
        f"COMMIT waits for drkit, up to {options.log_interval.total_seconds():g} s" if waits else "COMMIT does not wait"
    )
    hint = "say synchronous = true, or name the standbys that are meant"
    return Finding("synchronous_standby_names", not waits, told, hint)


def _look_at_summaries(facts: Facts, summaries: str) -> Finding:
    if not can_be_incremental(facts.major):
        hint = "leave incremental out: full backups are made"
        return Finding("incremental", False, f"PostgreSQL {facts.version_text} makes none; 17 is the first", hint)
    hint = "ALTER SYSTEM SET summarize_wal = on, and reload it"
    return Finding("summarize_wal", summaries == "on", f"it is {summaries}", hint)


def _look_at_checksums(checksums: str) -> Finding:
    told = "on: a restore shows damaged pages"
    if checksums != "on":
        told = "off: a page that its disk has changed looks good; `pg_checksums --enable` turns them on"
    return Finding("data_checksums", True, told)
