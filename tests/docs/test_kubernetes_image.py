"""What k8s-cronjob.yaml runs is there: each command in the command line, each place and the user in the image."""

import re
from pathlib import Path, PurePosixPath

import pytest
import typer

from drkit import __version__
from drkit.cli.app import app, hoist
from drkit.config import load_systems
from drkit.k8s.cluster import Cluster
from drkit.k8s.jobs import find_jobs
from kubernetes_pods import Document, container_of, mount_paths, of_kind, pod_spec, read_documents

ROOT = Path(__file__).parents[2]
JOBS = of_kind(read_documents((ROOT / "k8s-cronjob.yaml").read_text()), "CronJob")
DOCKERFILE = (ROOT / "Dockerfile").read_text()
VARIABLES = dict(re.findall(r"^(?:ENV|   ) (\w+)=(\S+)", DOCKERFILE, re.MULTILINE))
NAMES = [job["metadata"]["name"] for job in JOBS]


def _insist_on_command(words: list[str]) -> None:
    words = hoist(words)
    command = typer.main.get_command(app)
    options = {option for each in command.params for option in each.opts}
    while isinstance(command, typer.core.TyperGroup):
        name = next(word for word in words if not word.startswith("-"))
        words.remove(name)
        assert name in command.commands, f"there is no drkit {name}"
        command = command.commands[name]
    options |= {option for each in command.params for option in each.opts}
    assert {word for word in words if word.startswith("-")} <= options


@pytest.mark.parametrize("job", JOBS, ids=NAMES)
def test_a_pod_runs_a_command_that_drkit_has(job: Document) -> None:
    assert "command" not in container_of(job)  # the image's entry point is drkit
    _insist_on_command(list(container_of(job)["args"]))


def test_the_job_that_pushes_metrics_is_a_command_too() -> None:
    [system] = load_systems(ROOT / "docs/kubernetes")
    for job in find_jobs(system, ("main",), "env:GATEWAY"):
        _insist_on_command(list(job.arguments))


def test_the_entry_point_of_the_image_is_drkit() -> None:
    assert re.search(r'^ENTRYPOINT \["tini", "--", "drkit"\]$', DOCKERFILE, re.MULTILINE)


@pytest.mark.parametrize("job", JOBS, ids=NAMES)
def test_a_pod_runs_as_the_images_user_with_its_folders(job: Document) -> None:
    [user, group] = re.findall(r"^USER (\d+):(\d+)$", DOCKERFILE, re.MULTILINE)[-1]
    context = pod_spec(job)["securityContext"]
    assert (context["runAsUser"], context["runAsGroup"], context["fsGroup"]) == (int(user), int(group), int(group))
    said = {each["name"]: each["value"] for each in container_of(job)["env"] if "value" in each}
    assert {name: said[name] for name in ("DRKIT_CONFIG", "TMPDIR")} == {
        name: VARIABLES[name] for name in ("DRKIT_CONFIG", "TMPDIR")
    }


@pytest.mark.parametrize("job", JOBS, ids=NAMES)
def test_no_volume_hides_what_the_image_runs(job: Document) -> None:
    needed = [
        PurePosixPath(each) for each in (*VARIABLES["PATH"].split(":"), VARIABLES["HOME"], "/etc/ssl", "/etc/passwd")
    ]
    places = mount_paths(job)
    assert [place for place in places for each in needed if each.is_relative_to(place)] == []


def test_the_image_that_is_named_is_this_version() -> None:
    assert {container_of(job)["image"] for job in JOBS} == {f"drkit:{__version__}"}
    assert f"ARG VERSION={__version__}" in DOCKERFILE
    assert Cluster(f"drkit:{__version__}").image == f"drkit:{__version__}"
