"""`drkit bisect` along a log: the moment at which rows were lost, found to a resolution."""

from datetime import timedelta
from pathlib import Path

from drkit.when import format_moment, parse_moment
from recovering import TICKS, arriving, await_covered, commits, short_folder
from servers.physical import physical_system


def test_of_a_log_the_moment_at_which_rows_were_lost_is_found_to_the_resolution(tmp_path: Path) -> None:
    often = 'objectives = { rpo = "4s" }'
    with physical_system(tmp_path, more=often, wal_keep_size="1GB") as system:
        system.server.execute(TICKS, *["INSERT INTO ticks DEFAULT VALUES"] * 3)
        with system.following():
            system.drkit.ok("backup", "now")
            good = await_covered(system)
            system.server.execute("DELETE FROM ticks WHERE n = 2")
            ruined = commits(system)[-1].moment
            await_covered(system)
        with short_folder() as folder:
            document = system.drkit.json(
                *(
                    "bisect",
                    "--sql",
                    "select count(*) = 3 from ticks",
                    "--resolution",
                    "1s",
                    "--from",
                    format_moment(good),
                ),
                TMPDIR=str(folder),
            )
            assert list(folder.iterdir()) == []
        last_good, first_bad = (parse_moment(document[each]["moment"]) for each in ("last_good", "first_bad"))
        assert last_good < ruined <= first_bad
        assert first_bad - last_good <= timedelta(seconds=1)
        with arriving(system, last_good) as there:
            assert there.query("SELECT count(*) FROM ticks") == [(3,)]
        assert f"--at {document['last_good']['moment']}" in document["next"]
