"""What is installed among the libraries that have a source."""

from __future__ import annotations

import pytest

from polymeter import sources
from polymeter.sources import Discovered, discover
from polymeter.sources.discovery import OF_NO_LIBRARY, SOURCES
from tests.interpreter import answer_of


def test_what_is_installed_here_is_found():
    found = {each.library: each for each in discover()}
    assert found["openai"].is_supported
    assert (found["openai"].source, found["openai"].extra) == ("OpenAISource", "openai")


def test_what_is_not_installed_is_not_found(monkeypatch):
    monkeypatch.setattr("polymeter.sources.discovery.installed_version", lambda _: None)
    assert discover() == []


@pytest.mark.parametrize(("version", "answer"), [("1.100.0", True), ("0.1", False), ("unknown", False)])
def test_a_version_outside_of_the_range_is_found_but_not_supported(monkeypatch, version, answer):
    installed = {"litellm": version}
    monkeypatch.setattr("polymeter.sources.discovery.installed_version", installed.get)
    (found,) = discover()
    assert found == Discovered("litellm", version, answer, found.supported, "LiteLLMSource", "litellm")
    assert found.supported.startswith(">=1.")


def test_every_source_is_in_the_list():
    listed = {name for name in sources.__all__ if name.endswith("Source")}
    assert {*SOURCES.values(), "HttpSource", *OF_NO_LIBRARY} == listed


def test_one_source_may_be_for_several_libraries(monkeypatch):
    installed = {"httpx": "0.28.1", "requests": "1.0"}
    monkeypatch.setattr("polymeter.sources.discovery.installed_version", installed.get)
    assert [(each.library, each.source, each.is_supported, each.extra) for each in discover()] == [
        ("httpx", "HttpSource", True, ""),
        ("requests", "HttpSource", False, ""),
    ]


def test_nothing_is_imported_by_looking():
    code = """
import sys, json
from polymeter.sources import discover
found = discover()
heavy = {"openai", "anthropic", "google.genai", "httpx2", "aiohttp", "pydantic"}
print(json.dumps([len(found) > 0, sorted(heavy & set(sys.modules))]))
"""
    assert answer_of(code) == [True, []]
