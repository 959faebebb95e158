"""Which versions of libraries are supported is said by the extras, and read from there."""

from __future__ import annotations

import importlib.metadata
import tomllib

import pytest

from polymeter.errors import MissingExtraError
from polymeter.sources.versions import check_version, installed_version, is_supported, supported_range
from tests.interpreter import ROOT


@pytest.mark.parametrize(
    ("version", "wanted", "answer"),
    [
        ("1.80.0", ">=1.80,<2", True),
        ("1.80", ">=1.80.0,<2", True),
        ("1.79.9", ">=1.80,<2", False),
        ("1.106.2", ">=1.80,<2", True),
        ("2.0.0", ">=1.80,<2", False),
        ("2.0.0rc1", ">=1.80,<2", False),
        ("0.28.1", ">=0.27", True),
        ("10.0", ">=9", True),
        ("1.0.post1", ">=1,<2", True),
        ("unknown", ">=1,<2", False),
        ("3.1", "", True),
    ],
)
def test_a_version_is_in_a_range_or_not(version, wanted, answer):
    assert is_supported(version, wanted) == answer


def test_the_range_is_that_of_the_extra():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    (said,) = extras["litellm"]
    assert said == f"litellm{supported_range('litellm', 'litellm')}"
    assert supported_range("LiteLLM", "litellm") == supported_range("litellm", "litellm")


def test_an_extra_that_does_not_ask_for_a_library_says_nothing():
    assert supported_range("click", "litellm") == ""
    assert supported_range("litellm", "cli") == ""


def test_without_metadata_nothing_is_known(monkeypatch):
    def absent(_):
        raise importlib.metadata.PackageNotFoundError

    monkeypatch.setattr(importlib.metadata, "requires", absent)
    assert supported_range("litellm", "litellm") == ""


def test_what_is_not_installed_has_no_version():
    assert installed_version("there-is-no-such-library") is None
    assert installed_version("click") == importlib.metadata.version("click")


def test_a_missing_library_is_refused_with_the_way_to_get_it():
    with pytest.raises(MissingExtraError, match=r"AnySource needs no-such-thing .*pip install 'polymeter\[any\]'"):
        check_version("AnySource", "no-such-thing", "any")


def test_one_that_is_installed_is_not_refused():
    check_version("AnySource", "click", "cli")
