"""What a cluster makes of rendered documents: the variables, the files and the command of a pod, in a folder.

It must not know drkit's renderer: it reads documents, as a kubelet would.
"""

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

Document = dict[str, Any]
Secrets = Mapping[tuple[str, str], Mapping[str, str]]


def read_documents(text: str) -> list[Document]:
    return [each for each in yaml.safe_load_all(text) if each is not None]


def of_kind(documents: Sequence[Document], kind: str, namespace: str | None = None) -> list[Document]:
    return [
        each for each in documents if each["kind"] == kind and namespace in (None, each["metadata"].get("namespace"))
    ]


def named(documents: Sequence[Document], kind: str, name: str) -> Document:
    [found] = [each for each in of_kind(documents, kind) if each["metadata"]["name"] == name]
    return found


def pod_spec(cron_job: Document) -> Document:
    return dict(cron_job["spec"]["jobTemplate"]["spec"]["template"]["spec"])


def container_of(cron_job: Document) -> Document:
    [container] = pod_spec(cron_job)["containers"]
    return dict(container)


@dataclass(frozen=True, slots=True)
class Started:
    """`root` stands for the pod's /."""

    root: Path
    arguments: list[str]
    environment: dict[str, str]

    def files(self) -> dict[str, str]:
        return {
            f"/{path.relative_to(self.root)}": path.read_text()
            for path in sorted(self.root.rglob("*"))
            if path.is_file()
        }


def start(cron_job: Document, documents: Sequence[Document], secrets: Secrets, root: Path) -> Started:
    """A key that is missing is a KeyError, unless it is optional: the pod would not start. Paths of the pod, wherever a
    variable or a schedule has them, become paths below `root`."""
    spec, container = pod_spec(cron_job), container_of(cron_job)
    namespace = cron_job["metadata"]["namespace"]
    volumes = {each["name"]: each for each in spec["volumes"]}
    places = [mount["mountPath"] for mount in container["volumeMounts"]]

    def within(text: str, *left_out: str) -> str:
        words = "|".join(re.escape(place) for place in places if place not in left_out)
        return re.sub(rf"(?<![\w/.])({words})(?![\w.-])", rf"{root}\1", text)

    for mount in container["volumeMounts"]:
        folder = root / mount["mountPath"].lstrip("/")
        folder.mkdir(parents=True, exist_ok=True)
        for path, content in _contents(volumes[mount["name"]], namespace, documents, secrets).items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(within(content, "/tmp") if path.endswith(".toml") else content)
            file.chmod(_mode(volumes[mount["name"]]))
    environment = {}
    for each in container["env"]:
        value = _value(each, namespace, secrets)
        if value is not None:
            environment[each["name"]] = within(value) if "value" in each else value
    return Started(root, container["args"], environment)


def _mode(volume: Document) -> int:
    [said] = [each for name, each in volume.items() if name != "name"]
    return int(said.get("defaultMode", 0o644))


def _value(variable: Document, namespace: str, secrets: Secrets) -> str | None:
    if "value" in variable:
        return str(variable["value"])
    reference = variable["valueFrom"]["secretKeyRef"]
    held = secrets.get((namespace, reference["name"]), {})
    return held.get(reference["key"]) if reference.get("optional") else held[reference["key"]]


def _contents(volume: Document, namespace: str, documents: Sequence[Document], secrets: Secrets) -> dict[str, str]:
    if "projected" in volume:
        return {
            path: content
            for source in volume["projected"]["sources"]
            for path, content in _contents(source, namespace, documents, secrets).items()
        }
    if "configMap" in volume:
        said = volume["configMap"]
        [held] = [
            each["data"]
            for each in of_kind(documents, "ConfigMap", namespace)
            if each["metadata"]["name"] == said["name"]
        ]
        return {each["path"]: held[each["key"]] for each in said["items"]}
    if "secret" in volume:
        said = volume["secret"]
        name = said.get("secretName") or said["name"]
        held = secrets.get((namespace, name), {} if said.get("optional") else None)
        if held is None:
            raise KeyError(name)
        items = said.get("items") or [{"key": key, "path": key} for key in held]
        wanted = [each for each in items if each["key"] in held or not said.get("optional")]
        return {each["path"]: held[each["key"]] for each in wanted}
    return {}


def patched(document: Document, patch: Sequence[Mapping[str, Any]]) -> Document:
    """As `kubectl patch --type json` does it, for what is added at the end of a list or replaced."""
    made = copy.deepcopy(document)
    for step in patch:
        *way, last = [part.replace("~1", "/").replace("~0", "~") for part in step["path"].split("/")[1:]]
        at: Any = made
        for part in way:
            at = at[int(part)] if isinstance(at, list) else at[part]
        if step["op"] == "add" and last == "-":
            at.append(step["value"])
        else:
            assert step["op"] == "replace" and last in at, step
            at[last] = step["value"]
    return made


def mount_paths(cron_job: Document) -> list[PurePosixPath]:
    return [PurePosixPath(each["mountPath"]) for each in container_of(cron_job)["volumeMounts"]]
