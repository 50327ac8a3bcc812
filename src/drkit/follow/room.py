"""Whether a server has room for the log that it keeps for drkit, told early: once it gives that up, a hole is left, and
without a limit its disk fills. Pure.
"""

from drkit.errors import CaptureError
from drkit.ports import Regard

_MUCH = 1 << 30  # for one who keeps it without a limit


def find_shortage(regard: Regard, kept: int, *, short: bool) -> CaptureError | None:
    """`kept` is what the server has and the store has not. Where it was `short` before, it is so until much more room
    is there, so that nobody is told again and again."""
    if regard.room is not None and regard.limit is not None:
        if regard.room >= regard.limit * (3 / 4 if short else 1 / 2):
            return None
        return CaptureError(
            f"the server gives up the log that it keeps for drkit after {regard.room / 1e6:,.0f} MB more",
            "see why the store takes so little, or raise max_slot_wal_keep_size while its disk has room",
        )
    if kept <= (_MUCH // 2 if short else _MUCH):
        return None
    return CaptureError(
        f"the server keeps {kept / 1e6:,.0f} MB of log for drkit, without a limit",
        "see why the store takes so little, and watch the free room on the server's disk",
    )
