"""Names that are imported when they are first asked for."""

from __future__ import annotations

import importlib
import sys

import pytest

INIT = """
from polymeter.lazily import lazily
__all__ = ["One", "Two"]
__getattr__, __dir__ = lazily(__name__, {"first": "One Two", "second": "Three", "third": ""})
"""
FILES = {
    "__init__.py": INIT,
    "first.py": "class One: ...\nclass Two: ...\n",
    "second.py": "class Three: ...\n",
    "third.py": "",
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Give a package of its own, freshly imported."""
    name = "lazy_example"
    (tmp_path / name).mkdir()
    for file, text in FILES.items():
        (tmp_path / name / file).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module(name)
    for module in [each for each in sys.modules if each.split(".")[0] == name]:
        del sys.modules[module]


def loaded(package):
    return {name for name in sys.modules if name.startswith(f"{package.__name__}.")}


def test_a_name_brings_the_module_that_it_is_in_and_no_other(package):
    assert loaded(package) == set()
    assert package.One.__module__ == "lazy_example.first"
    assert loaded(package) == {"lazy_example.first"}


def test_a_name_is_looked_up_once(package):
    assert "One" not in vars(package)
    found = package.One
    assert vars(package)["One"] is found


def test_a_module_can_be_had_without_importing_it(package):
    assert package.third.__name__ == "lazy_example.third"


def test_all_names_are_listed_before_they_are_there(package):
    assert {"One", "Two", "Three", "first", "__all__"} <= set(dir(package))
    assert loaded(package) == set()


def test_everything_can_be_imported_at_once(package):
    names = {}
    exec("from lazy_example import *", names)  # noqa: S102 - there is no other way to write it in a function
    assert {"One", "Two"} <= set(names)


def test_an_unknown_name_is_an_error_as_everywhere(package):
    with pytest.raises(AttributeError, match="module 'lazy_example' has no attribute 'Four'"):
        package.Four  # noqa: B018 - asking is enough
    with pytest.raises(ImportError, match="Four"):
        exec("from lazy_example import Four")  # noqa: S102 - the statement is what is tested
