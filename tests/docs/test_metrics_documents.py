"""What is written of metrics and alerts is what there is."""

import re
import shlex
from pathlib import Path

import typer
import yaml

from drkit.cli.app import app
from drkit.metrics import METRICS

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy/prometheus/drkit.rules.yaml"
ALERTS = [alert for group in yaml.safe_load(RULES.read_text())["groups"] for alert in group["rules"]]
ROW = re.compile(r"^\| `(drkit_\w+)` \| (\w+) \| ([^|]*?) \| ([^|]*) \|$", re.MULTILINE)
DOCUMENT = (ROOT / "docs/METRICS.md").read_text()


def test_the_table_of_metrics_is_what_drkit_tells() -> None:
    documented = [(name, kind, tuple(re.findall(r"\w+", labels))) for name, kind, labels, _ in ROW.findall(DOCUMENT)]
    assert documented == [(metric.name, metric.kind, metric.labels) for metric in METRICS]


def test_the_table_says_what_prometheus_is_told() -> None:
    meanings = {name: meaning for name, _, _, meaning in ROW.findall(DOCUMENT)}
    assert {metric.name: metric.help for metric in METRICS} == meanings


def test_each_alert_has_a_section_in_the_runbook_to_which_it_leads() -> None:
    for alert in ALERTS:
        document, _, anchor = alert["annotations"]["runbook_url"].partition("#")
        headings = re.findall(r"^#+ (.*)$", (ROOT / document).read_text(), re.MULTILINE)
        assert anchor in {heading.lower().replace(" ", "-") for heading in headings}


def test_each_alert_waits_has_a_severity_and_names_a_command_that_there_is() -> None:
    command: typer.core.TyperGroup = typer.main.get_command(app)
    for alert in ALERTS:
        assert alert["for"]
        assert alert["labels"]["severity"] in ("critical", "warning")
        assert alert["annotations"]["summary"]
        shown = re.findall(r"`drkit ([^`]*)`", alert["annotations"]["description"])
        assert shown, alert["alert"]
        for line in shown:
            first, second, *_ = [*shlex.split(line), ""]
            assert first in command.commands
            assert second in getattr(command.commands[first], "commands", {second: None})
