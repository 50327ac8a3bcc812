"""What a daemon may know, made from nothing: well, in trouble, at its first start, and with very many sources."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

from drkit.bulletin import Bulletin, Moment, SourceBulletin, SystemBulletin
from drkit.daemon.model import Ended, Name, Planned, Running, State
from drkit.daemon.troubles import complete
from drkit.troubles import Trouble
from drkit.verify.model import Target

NOW = datetime(2026, 11, 21, 14, 30, 12, tzinfo=UTC)
STARTED_AT = NOW - timedelta(days=12, hours=3)
HOUR, DAY, MINUTE = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)


def make_source(
    name: str,
    *,
    kind: str = "postgres",
    every: timedelta = HOUR,
    age: timedelta = 24 * MINUTE,
    kept: timedelta = 60 * DAY,
    rpo: timedelta | None = 2 * HOUR,
    rto: timedelta | None = 15 * MINUTE,
    took: timedelta | None = timedelta(minutes=6, seconds=40),
    size: int = 412_000_000,
    missing: tuple[tuple[timedelta, timedelta], ...] = (),
    now: datetime = NOW,
) -> SourceBulletin:
    """A source that is well. Its points lie `every` apart, the newest `age` ago; none lies in `missing`, spans ago."""
    count = int((kept - age) / every) + 1
    ages = [age + every * number for number in range(count)]
    ages = [each for each in ages if not any(late <= each <= early for early, late in missing)]
    holes = [
        (now - min(each for each in ages if each > early), now - max(each for each in ages if each < late))
        for early, late in missing
    ]
    drilled = {ages[min(len(ages) - 1, int((3 + week * 7) * DAY / every))] for week in range(4)} if took else set()
    moments = tuple(Moment(now - each, "verified" if each in drilled else "captured") for each in reversed(ages))
    return SourceBulletin(
        source=name,
        kind=kind,
        captured_at=now - age,
        made_at=now - age,
        drilled_at=now - 3 * DAY if took else None,
        verified_at=now - 3 * DAY if took else None,
        rpo=Target(rpo, age, None if rpo is None else age <= rpo),
        rto=Target(rto, took, None if rto is None or took is None else took <= rto),
        window=(moments[0].at, moments[-1].at),
        gaps=tuple(holes),
        next_backup=now + every - age,
        next_verify=now + 4 * DAY + 13 * HOUR,
        healthy=True,
        red_at=now + 2 * every,
        takes=3 * MINUTE,
        points=len(moments),
        stored_bytes=size * len(moments),
        troubles=(),
        warnings=(),
        notes=(),
        jobs=(),
        moments=moments,
    )


def completed(make: Callable[..., State]) -> Callable[..., State]:
    """With what the daemon itself makes of it."""
    return lambda *given, **named: complete(make(*given, **named))


def make_unwell(source: SourceBulletin, *troubles: Trouble, now: datetime = NOW) -> SourceBulletin:
    return replace(source, healthy=False, red_at=now, troubles=troubles)


def make_system(name: str, *troubles: Trouble) -> SystemBulletin:
    return SystemBulletin(name, "2026-10", (), troubles)


def make_ended(kind: str, subject: str, ago: timedelta, error: str = "", hint: str = "", exit_code: int = 0) -> Ended:
    ended_at = NOW - ago
    began_at = ended_at - timedelta(minutes=2, seconds=11)
    return Ended((kind, subject), began_at, 1, began_at, ended_at, exit_code, error=error, hint=hint)


def by_name(*ended: Ended) -> Mapping[Name, Ended]:
    return {each.name: each for each in ended}


def plan(*sources: SourceBulletin) -> tuple[Planned, ...]:
    found = [Planned(("backup", each.source), each.next_backup) for each in sources]
    found += [Planned(("verify", each.source), each.next_verify) for each in sources if each.next_verify]
    found += [Planned(("prune", name), NOW + 13 * HOUR) for name in sorted({each.system for each in sources})]
    return tuple(sorted(found, key=lambda each: each.at))


@completed
def healthy() -> State:
    sources = (
        make_source("shop/orders", every=HOUR, missing=((12 * DAY, 11 * DAY + 12 * HOUR),)),
        make_source("shop/ledger", every=6 * HOUR, age=2 * HOUR, rpo=8 * HOUR, took=timedelta(minutes=13, seconds=20)),
        make_source(
            "shop/uploads", kind="files", every=DAY, age=12 * HOUR, rpo=26 * HOUR, rto=4 * HOUR, size=9_800_000
        ),
        make_source("erp/main", every=HOUR / 2, age=9 * MINUTE, kept=17 * DAY, rpo=HOUR, size=2_300_000_000),
        make_source("erp/attachments", kind="files", every=DAY, age=7 * HOUR, rto=None, rpo=None, took=None),
        make_source("pupuseria/till", kind="sqlite", every=HOUR / 4, age=4 * MINUTE, kept=9 * DAY, size=38_000_000),
    )
    return State(
        started_at=STARTED_AT,
        looked_at=NOW - timedelta(seconds=20),
        bulletin=Bulletin(sources, tuple(map(make_system, ("shop", "erp", "pupuseria")))),
        running=(
            Running(
                ("backup", "erp/main"),
                NOW - timedelta(minutes=1),
                1,
                NOW - timedelta(seconds=54),
                "7f3a9c01",
                "capturing public.invoices",
                1_310_000_000,
                2_300_000_000,
                24_200_000,
            ),
        ),
        planned=plan(*sources),
        last=by_name(
            make_ended("backup", "pupuseria/till", 4 * MINUTE),
            make_ended("backup", "shop/orders", 24 * MINUTE),
            make_ended("backup", "shop/ledger", 2 * HOUR),
            make_ended("prune", "shop", 11 * HOUR),
            make_ended("verify", "shop/orders", 3 * DAY),
        ),
    )


@completed
def troubled() -> State:
    """Six sources, of which three need somebody; a job of a whole system too."""
    well = healthy()
    orders, ledger, uploads, erp, attachments, till = well.bulletin.sources
    refused = 'connection to server at "db.internal", port 5432 failed: Connection refused'
    capture = "`drkit backup now shop/orders` makes one or says why it cannot; then look why its schedule did not run"
    late = make_source("shop/orders", age=5 * HOUR + 24 * MINUTE, missing=((12 * DAY, 11 * DAY + 12 * HOUR),))
    orders = make_unwell(
        replace(late, rpo=replace(late.rpo, met=False), next_backup=orders.next_backup),
        Trouble("backup failed", f"the last backup failed: {refused}", NOW - 24 * MINUTE, "`drkit check shop/orders`"),
        Trouble("rpo", "RPO missed: what would be lost now is 5h24m, and 2h was promised", NOW - 3.4 * HOUR, capture),
    )
    slow = make_source("shop/ledger", every=6 * HOUR, age=2 * HOUR, rpo=8 * HOUR, took=timedelta(minutes=21))
    refuted = (*slow.moments[:-9], replace(slow.moments[-9], state="refuted"), *slow.moments[-8:])
    ledger = make_unwell(
        replace(slow, moments=refuted),
        Trouble(
            "drill failed",
            "the last drill failed: rows of public.entries: expected 18204417, found 18204391",
            NOW - 2 * DAY,
            "`drkit verify now shop/ledger` runs it again",
        ),
        Trouble(
            "rto",
            "RTO missed: the last drill took 21m, and 15m was promised",
            NOW - 2 * DAY,
            "see which phase of 20261119T143000-7f3a9c01 took long; `drkit verify now shop/ledger` runs it again",
        ),
    )
    empty = replace(
        make_unwell(
            attachments,
            Trouble(
                "nothing",
                "nothing was ever captured",
                None,
                "`drkit check`, and then `drkit backup now erp/attachments`",
            ),
        ),
        captured_at=None,
        window=None,
        moments=(),
        points=0,
        stored_bytes=0,
        rpo=Target(26 * HOUR, None, None),
    )
    soon = replace(
        uploads,
        warnings=(
            Trouble(
                "rto forecast",
                "at its present growth the RTO will be missed from 2027-02-03 on",
                None,
                "see in `drkit report` which phase grows; then restore with more jobs, or promise what can be kept",
            ),
        ),
        notes=("1 past gap was wider than promised, the widest from 2026-11-09T14:30:00Z to 2026-11-10T03:30:00Z",),
    )
    pruning = Trouble(
        "prune failed",
        "the last prune failed: the store did not answer within 60s",
        NOW - 11 * HOUR,
        "`drkit prune shop` runs it again",
    )
    sources = (orders, ledger, soon, erp, empty, till)
    failed = make_ended("backup", "shop/orders", 24 * MINUTE, refused, "is PostgreSQL running there?", 4)
    return replace(
        well,
        bulletin=Bulletin(sources, (make_system("shop", pruning), make_system("erp"), make_system("pupuseria"))),
        planned=plan(*sources),
        running=(
            *well.running,
            Running(("verify", "shop/ledger"), NOW - 5 * MINUTE, 2, NOW - 4 * MINUTE, "9c017f3a", "restoring"),
        ),
        last={**well.last, failed.name: failed},
    )


@completed
def one_in_trouble() -> State:
    """The one whose database refuses connections."""
    well, bad = healthy(), troubled()
    orders = bad.bulletin.sources[0]
    sources = (orders, *well.bulletin.sources[1:])
    return replace(bad, bulletin=replace(well.bulletin, sources=sources), running=well.running)


@completed
def unreachable() -> State:
    """The store of one system does not answer, and nothing is known of its sources."""
    well = healthy()
    error = "the store s3://backups-eu/prod did not answer: connect timeout"
    gone = {each.source: error for each in well.bulletin.sources if each.system == "shop"}
    stay = tuple(each for each in well.bulletin.sources if each.system != "shop")
    return replace(well, bulletin=Bulletin(stay, well.bulletin.systems[1:], gone))


@completed
def all_broken() -> State:
    well = healthy()
    step = "`drkit backup now {}` makes one or says why it cannot; then look why its schedule did not run"
    sources = tuple(
        make_unwell(each, Trouble("overdue", "a backup is overdue", NOW - 3 * HOUR, step.format(each.source)))
        for each in well.bulletin.sources
    )
    wrong = "schedules/shop.toml: sources.main.backup: cron line '61 * * * *': '61' is no minute"
    return replace(well, bulletin=replace(well.bulletin, sources=sources), config_error=wrong, running=())


@completed
def first_start() -> State:
    """Nothing was looked at; what is planned is known from the schedules."""
    return State(started_at=NOW - timedelta(seconds=4), planned=healthy().planned)


@completed
def empty() -> State:
    return State(started_at=STARTED_AT, looked_at=NOW - timedelta(seconds=20))


@completed
def many(sources: int = 200, unwell: int = 3, systems: int = 12, per_source: timedelta = 45 * DAY) -> State:
    """Hourly, six-hourly and daily backups, and gaps here and there. Those of the first sources are in trouble."""
    random = Random(sources)
    made = []
    for number in range(sources):
        every = random.choice([HOUR, HOUR, 6 * HOUR, DAY])
        age = every * random.uniform(0.05, 0.9)
        early = random.uniform(0.2, 0.6) * per_source
        source = make_source(
            f"customer-{number % systems:02}/{random.choice(['main', 'ledger', 'uploads', 'events'])}-{number:03}",
            kind=random.choice(["postgres", "sqlite", "files"]),
            every=every,
            age=age,
            kept=per_source,
            rpo=every * 2,
            took=timedelta(seconds=random.uniform(20, 880)),
            size=random.randrange(10**6, 10**9),
            missing=((early, early - 4 * every),) if random.random() < 0.3 and early > 5 * every else (),
        )
        if number < unwell:
            step = f"`drkit backup now {source.source}` makes one or says why it cannot"
            source = make_unwell(source, Trouble("overdue", "a backup is overdue", NOW - 3 * HOUR, step))
        made.append(source)
    names = sorted({each.system for each in made})
    return State(
        started_at=STARTED_AT,
        looked_at=NOW - timedelta(seconds=20),
        bulletin=Bulletin(tuple(made), tuple(map(make_system, names))),
        planned=plan(*made),
        last=by_name(*(make_ended("backup", each.source, each.rpo.measured or HOUR) for each in made)),
    )
