"""`drkit k8s`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from drkit import __version__
from drkit.cli.call import Call
from drkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drkit.k8s.cluster import Cluster
    from drkit.k8s.render import Chosen, Rendered


def k8s(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="SYSTEM or SYSTEM/SOURCE.")] = None,
    image: Annotated[str, typer.Option(help="drkit's image, where the cluster finds it.")] = f"drkit:{__version__}",
    namespace: Annotated[str, typer.Option(help="Where backups run, without the identity.")] = "drkit",
    verify_namespace: Annotated[str, typer.Option(help="Where drills run, with the identity.")] = "drkit-verify",
    pvc: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SOURCE=CLAIM,path=DIR", help="An application's volume; also ,user=UID and ,beside=LABEL=VALUE."
        ),
    ] = None,
    scratch: Annotated[
        str, typer.Option(metavar="SIZE[:CLASS]", help="Room for drills, on the node or by a storage class.")
    ] = "20Gi",
    egress: Annotated[list[int] | None, typer.Option(metavar="PORT", help="One more port that pods may reach.")] = None,
    push: Annotated[
        str | None, typer.Option(metavar="URL", help="Push metrics there every five minutes; or env:NAME, file:/path.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR|FILE", help="Write there; into a folder a file a namespace.")
    ] = None,
) -> None:
    """CronJobs, ConfigMaps, ServiceAccounts and NetworkPolicies for the schedules, for `kubectl apply -f -`.

    Secrets are named and never read. Drills, which open backups, get a namespace of their own.

    Examples:  drkit k8s | kubectl apply -f -  |  drkit k8s shop --image registry.example/drkit:0.1.0 --out shop.yaml
    """
    from drkit.k8s.cluster import Cluster, parse_claim, parse_room
    from drkit.k8s.render import render
    from drkit.wiring import clock

    call: Call = context.obj
    claims = [parse_claim(each) for each in pvc or []]
    if len({source for source, _ in claims}) < len(claims):
        raise UsageError("a source has one volume, and --pvc names two", "name the one that its path is on")
    cluster = Cluster(
        image, namespace, verify_namespace, dict(claims), parse_room(scratch), tuple(egress or ()), _gateway(push)
    )
    rendered = render(_choose(call, names or []), cluster, clock())
    for note in rendered.notes:
        call.console.warn(note)
    if out is None:
        sys.stdout.write(_spell(call, rendered, cluster, rendered.documents))
        return
    for file, documents in _files(out, rendered.documents).items():
        _write(file, _spell(call, rendered, cluster, documents))
        call.console.note(f"wrote {file}")


def _gateway(push: str | None) -> str | None:
    from urllib.parse import urlsplit

    from drkit.config.values import holds_password, is_reference

    if push is None or is_reference(push):
        return push
    if holds_password(push):
        raise UsageError("--push: a URL with a password is a secret", "give a reference to it: --push env:NAME")
    try:
        whole = push.startswith(("http://", "https://")) and urlsplit(push).hostname and urlsplit(push).port != 0
    except ValueError:
        whole = False
    if not whole:
        raise UsageError(f"--push {push} is not a URL", "such as http://pushgateway.monitoring:9091")
    return push


def _choose(call: Call, names: "Sequence[str]") -> "list[Chosen]":
    from drkit.k8s.render import Chosen

    chosen: dict[str, Chosen] = {}
    for source in call.select(names):
        system = source.system
        known = chosen.get(system.name)
        text = known.text if known else (call.config / f"{system.name}.toml").read_text("utf-8")
        chosen[system.name] = Chosen(system, text, (*(known.keys if known else ()), source.key))
    return list(chosen.values())


def _spell(call: Call, rendered: "Rendered", cluster: "Cluster", documents: "Sequence[dict[str, Any]]") -> str:
    """As JSON it is one List, which kubectl takes too."""
    import json

    from drkit.k8s.remarks import REMARKS, head
    from drkit.k8s.spelling import spell_documents

    if call.console.json:
        return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(documents)}, indent=2) + "\n"
    return spell_documents(documents, head(rendered.jobs, cluster), REMARKS)


def _files(out: Path, documents: "Sequence[dict[str, Any]]") -> "dict[Path, list[dict[str, Any]]]":
    if not out.is_dir():
        return {out: list(documents)}
    found: dict[Path, list[dict[str, Any]]] = {}
    for each in documents:
        place = each["metadata"]["name"] if each["kind"] == "Namespace" else each["metadata"]["namespace"]
        found.setdefault(out / f"{place}.yaml", []).append(each)
    return found


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, "utf-8")
    except OSError as error:
        raise UsageError(
            f"{file} cannot be written: {error.strerror}", "name a file or a folder that is there"
        ) from error
