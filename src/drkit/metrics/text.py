"""Samples as text, in Prometheus' format or in OpenMetrics. It must not know what any of them means."""

from collections.abc import Iterable, Iterator

from drkit.metrics.names import METRICS, Metric, Sample

PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

_IN_HELP = str.maketrans({"\\": r"\\", "\n": r"\n"})
_IN_LABEL = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


def write(samples: Iterable[Sample], openmetrics: bool = False) -> str:
    """Each metric once, in the order of `METRICS`, with all its samples below it."""
    found: dict[Metric, list[Sample]] = {}
    for sample in samples:
        found.setdefault(sample.metric, []).append(sample)
    families = (_family(metric, found[metric], openmetrics) for metric in METRICS if metric in found)
    return "".join(line for family in families for line in family) + ("# EOF\n" if openmetrics else "")


def _family(metric: Metric, samples: Iterable[Sample], openmetrics: bool) -> Iterator[str]:
    """OpenMetrics calls a family what its samples are called without their suffix."""
    if openmetrics:
        suffix = {"counter": "_total", "info": "_info", "gauge": ""}[metric.kind]
        name, kind, words = metric.name.removesuffix(suffix), metric.kind, metric.help.translate(_IN_LABEL)
    else:
        kind = "gauge" if metric.kind == "info" else metric.kind
        name, words = metric.name, metric.help.translate(_IN_HELP)
    yield f"# HELP {name} {words}\n# TYPE {name} {kind}\n"
    for sample in samples:
        pairs = zip(metric.labels, sample.labels, strict=True)
        labels = ",".join(f'{label}="{value.translate(_IN_LABEL)}"' for label, value in pairs)
        yield f"{metric.name}{{{labels}}} {sample.value!r}\n" if labels else f"{metric.name} {sample.value!r}\n"
