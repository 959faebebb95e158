"""A secret is used, and shown nowhere."""

from __future__ import annotations

import pickle
import traceback

import pytest

from polymeter import DefinitionError, Metrics
from polymeter.configuration import Configuration, Secret

OURS = "tests.configuration.parts:TestExporter"
TOKEN = "hunter2"


def exporter(**options):
    return {"exporters": {"it": {"use": OURS, **options}}}


def shows(error):
    """Give everything that a log would have of an error."""
    return "".join(traceback.format_exception(error)) + repr(error.__context__) + repr(error.__cause__)


@pytest.fixture
def secrets(tmp_path, monkeypatch):
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    monkeypatch.setenv("SHOP_TOKEN", TOKEN)
    return {"env": {"env": "SHOP_TOKEN"}, "file": {"file": str(tmp_path / "token")}, "text": TOKEN}


@pytest.mark.parametrize("way", ["env", "file", "text"])
def test_a_secret_is_used_and_not_shown(way, secrets):
    configuration = Configuration.of(exporter(token=secrets[way]))
    assert configuration.exporters[0].make().given["token"] == TOKEN
    assert TOKEN not in str(configuration) + repr(configuration)
    assert "token = ***" in str(configuration)


def test_where_a_secret_comes_from_is_shown(secrets):
    assert "token = *** (from the variable SHOP_TOKEN)" in str(Configuration.of(exporter(token=secrets["env"])))


def test_a_secret_inside_of_a_table_and_of_an_object_is_not_shown_either(secrets):
    configuration = Configuration.of(
        exporter(headers={"X-Key": secrets["env"], "Accept": "text"}, auth={"key": secrets["file"]})
    )
    given = configuration.exporters[0].make().given
    assert given["headers"] == {"X-Key": TOKEN, "Accept": "text"}
    assert given["auth"].key == TOKEN
    assert TOKEN not in str(configuration) + repr(configuration)


def test_a_number_may_come_from_a_variable(monkeypatch):
    monkeypatch.setenv("SHOP_SIZE", "17")
    assert Configuration.of(exporter(whole={"env": "SHOP_SIZE"})).exporters[0].make().given["whole"] == 17


def test_an_address_is_shown_without_its_login():
    configuration = Configuration.of(exporter(url=f"https://me:{TOKEN}@host/a?key={TOKEN}"))
    assert TOKEN not in str(configuration) + repr(configuration)
    assert "url = 'https://***@host/a?***'" in str(configuration)


@pytest.mark.parametrize("url", ["ftp://host", "crash://host"])
def test_what_a_constructor_says_is_shown_without_the_secret(url, secrets):
    configuration = Configuration.of(exporter(url=url, token=secrets["env"]))
    with pytest.raises(DefinitionError) as refused:
        configuration.build(Metrics)
    assert "the configuration: exporters.it: " in str(refused.value)
    assert "***" in str(refused.value)
    assert TOKEN not in shows(refused.value)


def test_what_serving_says_is_shown_without_the_secret(secrets):
    configuration = Configuration.of(exporter(serve={"port": 1, "auth": {"key": secrets["file"]}}))
    with pytest.raises(DefinitionError) as refused:
        configuration.build(Metrics)
    assert str(refused.value) == "the configuration: exporters.it: port 1 is taken, said the token ***"
    assert TOKEN not in shows(refused.value)


@pytest.mark.parametrize(
    "options",
    [
        {"whole": {"env": "SHOP_TOKEN"}},
        {"level": {"env": "SHOP_TOKEN"}},
        {"token": [TOKEN]},
        {"auth": TOKEN},
        {"headers": f"A={TOKEN}"},
    ],
)
def test_a_value_of_the_wrong_type_is_not_quoted_if_it_may_be_a_secret(options, monkeypatch):
    monkeypatch.setenv("SHOP_TOKEN", TOKEN)
    with pytest.raises(DefinitionError) as refused:
        Configuration.of(exporter(**options))
    assert TOKEN not in shows(refused.value)


def test_a_variable_that_is_not_set_is_named(monkeypatch):
    monkeypatch.delenv("SHOP_TOKEN", raising=False)
    with pytest.raises(DefinitionError) as refused:
        Configuration.of(exporter(token={"env": "SHOP_TOKEN"}))
    assert str(refused.value) == "the configuration: exporters.it.token: the variable SHOP_TOKEN is not set"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file or directory"),
        (b"\xff", "it is no text of at most 64 KiB"),
        (b"x" * 70_000, "it is no text of at most 64 KiB"),
    ],
)
def test_a_file_that_has_no_value_is_named(content, said, tmp_path):
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(DefinitionError) as refused:
        Configuration.of(exporter(token={"file": str(file)}))
    assert str(refused.value) == f"the configuration: exporters.it.token: the file {file} cannot be read ({said})"


def test_a_secret_is_not_pickled():
    with pytest.raises(TypeError, match="not written anywhere"):
        pickle.dumps(Secret(TOKEN))


def test_health_says_nothing_of_a_secret(secrets):
    with Configuration.of(exporter(token=secrets["env"])).build(Metrics) as metrics:
        metrics.export()
        assert TOKEN not in repr(metrics.health())
