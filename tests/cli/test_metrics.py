import re
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from cli.conftest import Shop
from drkit.metrics import OPENMETRICS
from patience import PATIENCE, await_true
from servers.figures import shown
from servers.prometheus import node_exporter, prometheus_server, promtool, pushgateway

# of the user "me" with the password "test", by bcrypt
LOCKED = 'basic_auth_users: { me: "$2b$12$hNf2lSsxfm0.i4a.1kVpSOVyBCfIB51VRjgBUyv6kdnyTlgWj81Ay" }'
OTHER = '[sources.other]\nkind = "sqlite"\npath = "../shop.db"\nbackup = "0 * * * *"\n'


def read(url: str) -> str:
    with urlopen(url, timeout=30) as answer:
        return answer.read().decode()


def test_the_figures_are_those_of_status(shop: Shop) -> None:
    done = shop.drkit.ok("metrics")
    promtool("check", "metrics", given=done.out)
    [source] = shop.drkit("status", "--json").document["sources"]
    figures = dict(line.rsplit(" ", 1) for line in done.out.splitlines() if not line.startswith("#"))
    labels = '{system="shop",source="main"}'
    assert float(figures[f"drkit_points{labels}"]) == source["points"] == 1
    assert float(figures[f"drkit_stored_bytes{labels}"]) == source["stored_bytes"]
    assert float(figures[f"drkit_rpo_objective_seconds{labels}"]) == source["rpo"]["target"]
    assert f"drkit_backup_overdue_timestamp_seconds{labels}" in figures


def test_a_promise_that_is_broken_is_a_figure_and_no_failure(shop: Shop) -> None:
    for path in shop.objects():
        path.unlink()
    done = shop.drkit.ok("metrics")
    assert 'drkit_healthy{system="shop",source="main"} 0' in done.out
    assert 'drkit_trouble{system="shop",source="main",kind="nothing"} 1' in done.out


def test_as_json_they_are_one_document(shop: Shop) -> None:
    told = {each["name"]: each for each in shop.drkit.json("metrics")["metrics"]}
    assert told["drkit_points"]["type"] == "gauge"
    assert told["drkit_points"]["samples"] == [{"labels": {"system": "shop", "source": "main"}, "value": 1}]


def test_what_cannot_be_looked_at_is_told_and_ends_with_its_code(shop: Shop) -> None:
    other = shop.schedule.with_name("other.toml")
    other.write_text(shop.schedule.read_text().replace('"env:SHOP_STORE"', '"env:OTHER_STORE"'))
    done = shop.drkit("metrics", "--out", "drkit.prom")
    assert done.code == 3
    text = (shop.folder / "drkit.prom").read_text()
    promtool("check", "metrics", given=text)
    assert 'drkit_look_failed{system="other",source="main"} 1' in text
    assert 'drkit_look_failed{system="shop",source="main"} 0' in text
    assert 'drkit_points{system="shop",source="main"} 1' in text


def test_a_written_file_can_be_read_by_all_and_is_alone(shop: Shop) -> None:
    out = shop.folder / "textfiles" / "drkit.prom"
    out.parent.mkdir()
    out.write_text("old")
    out.chmod(0o600)
    command = f"umask 077 && exec {sys.executable} -m drkit metrics --out {out}"
    done = subprocess.run(
        ["sh", "-c", command], cwd=shop.folder, env=shop.drkit.environment, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, f"wrote {out}\n"), done.stderr
    assert stat.S_IMODE(out.stat().st_mode) == 0o644
    assert list(out.parent.iterdir()) == [out]
    promtool("check", "metrics", given=out.read_text())


def test_node_exporter_shows_what_was_written(shop: Shop, tmp_path: Path) -> None:
    textfiles = tmp_path / "textfiles"
    textfiles.mkdir()
    with node_exporter(tmp_path, textfiles) as url:
        shop.drkit.ok("metrics", "--out", str(textfiles / "drkit.prom"))
        found = read(url)
    assert 'drkit_points{source="main",system="shop"} 1' in found
    assert "node_textfile_scrape_error 0" in found


def test_whoever_reads_while_it_is_written_never_sees_half_a_file(shop: Shop) -> None:
    out = shop.folder / "drkit.prom"
    shop.drkit.ok("metrics", "--out", str(out))
    seen = 0
    with shop.drkit.running("metrics", "--out", str(out)) as child:
        while child.poll() is None:
            assert re.search(r"drkit_gaps\{.*\} 0\n\Z", out.read_text())
            seen += 1
    assert seen


def test_what_a_killed_run_left_beside_the_file_is_swept_by_the_next(shop: Shop) -> None:
    out = shop.folder / "textfiles" / "drkit.prom"
    out.parent.mkdir()
    left = out.parent / ".drkit.prom.drkit-dead"
    left.mkdir()
    (left / "fresh").write_text("half")
    shop.drkit.ok("metrics", "--out", str(out))
    assert list(out.parent.iterdir()) == [out]


@pytest.mark.parametrize("out", ["/dev/null", "nowhere/drkit.prom", "schedules", "link"])
def test_what_is_no_place_for_a_file_is_refused_and_stays(shop: Shop, out: str) -> None:
    (shop.folder / "link").symlink_to("shop.db")
    before = (shop.folder / "shop.db").read_bytes()
    done = shop.drkit("metrics", "--out", out)
    assert (done.code, done.out) == (2, "")
    assert "cannot be written as a file" in done.errors[0]["message"]
    assert (shop.folder / "link").is_symlink()
    assert (shop.folder / "shop.db").read_bytes() == before
    assert Path("/dev/null").is_char_device()


def test_a_pushgateway_shows_what_was_pushed_last(shop: Shop, tmp_path: Path) -> None:
    with pushgateway(tmp_path) as url:
        done = shop.drkit.ok("metrics", "--push", url)
        assert done.out == f"pushed to {url}/metrics/job/drkit/instance/shop\n"
        shop.drkit.ok("backup", "now")
        pushed = shop.drkit.json("metrics", "--push", url)
        found = read(f"{url}/metrics")
    assert re.search(r'^drkit_points\{instance="shop",job="drkit",source="main",system="shop"\} 2$', found, re.M)
    assert found.count("\ndrkit_points{") == 1
    assert pushed["pushed"] == f"{url}/metrics/job/drkit/instance/shop"
    assert pushed["samples"] > 15


def test_a_part_of_a_system_is_pushed_beside_the_whole(shop: Shop, tmp_path: Path) -> None:
    with shop.schedule.open("a") as schedule:
        schedule.write(OTHER)
    with pushgateway(tmp_path) as url:
        shop.drkit.ok("metrics", "shop/main", "--push", url)
        shop.drkit.ok("metrics", "shop/other", "--push", url)
        found = read(f"{url}/metrics")
    assert set(re.findall(r'^drkit_points\{instance="([^"]*)"', found, re.M)) == {"shop/main", "shop/other"}


def test_a_pushgateway_that_is_locked_is_opened_by_what_a_file_or_a_variable_holds(shop: Shop, tmp_path: Path) -> None:
    with pushgateway(tmp_path, LOCKED) as url:
        secret = url.replace("//", "//me:test@")
        (shop.folder / "gateway").write_text(f"{secret}\n")
        by_file = shop.drkit.ok("metrics", "--push", "file:gateway")
        by_variable = shop.drkit.ok("metrics", "--push", "env:GATEWAY", GATEWAY=secret)
        refused = shop.drkit("metrics", "--push", "env:GATEWAY", GATEWAY=url.replace("//", "//me:wr0ng@"))
    assert "test@" not in f"{by_file}{by_variable}"
    assert refused.code == 5
    assert "refused the figures with 401" in refused.errors[0]["message"]
    assert "wr0ng" not in f"{refused}"


@pytest.mark.parametrize("credentials", ["me:s3cr3t", "s3cr3t", ":s3cr3t"])
def test_a_password_on_the_command_line_is_refused_and_never_repeated(shop: Shop, credentials: str) -> None:
    done = shop.drkit("metrics", "--push", f"https://{credentials}@localhost:9091")
    assert done.code == 2
    assert "s3cr3t" not in f"{done}"


@pytest.mark.parametrize(
    ("given", "code"),
    [("ftp://host", 2), ("http://", 2), ("env:NOT_SET", 2), ("file:nowhere", 2), ("http://127.0.0.1:9", 5)],
)
def test_a_place_that_takes_no_figures_is_told(shop: Shop, given: str, code: int) -> None:
    done = shop.drkit("metrics", "--push", given)
    assert (done.code, done.out) == (code, "")
    assert done.errors[0]["hint"]


def test_what_a_pushgateway_says_against_the_figures_is_told(shop: Shop) -> None:
    with shown("") as figures:  # a server that knows no PUT
        done = shop.drkit("metrics", "--push", figures.url.removesuffix("/metrics"))
    assert done.code == 5
    assert "refused the figures with 501" in done.errors[0]["message"]


def test_prometheus_takes_them_as_openmetrics_too(shop: Shop, tmp_path: Path) -> None:
    text = shop.drkit.ok("metrics", "--openmetrics").out
    with (
        shown(text, OPENMETRICS) as figures,
        prometheus_server(tmp_path / "prometheus", {"drkit": figures.url}) as server,
    ):
        figures.show(text)
        found = await_true(
            lambda: server.query("drkit_backup_failures_total"), told=lambda: server.query("up"), pause=0.2
        )
    assert found[0]["metric"]["system"] == "shop"


def test_it_writes_nothing_into_the_store(shop: Shop) -> None:
    before = {path: path.stat().st_mtime_ns for path in shop.objects()}
    shop.drkit.ok("metrics")
    assert {path: path.stat().st_mtime_ns for path in shop.objects()} == before


def test_a_push_that_nobody_answers_can_be_interrupted(shop: Shop) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with shop.drkit.running("metrics", "--push", f"http://127.0.0.1:{port}") as child:
            silent.settimeout(60)
            line, _ = silent.accept()
            with line:
                child.send_signal(signal.SIGTERM)
                assert child.wait(PATIENCE) == 130
