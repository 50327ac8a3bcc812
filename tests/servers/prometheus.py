"""Prometheus' own programs for tests: the server, the Pushgateway, node_exporter, and promtool."""

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit
from urllib.request import urlopen

from servers.children import answers, free_port, require, running, wait_until


@dataclass(frozen=True)
class Prometheus:
    url: str

    def query(self, expression: str) -> list[dict[str, Any]]:
        """What an instant query gives; one that cannot be parsed is an HTTPError."""
        answer = self._get("query", query=expression)
        result = answer["data"]["result"]
        return [{"metric": {}, "value": result}] if answer["data"]["resultType"] == "scalar" else result

    def alerts(self) -> list[dict[str, Any]]:
        return self._get("alerts")["data"]["alerts"]

    def _get(self, what: str, **parameters: str) -> Any:
        with urlopen(f"{self.url}/api/v1/{what}?{urlencode(parameters)}", timeout=30) as answer:
            return json.load(answer)


@contextmanager
def prometheus_server(folder: Path, targets: Mapping[str, str], rules: Sequence[Path] = ()) -> Iterator[Prometheus]:
    """It scrapes each target, a job's name and its URL, every second, and evaluates the rules as often."""
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [
        {
            "job_name": job,
            "metrics_path": urlsplit(url).path,
            "static_configs": [{"targets": [urlsplit(url).netloc]}],
        }
        for job, url in targets.items()
    ]
    every = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config, log, port = folder / "prometheus.yaml", folder / "prometheus.log", free_port()
    config.write_text(json.dumps({"global": every, "scrape_configs": jobs, "rule_files": list(map(str, rules))}))
    command = [
        require("prometheus", "prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with running(command, log) as child:
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/-/ready"), child, log)
        yield Prometheus(f"http://127.0.0.1:{port}")


@contextmanager
def pushgateway(folder: Path, web_config: str = "") -> Iterator[str]:
    log, port, config = folder / "pushgateway.log", free_port(), folder / "web.yaml"
    config.write_text(web_config)
    program = require("prometheus-pushgateway", "prometheus-pushgateway")
    memory = "--persistence.file="  # Debian's default is one file for all
    command = [program, f"--web.listen-address=127.0.0.1:{port}", f"--web.config.file={config}", memory]
    with running(command, log) as child:
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/-/ready"), child, log)
        yield f"http://127.0.0.1:{port}"


@contextmanager
def node_exporter(folder: Path, textfiles: Path) -> Iterator[str]:
    """The URL of its figures: those in the folder of text files, and its own."""
    log, port = folder / "node_exporter.log", free_port()
    program = require("prometheus-node-exporter", "prometheus-node-exporter")
    only = ["--collector.disable-defaults", "--collector.textfile", f"--collector.textfile.directory={textfiles}"]
    with running([program, f"--web.listen-address=127.0.0.1:{port}", *only], log) as child:
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/"), child, log)
        yield f"http://127.0.0.1:{port}/metrics"


def promtool(*arguments: str, given: str = "") -> None:
    """Passes if promtool finds nothing wrong."""
    command = [require("promtool", "prometheus"), *arguments]
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
