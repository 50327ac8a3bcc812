"""Evidence of any content, chains with anything done to them, and drills that list and put in any order."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from drills import AT, drill_at
from drkit import catalog
from drkit.catalog import make_id
from drkit.errors import IntegrityError
from drkit.model import Check
from drkit.signing import sign_document
from drkit.stores.memory import MemoryStore
from drkit.verify.chain import check_chain
from drkit.verify.evidence import format_evidence, parse_evidence, parse_links
from drkit.verify.ledger import LOOK_BACK, Stored, latest, read_store
from drkit.verify.model import NOT_MEASURED, Drill, Evidence, Link, Member, Target
from manifests import KEY, SIGNERS, put

SOURCE = "shop/main"
HOUR = timedelta(hours=1)

texts = st.text(max_size=12)
moments = st.datetimes(datetime(1000, 1, 1), timezones=st.just(UTC))
ids = st.builds(make_id, moments, st.sampled_from(["0" * 8, "7f3a9c01"]))
lengths = st.none() | st.timedeltas()
seconds = st.integers(-(10**15), 10**15).map(lambda microseconds: microseconds / 1_000_000)
targets = st.builds(Target, lengths, lengths, st.none() | st.booleans())
maybe = st.none()
members = st.lists(
    st.builds(Member, texts, ids, texts, maybe | ids, maybe | moments, st.sampled_from(["passed", "failed"])),
    max_size=3,
).map(tuple)
links = st.lists(st.builds(Link, ids, texts), max_size=3).map(tuple)


@st.composite
def drills(draw: st.DrawFn) -> Drill:
    started_at, together = draw(moments), draw(members)
    return Drill(
        id=make_id(started_at, "7f3a9c01"),
        source=SOURCE,
        scenario=draw(st.sampled_from(["database-failure", "region-failure", "corruption"])),
        started_at=started_at,
        ended_at=draw(moments),
        backup=draw(maybe | ids),
        wanted=draw(maybe | moments),
        reached=draw(maybe | moments),
        seed=draw(maybe | texts),
        result=draw(st.sampled_from(["passed", "failed", "aborted", "missed"])),
        error=draw(texts),
        rto=draw(targets),
        rpo=draw(targets),
        phases=tuple(draw(st.lists(st.tuples(texts, seconds), max_size=3))),
        checks=tuple(
            draw(
                st.lists(
                    st.builds(Check, texts, st.sampled_from(["passed", "failed", "not testable"]), texts, texts),
                    max_size=3,
                )
            )
        ),
        stored_bytes=draw(st.integers(0)),
        restored_bytes=draw(st.integers(0)),
        objects=tuple(draw(st.lists(st.tuples(texts, texts), max_size=3))),
        tools=draw(st.dictionaries(texts, texts, max_size=3)),
        clock_offset=draw(maybe | seconds),
        settings_that_differ=draw(st.dictionaries(texts, st.tuples(texts, texts), max_size=3)),
        disposed=draw(st.booleans()),
        correlation_id=draw(texts),
        drkit_version=draw(texts),
        members=together,
        skew=draw(targets) if together else NOT_MEASURED,
    )


@settings(deadline=None)
@given(drills(), links)
def test_evidence_of_any_content_comes_back_as_it_was_signed(drill: Drill, previous: tuple[Link, ...]) -> None:
    evidence = Evidence(drill, previous)
    key = catalog.drill_key(SOURCE, drill.id)
    stored = format_evidence(evidence, KEY)
    assert parse_evidence(key, stored, SIGNERS) == evidence
    assert parse_links(key, stored, SIGNERS) == previous


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=6) | st.text(alphabet='{}[]":,tru01 \\', max_size=30).map(str.encode))
def test_bytes_of_any_kind_are_refused_in_our_own_words(content: bytes) -> None:
    for parse in (parse_evidence, parse_links):
        try:
            parse(catalog.drill_key(SOURCE, drill_at().id), content, SIGNERS)
        except IntegrityError as error:
            assert drill_at().id in str(error)
        else:
            raise AssertionError("it was believed")


_MEMBERS = (Member("shop/main", drill_at().id, "c", None, AT, "passed"),)
GOOD = json.loads(format_evidence(Evidence(drill_at(members=_MEMBERS), (Link("a", "b"),)), KEY))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(sorted(GOOD.keys() - {"signature"})), values)
def test_a_signed_document_with_any_member_of_any_kind_is_read_as_it_stands_or_refused(
    member: str, value: object
) -> None:
    document = {name: each for name, each in GOOD.items() if name != "signature"} | {member: value}
    key = catalog.drill_key(SOURCE, drill_at().id)
    try:
        found = parse_evidence(key, sign_document(KEY, key, document), SIGNERS)
    except IntegrityError:
        return
    again = json.loads(format_evidence(found, KEY))
    if not isinstance(value, dict | list):
        assert again[member] == value
        assert type(again[member]) is type(value)


@dataclass(frozen=True)
class Run:
    """A drill that looks for what it follows at one step, and puts its evidence at a later one."""

    looks: int
    puts: int


runs = st.lists(st.tuples(st.integers(0, 30), st.integers(1, LOOK_BACK - 1)), max_size=12).map(
    lambda found: [Run(looks, looks + slow) for looks, slow in found]
)


@settings(deadline=None, max_examples=40)
@given(runs)
def test_drills_in_any_order_make_forks_at_worst_and_the_next_follows_every_one(all_runs: list[Run]) -> None:
    store = MemoryStore()
    ready: dict[int, tuple[Link, ...]] = {}
    written = [drill_at(AT + run.looks * HOUR, token=f"{number:08x}") for number, run in enumerate(all_runs)]
    for step in range(40):
        for number, run in enumerate(all_runs):
            if run.looks == step:
                ready[number] = latest(store, SOURCE, SIGNERS)
        for number, run in enumerate(all_runs):
            if run.puts == step:
                content = format_evidence(Evidence(written[number], ready[number]), KEY)
                put(store, catalog.drill_key(SOURCE, written[number].id), content)
    findings = check_chain(read_store(store, SOURCE), SIGNERS)
    assert {(finding.check, finding.passed) for finding in findings} <= {("fork", True)}
    before = {stored.link.id: parse_links(stored.key, stored.content, SIGNERS) for stored in read_store(store, SOURCE)}
    reached: set[str] = set()
    ahead = [link.id for link in latest(store, SOURCE, SIGNERS)]
    while ahead:
        each = ahead.pop()
        reached.add(each)
        ahead += [link.id for link in before[each] if link.id not in reached]
    assert reached == {drill.id for drill in written}


deeds = st.dictionaries(st.integers(0, 7), st.sampled_from(["remove", "spoil", "rewrite"]), max_size=4)


@settings(deadline=None)
@given(st.integers(1, 8), deeds, st.randoms(), st.booleans())
def test_whatever_is_done_to_a_chain_is_found_where_it_was_done(
    count: int, done: dict[int, str], random: Random, whole: bool
) -> None:
    chain: list[Stored] = []
    for number in range(count):
        drill = drill_at(AT + number * HOUR)
        content = format_evidence(Evidence(drill, tuple(each.link for each in chain[-1:])), KEY)
        chain.append(Stored(catalog.drill_key(SOURCE, drill.id), content))
    found: list[Stored] = []
    for number, stored in enumerate(chain):
        match done.get(number):
            case "remove":
                continue
            case "spoil":
                found.append(Stored(stored.key, stored.content.replace(b'"passed"', b'"failed"')))
            case "rewrite":
                drill = drill_at(AT + number * HOUR, error="otherwise")
                links = tuple(each.link for each in chain[:number][-1:])
                found.append(Stored(stored.key, format_evidence(Evidence(drill, links), KEY)))
            case _:
                found.append(stored)
    there = [number for number in range(count) if done.get(number) != "remove"]
    expected = [("signature", number) for number in there if done.get(number) == "spoil"]
    for number in range(1, count):
        before = done.get(number - 1)
        if done.get(number) in (None, "rewrite"):
            if before == "rewrite":
                expected.append(("altered", number - 1))
            if before == "remove":
                expected.append(("gap" if number - 1 > there[0] else "beginning", number - 1))
    findings = check_chain(random.sample(found, len(found)), SIGNERS, whole)
    assert sorted(finding.check for finding in findings) == sorted(check for check, _ in expected)
    for check, number in expected:
        drill_id = drill_at(AT + number * HOUR).id
        assert any(finding.check == check and drill_id in finding.detail for finding in findings)
        assert all(finding.passed == (finding.check == "beginning" and not whole) for finding in findings)
