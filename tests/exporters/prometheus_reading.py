"""What Prometheus understands of a text: the official parsers, with the checks that they leave out."""

from __future__ import annotations

import itertools
import math
import re
import subprocess
from dataclasses import dataclass, field

from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

SUFFIXES = {
    "counter": ("",),
    "gauge": ("",),
    "histogram": ("", "_bucket", "_sum", "_count"),
    "summary": ("", "_sum", "_count"),
}
OPENMETRICS = "application/openmetrics-text;version=1.0.0"
"""The ``Accept`` header that asks for it."""
NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


@dataclass
class Family:
    """One family, as Prometheus names it.

    :ivar samples: (sample name, sorted labels) -> value.
    """

    name: str
    type: str
    help: str = ""
    samples: dict[tuple[str, tuple[tuple[str, str], ...]], float] = field(default_factory=dict)

    def value(self, suffix: str = "", **labels: str) -> float:
        """Give the value of one sample."""
        return self.samples[self.name + suffix, tuple(sorted(labels.items()))]


def read(text: str) -> list[Family]:
    """Give the families of a text; fail if any rule of the format is broken."""
    assert text.encode().decode() == text
    assert not text or text.endswith("\n")
    families, line_counts = _outline(text)
    claimed = [family.name + suffix for family in families for suffix in SUFFIXES[family.type]]
    assert len(claimed) == len(set(claimed)), f"two families claim one sample name: {claimed}"
    parsed = list(text_string_to_metric_families(text))
    for family, count, official in zip(families, line_counts, parsed, strict=True):
        assert official.name == (family.name.removesuffix("_total") if family.type == "counter" else family.name)
        assert official.type == family.type
        family.help = official.documentation
        for sample in official.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in family.samples, f"duplicate sample {key}"
            assert all(value for value in sample.labels.values()), "an empty label is no label"
            assert not any(label.startswith("__") for label in sample.labels)
            family.samples[key] = sample.value
        assert len(family.samples) == count
        if family.type == "histogram":
            _check_histogram(family)
    return families


def by_name(text: str) -> dict[str, Family]:
    """Give the families by name."""
    return {family.name: family for family in read(text)}


def _outline(text: str) -> tuple[list[Family], list[int]]:
    """Read line by line: HELP, TYPE and then all samples of each family, and nothing of it ever again."""
    families: list[Family] = []
    counts: list[int] = []
    lines = iter(text.split("\n")[:-1])
    for line in lines:
        if line.startswith("# HELP "):
            name = line.split(" ")[2]
            assert NAME.fullmatch(name)
            assert name not in {family.name for family in families}, f"family {name} comes twice"
            of_type = next(lines).removeprefix(f"# TYPE {name} ")
            families.append(Family(name, of_type))
            counts.append(0)
        else:
            found = NAME.match(line)
            assert found, line
            family = families[-1]
            suffixes = SUFFIXES[family.type][1:] if family.type == "histogram" else SUFFIXES[family.type]
            assert found[0] in {family.name + suffix for suffix in suffixes}, f"{line} is not of {family.name}"
            counts[-1] += 1
    return families, counts


def _check_histogram(family: Family) -> None:
    series: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = {}
    for (name, labels), value in family.samples.items():
        if name == f"{family.name}_bucket":
            bounds = [text for label, text in labels if label == "le"]
            rest = tuple(pair for pair in labels if pair[0] != "le")
            series.setdefault(rest, []).append((float(bounds[0]), value))
        else:
            assert "le" not in dict(labels)
    for labels, buckets in series.items():
        assert all(low[0] < high[0] and low[1] <= high[1] for low, high in itertools.pairwise(buckets))
        assert buckets[-1] == (math.inf, family.samples[f"{family.name}_count", labels])
        assert (f"{family.name}_sum", labels) in family.samples


def body(exporter, accept="", **options) -> bytes:
    """Give what an exporter answers."""
    return b"".join(exporter.exposition(accept, **options))


def samples(text: str) -> dict:
    """Give the samples of a text of version 0.0.4 or 1.0.0: (sample name, sorted labels) -> value.

    Bounds and quantiles are numbers there, however they are written.
    """
    return _samples(text_string_to_metric_families(text))


def openmetrics_samples(text: str) -> dict:
    """Give the samples of a text in OpenMetrics; fail if a rule of that format is broken."""
    assert text.endswith("# EOF\n")
    assert "\n\n" not in text
    lines = text.split("\n")
    for line, following in itertools.pairwise(lines):  # the order of metadata is TYPE, UNIT, HELP
        if line.startswith("# TYPE "):
            assert following.startswith(("# UNIT ", "# HELP "))
        if line.startswith("# UNIT "):
            assert following.startswith("# HELP ")
    families = list(openmetrics.text_string_to_metric_families(text))
    names = [family.name for family in families]
    assert len(names) == len(set(names))
    assert len(names) == sum(line.startswith("# TYPE ") for line in lines), "samples of no family"
    return _samples(families)


def _samples(families) -> dict:
    found = {}
    for family in families:
        for sample in family.samples:
            labels = [
                (name, float(text) if name == "le" or (name == "quantile" and family.type == "summary") else text)
                for name, text in sample.labels.items()
            ]
            key = (sample.name, tuple(sorted(labels)))
            assert key not in found, f"duplicate sample {key}"
            found[key] = sample.value
    return found


def same_samples(one: dict, other: dict) -> bool:
    """Tell whether two are the same, as floats, NaN being the same as NaN."""
    return _comparable(one) == _comparable(other)


def _comparable(found: dict) -> dict:
    return {key: "NaN" if math.isnan(value) else float(value) for key, value in found.items()}


def promtool_says(promtool, text: str) -> subprocess.CompletedProcess[str]:
    """Have Prometheus' own checker read a text: exit code 1 if it cannot, 3 if it can and advises."""
    return subprocess.run([promtool, "check", "metrics"], input=text, text=True, capture_output=True, check=False)
