"""``sources = "auto"``: a source for each library that is installed and has one."""

from __future__ import annotations

import pytest

from polymeter.configuration import Configuration, schema
from polymeter.errors import DefinitionError

INSTALLED = {"openai": "3.1.0", "litellm": "0.1", "httpx": "0.28.1", "requests": "2.32.0"}  # litellm's is too old


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    monkeypatch.setattr("polymeter.sources.discovery.installed_version", INSTALLED.get)


def names(configuration):
    return [part.name for part in configuration.sources]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("auto", ["openai", "http"]),
        (["auto"], ["openai", "http"]),
        (["http", "auto"], ["http", "openai"]),
        ({"auto": True}, ["openai", "http"]),
        ({"auto": True, "http": False}, ["openai"]),
        ({"auto": True, "http": {"libraries": ["httpx"]}}, ["openai", "http"]),
        ({"auto": True, "mine": {"use": "tests.configuration.parts:AnySource"}}, ["openai", "http", "mine"]),
        ({"auto": False}, []),
        (["openai"], ["openai"]),
    ],
    ids=str,
)
def test_it_stands_for_what_is_installed_and_supported(said, meant):
    assert names(Configuration.of({"sources": said})) == meant


def test_options_of_what_it_stands_for_can_be_said():
    said = {"auto": True, "http": {"libraries": ["httpx"]}}
    assert dict(Configuration.of({"sources": said}).sources[1].options) == {"libraries": ("httpx",)}


@pytest.mark.parametrize(
    ("said", "meant"), [("auto", ["openai", "http"]), ("http, AUTO", ["http", "openai"]), ("openai", ["openai"])]
)
def test_a_variable_can_say_it(monkeypatch, tmp_path, said, meant):
    monkeypatch.chdir(tmp_path)
    assert names(Configuration.from_environ({"POLYMETER_SOURCES": said})) == meant


def test_where_nothing_is_installed_it_stands_for_nothing(monkeypatch):
    monkeypatch.setattr("polymeter.sources.discovery.installed_version", lambda _: None)
    assert names(Configuration.of({"sources": "auto"})) == []
    assert names(Configuration.from_environ({"POLYMETER_SOURCES": "auto"})) == []


def test_only_sources_have_it():
    with pytest.raises(DefinitionError, match="there is no exporter 'auto'"):
        Configuration.of({"exporters": ["auto"]})


def test_the_schema_has_it():
    assert {"const": "auto"}.items() <= schema()["properties"]["sources"]["anyOf"][0].items()
