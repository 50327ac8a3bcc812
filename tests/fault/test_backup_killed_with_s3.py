"""kill -9 while `drkit backup now` talks to S3, each time at one known request, before or after it is carried out."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from drkit.catalog import backups_of, survey
from drkit.keyring import open_signers
from drkit.prune import plan_prune, prune, read_references
from drkit.retention import Verdict
from fault_gate import Gate
from fault_system import DOCS, make_system
from patience import PATIENCE
from servers.proxy import proxy_before
from servers.s3_server import S3Server

BIG = 9_000_000  # two parts

MOMENTS = {
    "an upload in parts was begun": ("POST .*files.*uploads", "after", 0),
    "in the first part": ("PUT .*files.*partNumber=1", "before", 0),
    "after the second part": ("PUT .*files.*partNumber=2", "after", 0),
    "before the parts are completed": ("POST .*files.*uploadId", "before", 0),
    "after the parts were completed": ("POST .*files.*uploadId", "after", 0),
    "after the second piece": ("PUT .*index", "after", 0),
    "before the manifest": ("HEAD .*manifest", "before", 0),
    "in the manifest's put, before": ("PUT .*manifest", "before", 0),
    "in the manifest's put, after": ("PUT .*manifest", "after", 1),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_backup_is_whole_or_not_listed(tmp_path: Path, moto_url: S3Server, use_server, moment: str) -> None:
    pattern, side, listed = MOMENTS[moment]
    use_server(moto_url)
    bucket = moto_url.new_bucket()
    with proxy_before(moto_url) as (proxy, near):
        system = make_system(tmp_path / "shop", near.url(bucket, "prod"), size=BIG)
        gate = Gate()
        proxy.breaks(pattern, getattr(gate, side))
        with system.running("backup", "now", DOCS) as child:
            assert gate.reached.wait(PATIENCE)
            child.kill()
            child.wait()
            gate.drop()
        assert len(system.points(DOCS)) == listed
        made = system.back_up(DOCS)
        points = system.points(DOCS)
        assert len(points) == listed + 1 and points[-1].id == made.id
        for point in points:
            assert system.is_whole(point, tmp_path / point.id)


def test_what_a_killed_backup_left_is_invisible_and_collected_once_the_grace_has_passed(
    tmp_path: Path, moto_url: S3Server, use_server
) -> None:
    pattern, side, _ = MOMENTS["before the manifest"]
    use_server(moto_url)
    with proxy_before(moto_url) as (proxy, near):
        system = make_system(tmp_path / "shop", near.url(moto_url.new_bucket(), "prod"), size=BIG)
        gate = Gate()
        proxy.breaks(pattern, getattr(gate, side))
        with system.running("backup", "now", DOCS) as child:
            assert gate.reached.wait(PATIENCE)
            child.kill()
            child.wait()
            gate.drop()
        store = system.store()

        def folders() -> set[str]:
            return {entry.key.split("/")[3] for entry in store.list(backups_of(DOCS))}

        [left] = folders()
        made = system.back_up(DOCS)
        assert [point.id for point in system.points(DOCS)] == [made.id]
        assert system.run("prune", DOCS).code == 0
        assert folders() == {left, made.id}, "it is young: it may be written elsewhere"
        listed = read_references(store, system.points(DOCS), open_signers(system.source(DOCS).system))
        kept = [Verdict(point, ("kept",)) for point in system.points(DOCS)]
        over = timedelta(0)  # as if the grace had passed
        prune(
            store,
            plan_prune(survey(store, DOCS), kept, set().union(*listed.values()), over, datetime.now(UTC)),
            [].extend,
        )
        assert folders() == {made.id}
        assert system.is_whole(system.points(DOCS)[0], tmp_path / "docs")
