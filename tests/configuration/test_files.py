"""Where a configuration file is looked for, and what is said of one that cannot be read."""

from __future__ import annotations

import pytest

from polymeter import DefinitionError, Metrics
from polymeter.configuration import Configuration

LOG = '[exporters.log]\nlevel = "DEBUG"\n'
OURS = '[tool.polymeter]\nservice_name = "project"\n'


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    for name in ("POLYMETER_CONFIG", "POLYMETER_DISABLED"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


def refusal(path=None):
    with pytest.raises(DefinitionError) as refused:
        Configuration.from_file(path)
    assert refused.value.__cause__ is None
    assert refused.value.__context__ is None, "an error of TOML carries the text, which may hold a secret"
    return str(refused.value)


def test_the_file_is_found_in_the_working_directory(here):
    (here / "polymeter.toml").write_text(LOG)
    assert [part.name for part in Configuration.from_file().exporters] == ["log"]


def test_the_nearest_file_upwards_is_the_one(here):
    (here.parents[1] / "polymeter.toml").write_text('service_name = "far"')
    (here.parent / "pyproject.toml").write_text(OURS)
    assert Configuration.from_file().resource == {"service.name": "project"}


def test_in_one_folder_polymeter_toml_comes_first(here):
    (here / "pyproject.toml").write_text(OURS)
    (here / "polymeter.toml").write_text('service_name = "file"')
    assert Configuration.from_file().resource == {"service.name": "file"}


def test_a_project_that_says_nothing_about_us_is_passed_over(here):
    (here / "pyproject.toml").write_text("[project]\nname = 'shop'\n[tool.other]\n")
    (here.parent / "polymeter.toml").write_text('service_name = "file"')
    assert Configuration.from_file().resource == {"service.name": "file"}


@pytest.mark.parametrize("content", [b"this is [not TOML", b"\xff\xfe"])
def test_a_project_that_is_broken_and_none_of_our_business_is_passed_over(content, here):
    (here / "pyproject.toml").write_bytes(content)
    (here.parent / "polymeter.toml").write_text('service_name = "file"')
    assert Configuration.from_file().resource == {"service.name": "file"}


def test_a_project_that_is_broken_and_speaks_of_us_is_named(here):
    (here / "pyproject.toml").write_text("[tool.polymeter\n")
    assert refusal().startswith(f"{here / 'pyproject.toml'} is not TOML: ")


def test_in_a_folder_that_is_gone_there_is_no_file(here):
    here.rmdir()
    Metrics.from_env({}).close()


def test_a_path_that_is_given_wins(here, tmp_path):
    (here / "polymeter.toml").write_text('service_name = "near"')
    other = tmp_path / "other.toml"
    other.write_text('service_name = "other"')
    assert Configuration.from_file(other).resource == {"service.name": "other"}
    assert Configuration.from_file(str(other)).resource == {"service.name": "other"}


def test_json_says_the_same(tmp_path):
    (tmp_path / "metrics.json").write_text('{"exporters": {"log": {"level": "DEBUG"}}}')
    (tmp_path / "metrics.toml").write_text(LOG)
    assert Configuration.from_file(tmp_path / "metrics.json") == Configuration.from_file(tmp_path / "metrics.toml")


def test_a_mapping_says_the_same(tmp_path):
    (tmp_path / "metrics.toml").write_text(LOG)
    assert Configuration.of({"exporters": {"log": {"level": "DEBUG"}}}) == Configuration.from_file(
        tmp_path / "metrics.toml"
    )


def test_without_any_file_from_config_says_where_it_looked(here):
    assert refusal() == f"no polymeter.toml and no [tool.polymeter] from {here} upwards: write one, or give a path"


def test_without_any_file_the_environment_alone_is_enough():
    with Metrics.from_env({}) as metrics:
        assert len(metrics.registry) == 0


def test_a_file_that_is_not_there_is_named(tmp_path):
    assert refusal(tmp_path / "no.toml") == f"{tmp_path / 'no.toml'} cannot be read (No such file or directory)"


def test_a_variable_that_names_no_file_is_named_too(tmp_path):
    with pytest.raises(DefinitionError) as refused:
        Configuration.from_environ({"POLYMETER_CONFIG": str(tmp_path / "no.toml")})
    assert str(refused.value) == (
        f"POLYMETER_CONFIG: {tmp_path / 'no.toml'} cannot be read (No such file or directory)"
    )


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.toml", b"x = ", "is not TOML: Invalid value (at end of document)"),
        ("a.toml", b'[exporters.log]\ntoken = "top secret', "is not TOML: Unterminated string (at end of document)"),
        ("a.json", b'{"x": secret}', "is not JSON: Expecting value (at line 1, column 7)"),
        ("a.json", b"[]", ": expected a table"),
        ("a.toml", b"\xff\xfe", "is not UTF-8"),
        ("pyproject.toml", b"[project]", "has no table [tool.polymeter]"),
        ("pyproject.toml", b"[tool]\npolymeter = 5", ": tool.polymeter: expected a table"),
    ],
)
def test_a_file_that_makes_no_sense_is_named_and_not_quoted(name, content, said, tmp_path):
    (tmp_path / name).write_bytes(content)
    message = refusal(tmp_path / name)
    assert message.replace(" :", ":") == f"{tmp_path / name} {said}".replace(" :", ":")
    assert "secret" not in message


def test_a_tag_of_the_resource_may_be_called_env(tmp_path):
    """A table whose names are the user's refers to no variable, whatever they are."""
    file = tmp_path / "polymeter.toml"
    file.write_text('[resource]\nenv = "prod"\n')
    with Metrics.from_config(file) as metrics:
        assert dict(metrics.snapshot().resource) == {"env": "prod"}
