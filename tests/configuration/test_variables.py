"""The environment says the last word, key by key."""

from __future__ import annotations

import pytest

from polymeter import DefinitionError, Metrics
from polymeter.configuration import Configuration

FILE = """
service_name = "shop"

[resource]
Region = "eu"

[triggers]
every = 60

[exporters.log]
level = "DEBUG"

[exporters.My-Lines]
use = "json_lines"
path = "a.jsonl"
"""


@pytest.fixture(autouse=True)
def file(tmp_path, monkeypatch):
    for name in ("POLYMETER_CONFIG", "POLYMETER_DISABLED"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "polymeter.toml"
    file.write_text(FILE)
    return file


def read(**variables):
    return Configuration.from_environ({f"POLYMETER_{name}": text for name, text in variables.items()})


def problem(**variables):
    with pytest.raises(DefinitionError) as refused:
        read(**variables)
    return str(refused.value)


def names(parts):
    return [part.name for part in parts]


def test_a_variable_is_the_path_of_a_key():
    configuration = read(TRIGGERS__EVERY="2.5", TRIGGERS__AT_EXIT="no", SERVICE_NAME="shop 2")
    assert configuration.triggers.every == 2.5
    assert configuration.triggers.at_exit is False
    assert configuration.resource == {"Region": "eu", "service.name": "shop 2"}


def test_a_variable_reaches_into_a_table_whatever_the_case_of_its_key():
    configuration = read(RESOURCE__REGION="us", EXPORTERS__MY_LINES__TEMPORALITY="delta")
    assert configuration.resource == {"Region": "us", "service.name": "shop"}
    lines = configuration.exporters[1]
    assert lines.options == {"path_or_stream": "a.jsonl", "temporality": "delta"}


def test_a_variable_may_say_a_whole_table_or_list():
    configuration = read(
        RESOURCE="team=a, Zone = b=c",
        EXPORTERS__T__USE="tests.configuration.parts:TestExporter",
        EXPORTERS__T__SEVERAL="1, 2",
        EXPORTERS__T__BY_NAME="a=0.5",
    )
    assert configuration.resource == {"team": "a", "Zone": "b=c", "service.name": "shop"}
    given = configuration.exporters[-1].make().given
    assert (given["several"], given["by_name"]) == ((1, 2), {"a": 0.5})


def test_a_variable_reaches_into_an_object():
    configuration = read(
        EXPORTERS__T__USE="tests.configuration.parts:TestExporter",
        EXPORTERS__T__AUTH__KEY="abc",
        EXPORTERS__T__SERVE="8000",
    )
    part = configuration.exporters[-1]
    assert part.make().given["auth"].key == "abc"
    assert part.serve == {"port": 8000}
    assert "abc" not in str(configuration) + repr(configuration)


@pytest.mark.parametrize(
    ("text", "serve"), [("1", {}), ("true", {}), ("off", None), ("0", None), ("9000", {"port": 9000})]
)
def test_serving_is_a_switch_or_a_port(text, serve):
    assert read(EXPORTERS__PROMETHEUS__SERVE=text).exporters[-1].serve == serve


def test_a_port_that_is_none_is_said_of_the_variable():
    assert problem(EXPORTERS__PROMETHEUS__SERVE="http") == (
        "POLYMETER_EXPORTERS__PROMETHEUS__SERVE: exporters.prometheus.serve.port: "
        "expected a whole number, not the text 'http'"
    )


def test_a_variable_chooses_among_what_the_file_says_and_what_there_is():
    configuration = read(EXPORTERS="console,log, tests.configuration.parts:TestExporter")
    assert names(configuration.exporters) == ["console", "log", "tests.configuration.parts:TestExporter"]
    assert configuration.exporters[1].options == {"level": "DEBUG"}


def test_what_is_not_chosen_is_not_even_imported(file):
    file.write_text(FILE + '[exporters.far]\nuse = "not.installed.here:Exporter"\n')
    assert names(read(EXPORTERS="log").exporters) == ["log"]


def test_an_option_of_what_is_not_chosen_and_not_in_the_file_is_refused():
    assert problem(EXPORTERS="log", EXPORTERS__LGO__LEVEL="INFO") == (
        "POLYMETER_EXPORTERS__LGO__LEVEL: exporters.lgo: it is not among POLYMETER_EXPORTERS: log"
    )


def test_none_chooses_nothing():
    assert read(EXPORTERS="none").exporters == ()


def test_single_options_go_with_a_choice():
    configuration = read(EXPORTERS="log,console", EXPORTERS__LOG__LEVEL="ERROR", EXPORTERS__CONSOLE__STREAM="stderr")
    assert configuration.exporters[0].options == {"level": "ERROR"}
    assert list(configuration.exporters[1].options) == ["stream"]


def test_an_option_of_something_that_the_file_does_not_have_adds_it():
    assert names(read(EXPORTERS__TEXTFILE__PATH="m.prom").exporters) == ["log", "My-Lines", "textfile"]


def test_a_list_in_the_file_is_added_to(file):
    file.write_text('collectors = ["inference"]')
    assert names(read(COLLECTORS__C__USE="inference").collectors) == ["inference", "c"]


def test_one_can_be_switched_off_and_on():
    assert names(read(EXPORTERS__LOG="off", EXPORTERS__CONSOLE="on").exporters) == ["My-Lines", "console"]


def test_an_empty_variable_says_nothing():
    assert read(EXPORTERS="", TRIGGERS__EVERY=" ", CONFIG="", DISABLED="") == Configuration.from_file()


def test_the_file_can_be_named(tmp_path):
    (tmp_path / "other.toml").write_text('exporters = ["null"]')
    assert names(read(CONFIG=str(tmp_path / "other.toml"), EXPORTERS__CONSOLE="1").exporters) == ["null", "console"]


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"TRIGGERS__EVERY": "soon"}, "triggers.every: expected a number, not the text 'soon'"),
        (
            {"TRIGGERS__EVRY": "5"},
            (
                "triggers.evry: there is no such key: did you mean 'every'? "
                "known: after, at_exit, every, mode, sigterm, timeout"
            ),
        ),
        ({"TRIGGERS_EVERY": "5"}, "triggers_every: there is no such key: did you mean 'POLYMETER_TRIGGERS__EVERY'?"),
        ({"RESOURCE": "team"}, "resource: expected a table, not the text 'team'"),
        ({"EXPORTERS__LOG": "5"}, "exporters.log: expected a table of its options, or true"),
        ({"EXPORTERS__LOG__LEVEL__X": "5"}, "exporters.log.level: expected a whole number or a text, not a table"),
        ({"SERVICE__NAME": "x"}, "service: there is no such key: did you mean 'service_name'?"),
    ],
)
def test_a_variable_that_does_not_fit_is_named(variables, said):
    (name,) = variables
    assert problem(**variables) == f"POLYMETER_{name}: {said}"


def test_a_switch_that_says_neither_is_refused():
    assert problem(DISABLED="perhaps") == "POLYMETER_DISABLED: expected 1 or 0, not 'perhaps'"


def test_an_exporter_that_does_not_exist_is_named_with_the_variable_that_chose_it():
    assert problem(EXPORTERS="log,promethus").startswith(
        "POLYMETER_EXPORTERS: exporters.promethus.use: there is no exporter 'promethus': did you mean 'prometheus'?"
    )


def test_what_kubernetes_says_of_a_service_that_is_called_like_us_is_passed_over():
    links = {
        "SERVICE_HOST": "10.0.0.1",
        "SERVICE_PORT": "9464",
        "SERVICE_PORT_HTTP": "9464",
        "PORT": "tcp://10.0.0.1:9464",
        "PORT_9464_TCP": "tcp://10.0.0.1:9464",
        "PORT_9464_TCP_PROTO": "tcp",
        "PORT_9464_TCP_PORT": "9464",
        "PORT_9464_TCP_ADDR": "10.0.0.1",
        "GATEWAY_SERVICE_HOST": "10.0.0.2",
        "GATEWAY_PORT": "udp://10.0.0.2:1",
    }
    assert read(**links) == Configuration.from_file()


def test_a_port_that_is_none_of_kubernetes_is_refused():
    assert problem(PORT="9464") == (
        "POLYMETER_PORT: port: there is no such key: did you mean 'exporters.prometheus.serve.port'?"
    )


@pytest.mark.parametrize("said", ["1", "true", "YES", " on "])
def test_one_switch_disables_everything_even_what_is_wrong(said, file):
    file.write_text("this is [not TOML")
    metrics = Metrics.from_env({"POLYMETER_DISABLED": said, "POLYMETER_NONSENSE": "1"})
    assert metrics.health().exporters == []
    metrics.close()


def test_the_switch_counts_for_a_configuration_by_file_too(monkeypatch, file):
    file.write_text('exporters = ["log"]')
    monkeypatch.setenv("POLYMETER_DISABLED", "1")
    metrics = Metrics.from_config()
    assert metrics.health().exporters == []
    assert str(Configuration.from_file(file)) == "from POLYMETER_DISABLED\ndisabled: nothing is wired"


def test_a_file_can_disable_too(file):
    file.write_text('disabled = true\nexporters = ["log"]')
    assert Metrics.from_config().health().exporters == []
    assert [each.exporter for each in Metrics.from_env({"POLYMETER_CONFIG": str(file)}).health().exporters] == []


def test_a_file_alone_hears_no_other_variable(monkeypatch):
    monkeypatch.setenv("POLYMETER_EXPORTERS", "none")
    monkeypatch.setenv("POLYMETER_NONSENSE", "1")
    assert names(Configuration.from_file().exporters) == ["log", "My-Lines"]
