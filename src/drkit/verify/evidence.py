"""The codec of evidence: a drill as a signed document, and back. docs/FORMAT.md is its specification.

It must not know stores, nor what a chain of evidence proves.
"""

from collections.abc import Collection, Mapping
from typing import get_args

from drkit.catalog import FORMAT, drill_key, parse_drill_key, parse_id, read_document
from drkit.errors import IntegrityError, UsageError
from drkit.model import Check, Outcome
from drkit.signing import Signer, SigningKey, check_document, sign_document
from drkit.verify import fields
from drkit.verify.model import NOT_MEASURED, Drill, Evidence, Link, Member, Result, Scenario
from drkit.when import format_moment, parse_moment


def format_evidence(evidence: Evidence, signing_key: SigningKey) -> bytes:
    """What is stored at the drill's key. Bytes in an error that are no text are written with backslashes, and seconds
    are rounded to microseconds; all else comes back as it was."""
    key = drill_key(evidence.drill.source, evidence.drill.id)
    return sign_document(signing_key, key, _to_document(evidence))


def parse_evidence(key: str, content: bytes, signers: Collection[Signer]) -> Evidence:
    document = read_document(key, content, signers)
    try:
        evidence = Evidence(_to_drill(document), _to_links(document))
    except (KeyError, TypeError, ValueError, OverflowError, UsageError) as error:
        raise IntegrityError(f"{key} lacks what evidence must say: {error!r}") from error
    drill = evidence.drill
    if parse_drill_key(key) != (drill.source, drill.id) or parse_id(drill.id) != drill.started_at:
        raise IntegrityError(f"{key} speaks of another drill: {drill.source} {drill.id}")
    return evidence


def parse_links(key: str, content: bytes, signers: Collection[Signer]) -> tuple[Link, ...]:
    """Only what the evidence names as the ones before it, which every format says in the same way: so a chain can be
    checked across formats."""
    document = check_document(signers, key, content)
    try:
        where = fields.text(document["source"]), fields.text(document["id"])
        links = _to_links(document)
    except (KeyError, TypeError) as error:
        raise IntegrityError(f"{key} lacks what evidence must say: {error!r}") from error
    if parse_drill_key(key) != where:
        raise IntegrityError(f"{key} speaks of another drill: {where[0]} {where[1]}")
    return links


def _to_document(evidence: Evidence) -> dict[str, object]:
    drill = evidence.drill
    return {
        "drkit": FORMAT,
        "id": drill.id,
        "source": drill.source,
        "previous": [{"id": link.id, "sha256": link.sha256} for link in evidence.previous],
        "scenario": drill.scenario,
        "result": drill.result,
        "error": fields.clean(drill.error),
        "started_at": format_moment(drill.started_at),
        "ended_at": format_moment(drill.ended_at),
        "backup": drill.backup,
        "wanted": fields.from_moment(drill.wanted),
        "reached": fields.from_moment(drill.reached),
        "seed": drill.seed,
        "rto": fields.from_target(drill.rto),
        "rpo": fields.from_target(drill.rpo),
        "phases": [{"name": name, "taken_us": fields.from_seconds(taken)} for name, taken in drill.phases],
        "checks": [
            {
                "name": fields.clean(check.name),
                "outcome": check.outcome,
                "expected": fields.clean(check.expected),
                "actual": fields.clean(check.actual),
            }
            for check in drill.checks
        ],
        "stored_bytes": drill.stored_bytes,
        "restored_bytes": drill.restored_bytes,
        "objects": [{"key": key, "sha256": sha256} for key, sha256 in drill.objects],
        "tools": {fields.clean(name): fields.clean(version) for name, version in drill.tools.items()},
        "clock_offset_us": None if drill.clock_offset is None else fields.from_seconds(drill.clock_offset),
        "settings_that_differ": {
            fields.clean(name): {"source": fields.clean(there), "drill": fields.clean(here)}
            for name, (there, here) in drill.settings_that_differ.items()
        },
        "disposed": drill.disposed,
        "correlation_id": drill.correlation_id,
        "drkit_version": drill.drkit_version,
        "opened_with": list(drill.opened_with),
    } | (_set_members(drill) if drill.members else {})


def _set_members(drill: Drill) -> dict[str, object]:
    """Evidence of a single source has none of these."""
    return {
        "members": [
            {
                "source": member.source,
                "id": member.drill,
                "sha256": member.sha256,
                "backup": member.backup,
                "reached": fields.from_moment(member.reached),
                "result": member.result,
            }
            for member in drill.members
        ],
        "skew": fields.from_target(drill.skew),
    }


def _to_drill(document: Mapping[str, object]) -> Drill:
    return Drill(
        id=fields.text(document["id"]),
        source=fields.text(document["source"]),
        scenario=fields.one_of(get_args(Scenario), document["scenario"]),
        started_at=parse_moment(fields.text(document["started_at"])),
        ended_at=parse_moment(fields.text(document["ended_at"])),
        backup=fields.text_or_none(document["backup"]),
        wanted=fields.to_moment(document["wanted"]),
        reached=fields.to_moment(document["reached"]),
        seed=fields.text_or_none(document["seed"]),
        result=fields.one_of(get_args(Result), document["result"]),
        error=fields.text(document["error"]),
        rto=fields.to_target(document["rto"]),
        rpo=fields.to_target(document["rpo"]),
        phases=tuple(
            (fields.text(each["name"]), fields.to_seconds(each["taken_us"]))
            for each in fields.members(document["phases"])
        ),
        checks=tuple(
            Check(
                fields.text(each["name"]),
                fields.one_of(get_args(Outcome), each["outcome"]),
                fields.text(each["expected"]),
                fields.text(each["actual"]),
            )
            for each in fields.members(document["checks"])
        ),
        stored_bytes=fields.of(int, document["stored_bytes"]),
        restored_bytes=fields.of(int, document["restored_bytes"]),
        objects=tuple(
            (fields.text(each["key"]), fields.text(each["sha256"])) for each in fields.members(document["objects"])
        ),
        tools={name: fields.text(version) for name, version in fields.of(dict, document["tools"]).items()},
        clock_offset=None if document["clock_offset_us"] is None else fields.to_seconds(document["clock_offset_us"]),
        settings_that_differ={
            name: (fields.text(each["source"]), fields.text(each["drill"]))
            for name, each in fields.of(dict, document["settings_that_differ"]).items()
        },
        disposed=fields.of(bool, document["disposed"]),
        correlation_id=fields.text(document["correlation_id"]),
        drkit_version=fields.text(document["drkit_version"]),
        opened_with=tuple(map(fields.text, fields.of(list, document.get("opened_with", [])))),
        members=tuple(
            Member(
                fields.text(each["source"]),
                fields.text(each["id"]),
                fields.text(each["sha256"]),
                fields.text_or_none(each["backup"]),
                fields.to_moment(each["reached"]),
                fields.one_of(get_args(Result), each["result"]),
            )
            for each in fields.members(document.get("members", []))
        ),
        skew=fields.to_target(document["skew"]) if "skew" in document else NOT_MEASURED,
    )


def _to_links(document: Mapping[str, object]) -> tuple[Link, ...]:
    return tuple(
        Link(fields.text(each["id"]), fields.text(each["sha256"])) for each in fields.members(document["previous"])
    )
