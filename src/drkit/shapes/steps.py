"""What to type next, by shape: from the files that were just written to a backup that was restored once. Pure."""

from pathlib import Path
from shlex import quote

from drkit.shapes.known import Facts


def say_next(facts: Facts, folder: Path, version: str) -> list[str]:
    """Lines to be typed in order, and words after a `#`. `folder` is where schedules/ and keys/ are."""
    steps = {"kubernetes": _kubernetes, "railway": _platform, "render": _platform, "neon": _neon, "volume": _volume}
    return steps[facts.shape.name](facts, folder, version)


def _config(folder: Path) -> str:
    return "" if folder == Path() else f" --config {quote(str(folder / 'schedules'))}"


def _try_out(facts: Facts, folder: Path, target: str) -> list[str]:
    config = _config(folder)
    return [
        f"drkit check{config}",
        f"drkit backup now{config}",
        f"drkit restore{config} {facts.name} --to {target}",
    ]


def _platform(facts: Facts, folder: Path, version: str) -> list[str]:
    config, keys = _config(folder), folder / "keys"
    variable = f"{facts.variable}_SIGNING_KEY"
    database = "${{Postgres.DATABASE_URL}}" if facts.shape.name == "railway" else "the internal database URL"
    dsn = facts.origin.removeprefix("env:")
    return [
        f'export {variable}="$(cat {quote(str(keys / "signing"))})"      # for a try from here',
        f"drkit check{config}",
        f"drkit backup now{config}",
        f"# On {facts.shape.place}, a service of the image drkit:{version} with the folder schedules copied to"
        " /etc/drkit/schedules, and no key in it. It runs `drkit daemon`. Its variables:",
        f"#   {variable}  secret: what keys/signing holds",
        f"#   {dsn}  {database}" if facts.origin.startswith("env:") else f"#   {dsn}",
        "#   AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, DRKIT_TOKEN  secret; DRKIT_LISTEN  0.0.0.0:8321",
        f"drkit restore{config} {facts.name} --to restored   # where the identity line of the schedule has lost its #",
    ]


def _kubernetes(facts: Facts, folder: Path, version: str) -> list[str]:
    config, secret = _config(folder), f"drkit-{facts.name}"
    here = "" if folder == Path() else f"{quote(str(folder))}/"
    from_file = facts.origin.startswith("file:")
    key, origin = ("dsn", f"{here}secrets/dsn") if from_file else (facts.origin.removeprefix("env:"), "dsn.txt")
    made = (
        [f"(umask 077; mkdir -p {here}secrets; cat > {origin})      # postgresql://…, then Ctrl-D"] if from_file else []
    )
    return [
        *made,
        f"drkit check{config}",
        "kubectl create namespace drkit; kubectl create namespace drkit-verify",
        f"kubectl create secret generic {secret} --namespace drkit --from-file={key}={origin}"
        f" --from-file=signing={here}keys/signing",
        f"kubectl create secret generic {secret} --namespace drkit-verify --from-file=identity={here}keys/identity"
        f" --from-file=signing={here}drills/signing",
        f"drkit k8s{config} --image REGISTRY/drkit:{version} --out drkit.yaml",
        "kubectl apply -f drkit.yaml",
        f"kubectl create job first-backup --namespace drkit --from=cronjob/{facts.name}-main-backup",
    ]


def _neon(facts: Facts, folder: Path, _version: str) -> list[str]:
    return [
        *_try_out(facts, folder, "restored"),
        f"drkit verify now{_config(folder)}                     # into a scratch server here: Neon is not asked",
        "# Anything that runs around the clock keeps it going: `drkit daemon`, or cron with `drkit backup now`.",
    ]


def _volume(facts: Facts, folder: Path, _version: str) -> list[str]:
    name = facts.name if facts.uploads is None else f"{facts.name}/main"
    config = _config(folder)
    whole = f"drkit restore{config} {facts.name} --to ./restored      # database and files, as one set"
    return [
        f"drkit check{config}",
        f"drkit backup now{config}",
        f"drkit restore{config} {name} --to ./restored.db" if facts.uploads is None else whole,
        "# `drkit daemon` beside the application runs the schedule; a volume can be mounted by one service only.",
    ]
