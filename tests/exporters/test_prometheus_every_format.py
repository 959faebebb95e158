"""Whatever is rendered: every format says the same, in words that the official parsers and decoders understand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polymeter.exporters.prometheus import Classic, PrometheusExporter, Quantiles
from tests.exporters.prometheus_messages import PROTOBUF, decode
from tests.exporters.prometheus_messages import samples as protobuf_samples
from tests.exporters.prometheus_reading import OPENMETRICS, body, openmetrics_samples, read, same_samples, samples
from tests.exporters.test_prometheus_any_input import any_snapshot
from tests.strategies import FEWER

SCHEMES = ["underscores", "dots", "values", "allow-utf-8"]
styles = st.sampled_from(["classic", "native", Quantiles(0.0, 0.5, 0.99), Classic(0.001, 1, 5), Classic(-1, 0)])


@st.composite
def any_exporter(draw, **options):
    """Give an exporter that will render anything, in any of its styles."""
    exporter = PrometheusExporter(
        histograms=draw(styles),
        styles={"a*": draw(styles)},
        created=draw(st.booleans()),
        target_info=draw(st.booleans()),
        utf8_names=draw(st.booleans()),
        **options,
    )
    exporter.export(draw(any_snapshot()))
    return exporter


@FEWER
@given(exporter=any_exporter())
def test_text_1_0_0_says_what_0_0_4_says_where_names_are_not_escaped_otherwise(exporter):
    plain = exporter.render()
    assert body(exporter) == plain.encode()
    assert body(exporter, "text/plain;version=1.0.0") == plain.encode()
    read(plain)


@pytest.mark.parametrize("scheme", SCHEMES)
@FEWER
@given(exporter=any_exporter())
def test_text_and_protobuf_say_the_same_in_every_scheme(scheme, exporter):
    of_text = samples(body(exporter, f"text/plain;version=1.0.0;escaping={scheme}").decode())
    of_protobuf = protobuf_samples(body(exporter, f"{PROTOBUF};escaping={scheme}"))
    # Where series began is told in protobuf without a sample of its own.
    of_text = {key: value for key, value in of_text.items() if key in of_protobuf or not key[0].endswith("_created")}
    assert same_samples(of_text, of_protobuf)


@pytest.mark.parametrize("scheme", SCHEMES)
@FEWER
@given(exporter=any_exporter())
def test_openmetrics_says_the_same_less_what_it_forbids(scheme, exporter):
    of_text = samples(body(exporter, f"text/plain;version=1.0.0;escaping={scheme}").decode())
    strict = openmetrics_samples(body(exporter, f"{OPENMETRICS};escaping={scheme}").decode())
    assert same_samples(strict, {key: of_text[key] for key in strict})
    forbidden = {key: value for key, value in of_text.items() if key not in strict}
    assert all(name.endswith(("_sum", "_count")) or value < 0 for (name, _), value in forbidden.items())


@FEWER
@given(exporter=any_exporter())
def test_units_end_the_names_of_their_families(exporter):
    for scheme in SCHEMES:
        for family in decode(body(exporter, f"{PROTOBUF};escaping={scheme}")):
            stem = family.name.removesuffix("_total") if family.type == 0 else family.name
            assert not family.unit or stem.endswith(f"_{family.unit}")
