"""The alert rules and the dashboard, held against a real Prometheus that scrapes what drkit tells."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from bulletins import ruined
from cli.conftest import Shop, copy_shop
from cli_drills import ago, put_evidence
from drkit.metrics import METRICS, render
from patience import await_true
from servers.children import free_port
from servers.figures import shown
from servers.prometheus import Prometheus, prometheus_server, promtool

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy/prometheus/drkit.rules.yaml"
ALERTS = [alert for group in yaml.safe_load(RULES.read_text())["groups"] for alert in group["rules"]]
DASHBOARD = json.loads((ROOT / "deploy/grafana/drkit.json").read_text())
QUERIES = [(panel["title"], target["expr"]) for panel in DASHBOARD["panels"] for target in panel["targets"]]
VARIABLES = [each["definition"] for each in DASHBOARD["templating"]["list"] if each["type"] == "query"]


@pytest.fixture(scope="module")
def looks(captured: Callable[[], Path], tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What `drkit metrics` says of a shop: verified, captured once more, and after a backup that failed."""
    shop = copy_shop(captured(), tmp_path_factory.mktemp("looks") / "shop")
    [point] = shop.ids()
    put_evidence(shop.schedule, shop.folder / "backups", ago(minutes=1), backup=point, reached=ago(minutes=2))
    found = [_look(shop)]
    shop.drkit.ok("backup", "now")
    found.append(_look(shop))
    (shop.folder / "shop.db").rename(shop.folder / "gone.db")
    assert shop.drkit("backup", "now").code == 4
    return [*found, _look(shop)]


@pytest.fixture(scope="module")
def prometheus(looks: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """It has seen the shop over three looks, a daemon to which everything happened, and one that is down. No alert
    waits, so that those which would fire in time do so at once."""
    folder = tmp_path_factory.mktemp("prometheus")
    impatient = folder / "rules.yaml"
    impatient.write_text(re.sub(r"(?m)^( +for:) .*", r"\1 0s", RULES.read_text()))
    now = datetime.now(UTC)
    bulletin, daemon = ruined(now)
    with shown(looks[0]) as shop, shown(render(bulletin, now, daemon)) as ruin:
        targets = {"drkit": shop.url, "drkit-ruin": ruin.url, "drkit-down": f"http://127.0.0.1:{free_port()}/metrics"}
        with prometheus_server(folder, targets, [impatient]) as server:
            for look in looks:
                shop.show(look)
            yield server


def test_what_drkit_tells_is_as_prometheus_wants_it(looks: list[str]) -> None:
    for look in looks:
        promtool("check", "metrics", given=look)
    now = datetime.now(UTC)
    promtool("check", "metrics", given=render(ruined(now)[0], now, ruined(now)[1]))


def test_the_alert_rules_are_as_prometheus_wants_them() -> None:
    promtool("check", "rules", str(RULES))


def test_each_alert_fires_for_whom_it_should_and_for_nobody_else() -> None:
    promtool("test", "rules", str(ROOT / "tests/prometheus/drkit.test.yaml"))


def test_each_alert_has_a_test() -> None:
    tested = [each["name"] for each in yaml.safe_load((ROOT / "tests/prometheus/drkit.test.yaml").read_text())["tests"]]
    assert tested == [alert["alert"] for alert in ALERTS]


@pytest.mark.parametrize(("panel", "query"), QUERIES, ids=[f"{title}: {query}" for title, query in QUERIES])
def test_every_query_of_the_dashboard_finds_something(prometheus: Prometheus, panel: str, query: str) -> None:
    for variable in ("system", "source"):
        query = query.replace(f"${variable}", ".*")
    assert prometheus.query(query), panel


@pytest.mark.parametrize("variable", VARIABLES)
def test_every_variable_of_the_dashboard_has_values(prometheus: Prometheus, variable: str) -> None:
    [(metric, label)] = re.findall(r"label_values\((.*), (\w+)\)", variable)
    found = prometheus.query(metric.replace("$system", ".*"))
    assert {each["metric"][label] for each in found} >= {"shop" if label == "system" else "main"}


@pytest.mark.parametrize("expression", [alert["expr"] for alert in ALERTS], ids=[alert["alert"] for alert in ALERTS])
def test_whatever_an_alert_asks_for_is_there(prometheus: Prometheus, expression: str) -> None:
    prometheus.query(expression)
    for metric in set(re.findall(r"\b(?:drkit_\w+|up)\b", expression)):
        assert prometheus.query(metric)


def test_where_all_is_wrong_all_alerts_fire_and_their_words_are_whole(prometheus: Prometheus) -> None:
    """All but one: nobody can tell figures and be silent."""
    _await_alerts(prometheus, {alert["alert"] for alert in ALERTS} - {"DrkitAbsent"})
    for each in prometheus.alerts():
        for words in each["annotations"].values():
            assert not re.search(r"<no value>|<error|\{\{|%!", words), words
    for alert in ALERTS:  # a label that is not there would be left blank
        raised = [each["labels"] for each in prometheus.alerts() if each["labels"]["alertname"] == alert["alert"]]
        used = set(re.findall(r"\$labels\.(\w+)", " ".join(alert["annotations"].values())))
        assert used <= {label for labels in raised for label in labels}, alert["alert"]


def test_a_backup_that_failed_is_seen_as_one_more_failure(prometheus: Prometheus) -> None:
    [found] = prometheus.query('increase(drkit_backup_failures_total{source="main"}[1h])')
    assert float(found["value"][1]) > 0


def test_of_a_shop_whose_last_backup_failed_nothing_else_is_said(prometheus: Prometheus) -> None:
    _await_alerts(prometheus, {"DrkitJobFailing"}, system="shop", source="main")


def test_dashboard_and_rules_name_no_metric_that_is_not_told() -> None:
    used = "\n".join([*(query for _, query in QUERIES), *VARIABLES, *(alert["expr"] for alert in ALERTS)])
    assert set(re.findall(r"\bdrkit_\w+", used)) <= {metric.name for metric in METRICS}


def test_panels_have_numbers_of_their_own_and_do_not_overlap() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for place in (panel["gridPos"] for panel in panels):
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        assert place["x"] + place["w"] <= 24
        taken |= cells


def _look(shop: Shop) -> str:
    return shop.drkit.ok("metrics").out


def _await_alerts(prometheus: Prometheus, expected: set[str], **labels: str) -> None:
    """Rules are evaluated one after the other, once a second."""
    await_true(
        lambda: _alerts(prometheus, labels) == expected,
        told=lambda: expected ^ _alerts(prometheus, labels),
        pause=0.2,
    )


def _alerts(prometheus: Prometheus, labels: dict[str, str]) -> set[str]:
    return {each["labels"]["alertname"] for each in prometheus.alerts() if labels.items() <= each["labels"].items()}
