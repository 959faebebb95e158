"""The options of a thing are the parameters of its constructor, in the forms that their types have in a file."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polymeter import DefinitionError
from polymeter.configuration import Configuration, Secret
from polymeter.configuration.rooms import COLLECTORS, EXPORTERS, REGISTRIES, SOURCES
from polymeter.exporters import JsonLinesExporter, PrometheusExporter
from polymeter.exporters.prometheus.styles import Classic, Quantiles
from tests.configuration.parts import Colour, Key, Shares, doubled, exporter_of, made

OURS = "tests.configuration.parts:TestExporter"


def made_with(options, use=OURS):
    (part,) = Configuration.of({"exporters": {"it": {"use": use, **options}}}).exporters
    return part.make()


def value_of(name, said):
    return made_with({name: said}).given[name]


@pytest.mark.parametrize(
    ("name", "said", "meant"),
    [
        ("switch", True, True),
        ("whole", 5, 5),
        ("number", 5, 5),
        ("number", 0.5, 0.5),
        ("url", "http://h", "http://h"),
        ("place", "/tmp/x", Path("/tmp/x")),  # noqa: S108 - a path like any other
        ("either", "a/b", "a/b"),
        ("colour", "blue", Colour.BLUE),
        ("level", 3, 3),
        ("level", "low", "low"),
        ("several", [1, 2], (1, 2)),
        ("several", [], ()),
        ("by_name", {"a": 1}, {"a": 1}),
        ("headers", {"A": "b"}, {"A": "b"}),
        ("callback", "tests.configuration.parts:doubled", doubled),
        ("annotated", 7, 7),
        ("temporality", "delta", "delta"),
        ("free", {"any": ["thing", 1]}, {"any": ["thing", 1]}),
    ],
)
def test_a_value_is_said_in_the_form_of_its_type(name, said, meant):
    value = value_of(name, said)
    assert value == meant
    assert type(value) is type(meant)


@pytest.mark.parametrize("name", ["clock", "amount", "unknown"])
def test_what_has_no_form_takes_python(name):
    with pytest.raises(DefinitionError, match="this cannot be said here: it takes Python"):
        made_with({name: "x"})


def test_an_object_of_values_is_the_table_of_its_parameters():
    auth = value_of("auth", {"key": "abc"})
    assert isinstance(auth, Key)
    assert auth.key == "abc"


def test_of_several_classes_it_is_the_one_whose_parameters_these_are():
    auth = value_of("auth", {"shares": [0.5, 1]})
    assert isinstance(auth, Shares)
    assert auth.shares == (0.5, 1)


def test_what_an_object_refuses_is_said_with_its_place_and_without_the_secret():
    with pytest.raises(DefinitionError) as refused:
        made_with({"auth": {"key": "top secret"}})
    assert str(refused.value) == "the configuration: exporters.it.auth: the key '***' has a space"


def test_a_function_is_called_with_the_options_too():
    assert (
        made_with({"size": 3}, use="tests.configuration.parts:exporter_of").given["whole"]
        == exporter_of(3).given["whole"]
    )


def test_an_object_is_taken_as_it_is():
    assert made_with({}, use="tests.configuration.parts:made") is made


def test_options_with_any_name_are_passed_on_as_they_are():
    (part,) = Configuration.of(
        {"sources": {"it": {"use": "tests.configuration.parts:AnySource", "a": [1], "b": "x"}}}
    ).sources
    assert part.make().wishes == {"a": [1], "b": "x"}


def test_a_parameter_with_two_names_is_known_by_each(tmp_path):
    exporter = made_with({"path": str(tmp_path / "m.jsonl")}, use="json_lines")
    assert isinstance(exporter, JsonLinesExporter)


def test_an_option_may_be_written_with_dashes():
    assert made_with({"by-name": {"a": 1}}).given["by_name"] == {"a": 1}


def test_a_logger_is_said_by_its_name_and_a_stream_too(capsys):
    configuration = Configuration.of(
        {"exporters": {"log": {"logger": "shop", "level": "WARNING"}, "console": {"stream": "stderr"}}}
    )
    log, console = (part.options for part in configuration.exporters)
    assert log["logger"] is logging.getLogger("shop")
    assert console["stream"] is sys.stderr
    assert "logger = 'shop'" in str(configuration)


def test_styles_of_prometheus_can_be_said():
    options = {"histograms": {"quantiles": [0.5, 0.99]}, "styles": {"a.*": "native", "b": {"bounds": [1, 2]}}}
    (part,) = Configuration.of({"exporters": {"prometheus": options}}).exporters
    assert isinstance(part.make(), PrometheusExporter)
    assert part.options["histograms"] == Quantiles(0.5, 0.99)
    assert part.options["styles"] == {"a.*": "native", "b": Classic(1, 2)}


@pytest.mark.parametrize("room", [EXPORTERS, COLLECTORS, SOURCES, REGISTRIES], ids=lambda room: room.thing)
def test_everything_in_a_room_has_a_name_and_its_options_can_be_read(room):
    from polymeter.configuration.options import options_of

    assert room.names
    for short, of_class in room.names.items():
        found = room.find(short)
        assert found.__name__ == of_class
        assert room.find(short.upper().replace("_", "-")) is found
        assert not options_of(found).takes_any


def test_short_names_are_those_of_the_files():
    assert {"json_lines", "in_memory", "logfmt", "prometheus", "null"} <= set(EXPORTERS.names)
    assert set(SOURCES.names) >= {"openai"}
    assert set(COLLECTORS.names) >= {"inference"}
    assert set(REGISTRIES.names) >= {"aggregating", "windowed", "in_memory"}


documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["exporters", "log", "level", "use", "serve", "env", "file", "triggers", "every", "resource", "x"]
            )
            | st.text(max_size=3),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)
KEYS = ["collectors", "disabled", "exporters", "registry", "resource", "service_name", "sources", "triggers", "other"]


@given(st.dictionaries(st.sampled_from(KEYS), documents))
def test_whatever_is_said_it_is_understood_or_refused_in_our_own_words(document):
    try:
        configuration = Configuration.of(document)
    except DefinitionError as error:
        assert str(error)  # noqa: PT017 - either will do
    else:
        assert str(configuration)
        assert repr(configuration)


def test_a_secret_is_equal_to_the_same_secret_and_shows_nothing():
    assert Secret("a") == Secret("a") != Secret("b")
    assert repr(Secret("a")) == "***"
