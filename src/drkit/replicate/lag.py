"""How far a replica is behind the store that it is a copy of: what a lost region would cost now.

`judge_lag` decides; `look` reads the one listing and the one manifest that it needs.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from drkit import catalog
from drkit.catalog import Listing
from drkit.catalog.wholeness import check_newest
from drkit.model import Point
from drkit.ports import Store
from drkit.replicate.plan import find_held_back, plan_copy
from drkit.retention import Policy
from drkit.signing import Signer
from drkit.when import misdated


@dataclass(frozen=True, slots=True)
class ReplicaStanding:
    """`captured_at` is the newest point that is whole there, `lag` how long ago that is, `behind` how many points wait
    to be copied, and `met` whether it keeps the promised RPO; where nothing newer could be there, the store itself is
    asked for that. `error` says why it cannot be relied on, or could not be looked at: then the others are None."""

    url: str
    captured_at: datetime | None = None
    lag: timedelta | None = None
    behind: int | None = None
    met: bool | None = None
    error: str = ""
    hint: str = ""

    @property
    def healthy(self) -> bool:
        return not self.error and self.met is not False


def judge_lag(
    url: str, here: Sequence[Point], there: Sequence[Point], behind: int, rpo: timedelta | None, now: datetime
) -> ReplicaStanding:
    """`there` without the newest points that are not whole. A replica that lacks every point breaks any promise."""
    ours, theirs = _newest(here, now), _newest(there, now)
    if theirs is None:
        return ReplicaStanding(url, behind=behind, met=None if ours is None else False)
    lag = max(timedelta(0), now - theirs)
    met = None if rpo is None else lag <= rpo or ours is None or theirs >= ours
    return ReplicaStanding(url, theirs, lag, behind, met)


def judge_log(
    standing: ReplicaStanding, ours: datetime | None, theirs: datetime | None, rpo: timedelta | None, now: datetime
) -> ReplicaStanding:
    """Of a source with a log what counts is how far that goes: `ours` in the store, `theirs` in the replica."""
    if theirs is None:
        return replace(standing, captured_at=None, lag=None, met=None if ours is None else False)
    lag = max(timedelta(0), now - theirs)
    met = None if rpo is None else lag <= rpo or ours is None or theirs >= ours
    return replace(standing, captured_at=theirs, lag=lag, met=met)


def look(
    url: str,
    replica: Store,
    here: Listing,
    policy: Policy | None,
    zone: ZoneInfo,
    signers: Collection[Signer],
    rpo: timedelta | None,
    now: datetime,
) -> ReplicaStanding:
    """`here` is the store's listing, and `policy` the replica's own. As a rule one listing and one object are read."""
    found = catalog.survey(replica, here.source)
    looked = check_newest(replica, found, signers, now)
    unsound = looked.findings
    held_back = find_held_back(policy, here.points, found.points, zone, now)
    behind = len(plan_copy(here.entries, found.entries, held_back).backups)
    judged = judge_lag(url, here.points, looked.listing.points, behind, rpo, now)
    if not unsound:
        return judged
    return ReplicaStanding(
        url, judged.captured_at, judged.lag, judged.behind, judged.met, unsound[0].detail, unsound[0].hint
    )


def _newest(points: Sequence[Point], now: datetime) -> datetime | None:
    moments = [point.consistent_at for point in points if point.credible and not misdated(point, now)]
    return max(moments, default=None)
