"""Drills of a source that were due and never ran, written down by whichever command notices."""

from typing import TYPE_CHECKING

from drkit.cli.call import Call

if TYPE_CHECKING:
    from drkit.signing import SigningKey
    from drkit.wiring import Source


def write_down_missed(call: Call, source: "Source", signing_key: "SigningKey") -> list[str]:
    """The keys of the evidence that is new."""
    from drkit.keyring import open_signers
    from drkit.verify.missed import record_missed
    from drkit.wiring import clock

    if source.table.verify is None:
        return []
    return record_missed(
        source.store(),
        source.name,
        source.table.verify,
        source.system.table.timezone,
        signing_key,
        open_signers(source.system),
        clock(),
        call.console.correlation_id,
    )
