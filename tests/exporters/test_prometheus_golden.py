"""The whole of each format for one metric of each kind, byte by byte: the files in ``golden``."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from google.protobuf import text_format

from polymeter.data.units import unit_of
from polymeter.exporters import PrometheusExporter
from polymeter.exporters.prometheus.buckets import default_bounds
from polymeter.exporters.prometheus.text import bound_text, number_text
from tests.exporters.prometheus_messages import PROTOBUF, decode
from tests.exporters.prometheus_reading import OPENMETRICS, body, openmetrics_samples, read
from tests.exporters.prometheus_samples import SNAPSHOT, exporter

GOLDEN = Path(__file__).with_name("golden")
UTF8 = "escaping=allow-utf-8"
FORMATS = {
    "text_0_0_4.txt": ("", {}),
    "text_0_0_4_created.txt": ("", {"created": True}),
    "text_1_0_0_utf8.txt": (f"text/plain;version=1.0.0;{UTF8}", {"utf8_names": True}),
    "openmetrics.txt": (OPENMETRICS, {}),
    "openmetrics_created.txt": (OPENMETRICS, {"created": True}),
    "openmetrics_utf8.txt": (f"{OPENMETRICS};{UTF8}", {"utf8_names": True}),
    "openmetrics_dots.txt": (f"{OPENMETRICS};escaping=dots", {"utf8_names": True}),
    "openmetrics_values.txt": (f"{OPENMETRICS};escaping=values", {"utf8_names": True}),
    "protobuf.txtpb": (PROTOBUF, {}),
}
"""File -> ``Accept`` header and options of the exporter."""


def shown(name: str) -> bytes:
    """Give what a file should hold; of protobuf what Google's decoder makes of it."""
    accept, options = FORMATS[name]
    rendered = body(exporter(**options), accept)
    if accept is not PROTOBUF:
        return rendered
    return "".join(text_format.MessageToString(family, as_utf8=True) + "\n" for family in decode(rendered)).encode()


@pytest.mark.parametrize("name", FORMATS)
def test_the_whole_of_every_format(name):
    assert shown(name) == (GOLDEN / name).read_bytes()


def test_render_gives_the_plain_text():
    assert exporter().render().encode() == (GOLDEN / "text_0_0_4.txt").read_bytes()
    assert PrometheusExporter(histograms="classic").render(SNAPSHOT).startswith("# HELP target_info")


def test_the_golden_texts_keep_the_rules_of_their_formats():
    read((GOLDEN / "text_0_0_4.txt").read_text("utf-8"))
    for name in FORMATS:
        if name.startswith("openmetrics"):
            openmetrics_samples((GOLDEN / name).read_text("utf-8"))


def test_the_content_type_of_render_names_its_format():
    assert PrometheusExporter.content_type == "text/plain; version=0.0.4; charset=utf-8"


def test_nothing_is_an_empty_text_and_in_openmetrics_its_end():
    assert PrometheusExporter().render() == PrometheusExporter().render([]) == ""
    assert body(PrometheusExporter(), PROTOBUF) == b""
    assert body(PrometheusExporter(), OPENMETRICS) == b"# EOF\n"


@pytest.mark.parametrize(
    ("bound", "text"),
    [
        (0, "0.0"),
        (1, "1.0"),
        (0.25, "0.25"),
        (0.001, "0.001"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (0.000012, "1.2e-05"),
        (100_000, "100000.0"),
        (999_999.5, "999999.5"),
        (1_000_000, "1e+06"),
        (1_234_567.5, "1.2345675e+06"),
        (-2.5, "-2.5"),
        (-1e6, "-1e+06"),
        (1e100, "1e+100"),
        (5e-324, "5e-324"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
    ],
)
def test_bounds_are_written_as_openmetrics_writes_them(bound, text):
    assert bound_text(bound) == text
    assert float(text) == bound


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5, "5"),
        (-5, "-5"),
        (0.5, "0.5"),
        (1e300, "1e+300"),
        (2**70, str(2**70)),
        (10**308, "1" + "0" * 308),
        (10**309, "+Inf"),
        (-(10**309), "-Inf"),
        (math.nan, "NaN"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
    ],
    ids=lambda part: str(part)[:9],
)
def test_values_are_written_as_go_reads_them(value, text):
    assert number_text(value) == text


@pytest.mark.parametrize(
    ("unit", "bounds"), [("ms", 17), ("bytes", 14), ("%", 12), ("tokens", 14), ("", 15), ("cows", 15)]
)
def test_each_unit_has_default_bounds_that_ascend(unit, bounds):
    found = default_bounds(unit_of("x", unit))
    assert len(found) == bounds
    assert list(found) == sorted(set(found))
