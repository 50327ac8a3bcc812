"""Everything that can be looked at before anything is at stake: keys, store, clock and sources of the configuration."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import groupby

from drkit.config import System
from drkit.config.permissions import is_readable
from drkit.errors import CaptureError, ConfigError, Denied, DrkitError, StoreError
from drkit.keyring import Ask, open_keyring, open_recipients, open_signers, open_signing_key
from drkit.model import Finding
from drkit.notify.courier import open_addresses, read
from drkit.notify.ping import spell
from drkit.ports import Clock, Store
from drkit.stores.lockprobe import probe_lock
from drkit.stores.probe import RESERVED, measure_offset, probe
from drkit.wiring import BRIEF, Source

LARGEST_SKEW = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Checked:
    """A finding, what it is about, and the exit code that its failure deserves."""

    subject: str
    finding: Finding
    exit_code: int


def check_sources(sources: Sequence[Source], clock: Clock, token: str, ask: Ask) -> Iterator[Checked]:
    for _, group in groupby(sources, key=lambda source: source.system.name):
        mine = list(group)
        system = mine[0].system
        for finding in _told(lambda: _check_keys(system, ask), "keys"):  # noqa: B023  used before the next round
            yield Checked(system.name, finding, ConfigError.exit_code)
        for finding in _told(lambda: _check_store(mine[0], clock, token), "store"):  # noqa: B023
            yield Checked(system.name, finding, StoreError.exit_code)
        for seen in mine[0].replicas():
            for finding in _told(lambda: _check_replica(seen, clock, token), f"replica {seen.store_name()}"):  # noqa: B023
                yield Checked(system.name, finding, StoreError.exit_code)
        for finding in _check_notify(system):
            yield Checked(system.name, finding, ConfigError.exit_code)
        for source in mine:
            for finding in _told(lambda: _check_ping(source), "ping"):  # noqa: B023
                yield Checked(source.name, finding, ConfigError.exit_code)
            for finding in _told(lambda: source.engine().check(), "source"):  # noqa: B023
                yield Checked(source.name, finding, CaptureError.exit_code)


def _told(look: Callable[[], Iterator[Finding]], what: str) -> Iterator[Finding]:
    """A check that cannot even be made is a finding too."""
    try:
        yield from look()
    except DrkitError as error:
        yield Finding(what, False, str(error), error.hint)


def _check_keys(system: System, ask: Ask) -> Iterator[Finding]:
    table, signers, recipients = system.table.encryption, open_signers(system), open_recipients(system)
    for reference in filter(None, (table.signing_key, *table.identity)):
        if reference.startswith("file:") and is_readable(system.path(reference.removeprefix("file:"))):
            # ours alone would be refused where it is read
            yield Finding("key file", True, f"everybody on this machine can read {reference}: let its owner close it")
    yield Finding("recipients", True, f"{len(recipients)} can open what is captured")
    if table.signing_key:
        signer = open_signing_key(system).signer()
        yield Finding(
            "signing key",
            signer in signers,
            "restores accept what it signs" if signer in signers else f"encryption.signers lacks {signer}",
            "add the content of the `signer` file beside the signing key to encryption.signers",
        )
    if table.identity:
        keyring = open_keyring(system, ask)
        opens = any(identity.recipient() in recipients for identity in keyring.identities)
        yield Finding(
            "identity",
            opens,
            "it opens what is captured" if opens else "it belongs to none of encryption.recipients",
            "add its recipient, or point encryption.identity to the right file",
        )


def _check_replica(seen: Source, clock: Clock, token: str) -> Iterator[Finding]:
    """Where backups are made it must take what is copied to it. Elsewhere it is only looked at: it may let us put
    nothing there."""
    name, replica = f"replica {seen.store_name()}", seen.store(BRIEF)
    found = next(replica.list(), None)
    yield Finding(name, True, "it can be listed" if found else "it can be listed, and is empty yet")
    yield _lies_elsewhere(name, seen.at_home().store(BRIEF), replica, token)
    if seen.system.table.encryption.signing_key:
        yield _takes_objects(name, replica, token)
        if lock := seen.lock():
            for each in probe_lock(replica, lock, token, clock):
                yield replace(each, check=f"{name}: {each.check}")


def _lies_elsewhere(name: str, store: Store, replica: Store, token: str) -> Finding:
    """Two URLs may lead to one place: by a link, another name of a server, a prefix that is spelled differently."""
    key = f"{RESERVED}/{token}/here"
    try:
        store.put(key, iter([b"is this seen in the replica?"]))
        same = any(replica.list(key))
    finally:
        with suppress(Denied):
            store.delete([key])
    return Finding(
        name,
        not same,
        "it is the very place that the store is" if same else "it is another place than the store",
        "a copy that goes with the original is none: name another bucket, in another region, of another account",
    )


def _takes_objects(name: str, replica: Store, token: str) -> Finding:
    key = f"{RESERVED}/{token}/replica"
    hint = "let its role put objects, or backups stay in one place; drkit needs no right to delete there but to prune"
    try:
        replica.put(key, iter([key.encode()]))
    except StoreError as error:
        return Finding(name, False, f"it takes no object: {error}", f"{hint}. {error.hint}".strip())
    try:
        replica.delete([key])
    except StoreError:
        return Finding(name, True, f"it takes objects, and lets none be deleted: {key} stays there")
    return Finding(name, True, "it takes objects, and lets them be deleted")


def _check_notify(system: System) -> Iterator[Finding]:
    """Nothing is sent: `drkit notify --test` does."""
    for each in read(open_addresses(system)):
        step = each.hint or "see https://github.com/caronc/apprise for what such a URL looks like"
        yield Finding("notify", each.told, f"{each.name}: {each.why or 'it is understood'}", step)


def _check_ping(source: Source) -> Iterator[Finding]:
    if ping := source.table.ping_url or source.system.table.notify.ping_url:
        urls = spell(ping, source.system.resolve, source.system.name, source.key)
        yield Finding("ping", True, f"its {', '.join(urls)} can be told" if urls else "nothing is told")


def _check_store(source: Source, clock: Clock, token: str) -> Iterator[Finding]:
    table, store, lock = source.system.table.encryption, source.store(), source.lock()
    yield from probe(store, token, only_puts=bool(table.signing_key) and not table.identity)
    if lock:
        yield from probe_lock(store, lock, token, clock)
    skew = abs(measure_offset(store, clock, token))
    yield Finding(
        "clock",
        skew <= LARGEST_SKEW,
        f"{skew.total_seconds():.1f} s from the store's",
        "set this machine's clock by NTP: points in time are only as true as it is",
    )
