"""A git repository from a user's side: schedules, commands, what is stored, and a script for the day without drkit."""

import subprocess
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from cli_runner import Done, Drkit, drkit_in
from git_world import commit, fsck, git, look, make_repository
from servers.certificates import make_ca_and_server
from servers.git_server import PASSWORD, serve_repositories
from servers.ssh_server import serve_ssh


@dataclass(frozen=True)
class Team:
    drkit: Drkit
    folder: Path

    @property
    def code(self) -> Path:
        return self.folder / "code"

    @property
    def schedule(self) -> Path:
        return self.folder / "schedules/team.toml"

    def edit(self, old: str, new: str) -> None:
        text = self.schedule.read_text()
        assert text.count(old) == 1, text
        self.schedule.write_text(text.replace(old, new))

    def folder_of(self, point: str, store: str = "backups") -> Path:
        return self.folder / store / "team/main/backups" / point

    def back_up(self) -> str:
        return str(self.drkit.json("backup", "now")["backups"][0]["id"])


def said(done: Done) -> str:
    return "\n".join(line["message"] for line in done.lines)


@pytest.fixture
def team(tmp_path: Path) -> Team:
    folder = tmp_path / "team"
    drkit = drkit_in(folder)
    commit(make_repository(folder / "code"), "one")
    drkit.ok("init", "--name", "team", "--kind", "git", "--path", "code", "--store", f"file://{folder}/backups")
    return Team(drkit, folder)


def test_points_of_a_chain_are_listed_audited_copied_pruned_and_restored_each_as_it_was(team: Team) -> None:
    team.edit("[encryption]", f'replica = "file://{team.folder}/replica"\n[encryption]')
    team.edit('keep = { within = "7d", daily = 30, weekly = 8, monthly = 12 }', "keep = { last = 1, min_points = 1 }")
    checked = team.drkit.json("check")["findings"]
    assert all(each["passed"] for each in checked)
    points, seen = [], []
    for number in range(4):
        points.append(team.back_up())
        seen.append(look(team.code))
        commit(team.code, f"small {number}")
    team.drkit.ok("prune", "--yes")
    kept = {each["id"]: each["kept_by"] for each in team.drkit.json("backup", "list")["points"]}
    assert list(kept) == points[::-1]
    assert "is incremental to it" in kept[points[0]][-1]
    audited = team.drkit.json("audit")["points"]
    assert {each["outcome"] for each in audited} == {"ok"}
    stored = sum(path.stat().st_size for path in (team.folder / "backups").rglob("*.age"))
    assert sum(each["read_bytes"] for each in audited) == stored
    for place in ("store", "replica"):
        for point, state in zip(points, seen, strict=True):
            team.drkit.ok("restore", "--at", point, "--from", place, "--to", f"{place}-{point}", "--yes")
            assert look(team.folder / f"{place}-{point}") == state
            assert fsck(team.folder / f"{place}-{point}") == ""


def test_prune_lets_a_chain_go_once_no_point_that_stays_rests_on_it(team: Team) -> None:
    team.edit('keep = { within = "7d", daily = 30, weekly = 8, monthly = 12 }', "keep = { last = 1, min_points = 1 }")
    for number in range(2):
        team.back_up()
        commit(team.code, f"small {number}")
    team.edit('kind = "git"', 'kind = "git"\nincremental = false')
    alone, seen = team.back_up(), look(team.code)
    team.drkit.ok("prune", "--yes")
    assert [each["id"] for each in team.drkit.json("backup", "list")["points"]] == [alone]
    assert [path.name for path in (team.folder / "backups/team/main/backups").iterdir()] == [alone]
    team.drkit.ok("restore", "--to", "restored")
    assert look(team.folder / "restored") == seen


def test_a_replica_that_lacks_all_gets_a_point_with_all_it_rests_on(team: Team) -> None:
    for number in range(3):
        team.back_up()
        commit(team.code, f"small {number}")
    team.back_up()
    team.edit("[encryption]", f'replica = "file://{team.folder}/replica"\n[encryption]')
    team.drkit.ok("replicate")
    copied = {path.relative_to(team.folder / "replica") for path in (team.folder / "replica").rglob("*.age")}
    assert copied == {path.relative_to(team.folder / "backups") for path in (team.folder / "backups").rglob("*.age")}
    assert team.drkit.json("replicate")["replicas"][0]["objects"] <= 1  # a record of the run, and no piece again
    team.drkit.ok("restore", "--from", "replica", "--to", "restored")
    assert look(team.folder / "restored") == look(team.code)


def test_damage_to_the_first_bundle_is_told_of_each_point_that_rests_on_it_and_none_is_restored(team: Team) -> None:
    points = []
    for number in range(3):
        points.append(team.back_up())
        commit(team.code, f"small {number}")
    piece = team.folder_of(points[0]) / "bundle-0000.zst.age"
    content = bytearray(piece.read_bytes())
    content[-20] ^= 1
    piece.write_bytes(content)
    done = team.drkit("audit", "--json")
    assert done.code == 7
    assert {each["id"]: each["outcome"] for each in done.document["points"]} == dict.fromkeys(points, "damaged")
    refused = team.drkit("restore", "--to", "restored")
    assert refused.code == 7
    assert [path.name for path in team.folder.glob("restored*")] == []


def test_a_restore_test_asks_git_and_the_teams_own_command(team: Team) -> None:
    team.edit(
        'verify = "0 4 1 * *"',
        'verify = "0 4 1 * *"\nchecks = [{ name = "it can be checked out", command = '
        '"git -c safe.directory=* clone --quiet $DRKIT_TARGET checkout && grep -q one checkout/file && rm -r checkout"'
        " }]",
    )
    team.back_up()
    [drill] = team.drkit.json("verify", "now")["drills"]
    assert drill["passed"] is True
    names = [check["name"] for check in drill["checks"]]
    assert names == ["first query", "git fsck", "refs", "it can be checked out"]
    [source] = team.drkit.json("status")["sources"]
    assert source["verified_at"]


def test_the_script_by_hand_gives_the_same_repository_without_drkit(team: Team, tmp_path: Path) -> None:
    team.back_up()
    git(team.code, "tag", "--annotate", "--message", "t", "v1")
    commit(team.code, "two")
    team.back_up()
    script = team.drkit.ok("restore", "--by-hand", "--to", "by hand").out
    identity = str(team.folder / "keys/identity")
    subprocess.run(
        ["bash", "-c", script],
        cwd=team.folder,
        env={"PATH": "/usr/bin:/bin", "IDENTITY": identity},
        check=True,
        capture_output=True,
    )
    assert look(team.folder / "by hand") == look(team.code)


def test_a_backup_host_without_the_identity_goes_on_with_the_chain(team: Team) -> None:
    (team.folder / "keys/identity").rename(team.folder / "away")
    team.edit('identity = "file:../keys/identity"', "")
    team.back_up()
    commit(team.code, "two")
    made = team.drkit.json("backup", "now")["backups"][0]
    assert made["pieces"] == ["bundle-0000", "bundle-0001", "refs", "facts"]


@pytest.mark.parametrize("secure", [True, False])
def test_a_url_is_mirrored_and_its_password_stands_nowhere(team: Team, tmp_path: Path, secure: bool) -> None:
    certificates = make_ca_and_server(tmp_path) if secure else None
    git(team.folder, "clone", "--quiet", "--bare", team.code, "origin.git")
    git(team.folder / "origin.git", "update-ref", "refs/pull/1/head", "HEAD")
    spy = tmp_path / "bin/git"
    spy.parent.mkdir()
    spy.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/words\nexec /usr/bin/git "$@"\n')
    spy.chmod(0o755)
    team.edit(f'path = "{team.code}"', 'url = "env:REPOSITORY"')
    with serve_repositories(team.folder, certificates) as server:
        variables = {"REPOSITORY": server.url("origin.git"), "PATH": f"{spy.parent}:{team.drkit.environment['PATH']}"}
        if certificates:
            variables["GIT_SSL_CAINFO"] = str(certificates.ca)
        drkit = replace(team.drkit, environment={**team.drkit.environment, **variables})
        checked = drkit.ok("check", "--json")
        first = drkit.ok("backup", "now", "--json")
        commit(team.code, "two")
        git(team.code, "push", "--quiet", team.folder / "origin.git", "main")
        second = drkit.ok("backup", "now", "--json")
        wrong = server.url("origin.git", password="not-the-password")
        refused = drkit("backup", "now", "--json", REPOSITORY=wrong)
    assert any("127.0.0.1" in each["detail"] for each in checked.document["findings"])
    assert [len(each.document["backups"][0]["pieces"]) for each in (first, second)] == [3, 4]
    assert refused.code == 4
    told = "".join(each.out + each.err for each in (checked, first, second, refused)) + (tmp_path / "words").read_text()
    assert PASSWORD not in told and "not-the-password" not in told and "clone" in told
    team.drkit.ok("restore", "--to", "restored", REPOSITORY="https://127.0.0.1:1/gone")
    assert look(team.folder / "restored") == look(team.folder / "origin.git")
    home = Path(team.drkit.environment["TMPDIR"])
    assert not list(home.glob("drkit-git-*"))


def test_a_url_over_ssh_is_mirrored_by_the_key_and_the_hosts_that_the_schedule_names(
    team: Team, tmp_path: Path
) -> None:
    with serve_ssh(tmp_path / "ssh") as server:
        keys = f'ssh_key = "file:{server.key}"\nssh_hosts = "file:{server.hosts}"'
        team.edit(f'path = "{team.code}"', f'url = "{server.url(team.code)}"\n{keys}')
        team.drkit.ok("check")
        team.back_up()
        server.hosts.write_text("[127.0.0.1]:1 ssh-ed25519 AAAA\n")
        stranger = team.drkit("backup", "now")
    assert stranger.code == 4
    assert "Host key verification failed" in stranger.err
    team.drkit.ok("restore", "--to", "restored")
    assert look(team.folder / "restored") == look(team.code)


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ('url = "https://token@example.com/a.git"', "given by reference"),
        ('url = "env:REPOSITORY"\npath = "code"', "either at a path"),
        ("", "either at a path"),
        ('path = "code"\nssh_key = "file:key"', "leave them out where there is a path"),
        ('path = "code"\nchecks = [{ name = "n", sql = "select 1" }]', "use a command"),
    ],
)
def test_a_schedule_that_cannot_be_meant_is_refused(team: Team, place: str, said: str) -> None:
    team.edit(f'path = "{team.code}"', place)
    done = team.drkit("check")
    assert done.code == 3
    assert said in done.err
    assert "token@" not in done.err


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://example.com/a.git", "in the clear"),
        ("ext::sh -c touch% x", "no URL of a repository"),
        ("-oProxyCommand=touch:x", "no URL of a repository"),
        ("ssh://-oProxyCommand=x/a", "no URL of a repository"),
        ("https://example.com/a.git?x=y", "no URL of a repository"),
    ],
)
def test_a_url_that_could_do_harm_is_refused_and_not_repeated(team: Team, url: str, said: str) -> None:
    team.edit(f'path = "{team.code}"', 'url = "env:REPOSITORY"')
    done = team.drkit("backup", "now", REPOSITORY=url)
    assert done.code == 3, done
    assert said in done.err
    assert url not in done.err


def test_a_password_is_not_told_to_a_server_that_the_right_one_redirects_to(team: Team) -> None:
    heard: list[str] = []

    class Stranger(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            heard.append(str(self.headers.get("Authorization")))
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="give it to me"')
            self.end_headers()

    class Redirecting(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", f"http://localhost:{stranger.server_address[1]}{self.path}")
            self.end_headers()

    team.edit(f'path = "{team.code}"', 'url = "env:REPOSITORY"')
    stranger, right = (ThreadingHTTPServer(("127.0.0.1", 0), each) for each in (Stranger, Redirecting))
    threads = [Thread(target=each.serve_forever, args=(0.05,)) for each in (stranger, right)]
    for thread in threads:
        thread.start()
    try:
        url = f"http://robot:{PASSWORD}@127.0.0.1:{right.server_address[1]}/origin.git"
        done = team.drkit("backup", "now", REPOSITORY=url)
    finally:
        for each, thread in zip((stranger, right), threads, strict=True):
            each.shutdown()
            thread.join()
            each.server_close()
    assert done.code == 4
    assert set(heard) == {"None"}
