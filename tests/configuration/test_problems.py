"""What is wrong with a configuration is said all at once, each with its place and what would do."""

from __future__ import annotations

import pytest

from polymeter import DefinitionError
from polymeter.configuration import Configuration

EVERYTHING_WRONG = """
servce_name = "shop"
tags = { team = "a" }
resource = { host = [1] }

[triggers]
evry = 5
every = "often"
mode = "fork"

[registry]
bugdet = 5

[exporters]
promethus = true
null = 5
json_lines = {}

[exporters.log]
levl = "DEBUG"
level = []
temporality = "dleta"

[exporters."tests.configuration.parts:TstExporter"]

[exporters.mine]
use = "nowhere.at.all:Exporter"

[exporters.shop]
use = "tests.configuration.parts.TestExporter"

[exporters.all]
use = "tests.configuration.parts:TestExporter"
switch = 1
whole = 1.5
number = "1"
several = [1, "two"]
by_name = { a = true }
clock = "now"
callback = "tests.configuration.parts:tripled"
auth = { kye = "x" }

[collectors]
inferense = {}

[sources.openai]
clok = 1
"""

GOLDEN = """\
26 problems:
  FILE: servce_name: there is no such key: did you mean 'service_name'? known: collectors, disabled, exporters, \
registry, resource, service_name, sources, triggers
  FILE: tags: there is no such key: did you mean 'resource'?
  FILE: resource.host: expected a text or true or false or a number, not a list
  FILE: registry.bugdet: there is no such option: did you mean 'budget'? known: budget, expire_after, filters
  FILE: triggers.evry: there is no such key: did you mean 'every'? known: after, at_exit, every, mode, sigterm, \
timeout
  FILE: triggers.every: expected a number, not the text 'often'
  FILE: triggers.mode: expected one of 'thread', 'task', not the text 'fork'
  FILE: exporters.promethus: there is no exporter 'promethus': did you mean 'prometheus'? known: EXPORTERS, or your \
own as 'package.module:name'
  FILE: exporters.null: expected a table of its options, or true
  FILE: exporters.json_lines: it needs 'path_or_stream'
  FILE: exporters.log.levl: there is no such option: did you mean 'level'? known: ambiguous, level, logger, spool, \
temporality
  FILE: exporters.log.level: expected a whole number or a text, not a list
  FILE: exporters.log.temporality: expected one of 'cumulative', 'delta', not the text 'dleta'
  FILE: exporters."tests.configuration.parts:TstExporter": module 'tests.configuration.parts' has no 'TstExporter': \
did you mean 'TestExporter'? known: NAMES
  FILE: exporters.mine.use: module 'nowhere.at.all' cannot be imported (ModuleNotFoundError: No module named 'nowhere')
  FILE: exporters.shop.use: 'tests.configuration.parts.TestExporter' is not an exporter: for your own write \
'tests.configuration.parts:TestExporter'
  FILE: exporters.all.switch: expected true or false, not 1
  FILE: exporters.all.whole: expected a whole number, not 1.5
  FILE: exporters.all.number: expected a number, not the text '1'
  FILE: exporters.all.several.1: expected a whole number, not the text 'two'
  FILE: exporters.all.by_name.a: expected a number, not true
  FILE: exporters.all.clock: this cannot be said here: it takes Python
  FILE: exporters.all.callback: module 'tests.configuration.parts' has no 'tripled'; known: NAMES
  FILE: exporters.all.auth: expected a table of 'key' or a table of 'shares', not what it says
  FILE: collectors.inferense: there is no collector 'inferense': did you mean 'inference'? known: COLLECTORS, or your \
own as 'package.module:name'
  FILE: sources.openai.clok: there is no such option; known: none"""


def problems_of(document, **more):
    with pytest.raises(DefinitionError) as refused:
        Configuration.of(document, **more)
    return str(refused.value)


def known(room):
    return ", ".join(sorted(room.names))


def test_everything_that_is_wrong_is_said_at_once(tmp_path):
    from polymeter.configuration.rooms import COLLECTORS, EXPORTERS
    from tests.configuration import parts

    file = tmp_path / "polymeter.toml"
    file.write_text(EVERYTHING_WRONG)
    with pytest.raises(DefinitionError) as refused:
        Configuration.from_file(file)
    names = ", ".join(sorted(name for name in dir(parts) if not name.startswith("_")))
    said = str(refused.value).replace(str(file), "FILE").replace(names, "NAMES")
    said = said.replace(f"known: {known(EXPORTERS)}", "known: EXPORTERS")
    said = said.replace(f"known: {known(COLLECTORS)}", "known: COLLECTORS")
    assert said == GOLDEN


def test_one_problem_is_one_line():
    assert problems_of({"triggers": {"every": 0}}) == (
        "the configuration: triggers: every = 0 is not a positive number of seconds"
    )


@pytest.mark.parametrize(
    ("triggers", "said"),
    [
        ({"every": float("inf")}, "every = inf is not a positive number of seconds"),
        ({"every": float("nan")}, "every = nan is not a positive number of seconds"),
        ({"every": 5, "timeout": -1}, "timeout = -1 is not a positive number of seconds"),
        ({"after": 0}, "after = 0 is not a positive number of events"),
        ({"mode": "thread"}, "mode is about exports by time: say every = SECONDS too"),
        ({"timeout": 5}, "timeout is about exports by time: say every = SECONDS too"),
    ],
)
def test_a_trigger_that_cannot_be_says_why(triggers, said):
    assert problems_of({"triggers": triggers}) == f"the configuration: triggers: {said}"


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"exporters": "log"}, "exporters: expected a list of names, or a table for each"),
        ({"exporters": ["log", 5]}, "exporters: expected a list of names"),
        ({"triggers": 5}, "triggers: expected a table"),
        ({"registry": "windowed"}, "registry: expected a table"),
        ({"registry": {"use": "composite"}}, "registry: it needs 'first', which takes Python: wire this one there"),
        ({"registry": {"clock": 1}}, "registry.clock: there is no such option; known: budget, expire_after, filters"),
        ({"registry": {"use": "tests.configuration.parts:Delta"}, "resource": {"a": 1}},
         "registry: tests.configuration.parts:Delta takes no resource: leave 'resource' and 'service_name' out"),
        ({"service_name": 5}, "service_name: expected a text, not 5"),
        ({"resource": {"": "x"}}, "resource: tag name '' is not a non-empty str"),
        ({"exporters": {"null": {"serve": 5}}},
         "exporters.null.serve: there is no such option; known: ambiguous, spool"),
        ({"exporters": {"prometheus": {"port": 9464}}},
         "exporters.prometheus.port: there is no such option: did you mean 'serve.port'?"),
        ({"exporters": {"a": {"use": 5}}}, "exporters.a.use: expected a text, not 5"),
        ({"exporters": {"a": {"use": "tests.configuration.parts:not_an_exporter", "b": 1}}},
         "exporters.a.b: there is no such option; known: ambiguous, spool"),
        ({"every": 5}, "every: there is no such key: did you mean 'triggers.every'?"),
        ({"exporters": {"log": {"ambiguous": "resned"}}},
         "exporters.log.ambiguous: expected one of 'resend', 'drop', not the text 'resned'"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named_with_what_would(document, said):
    assert problems_of(document) == f"the configuration: {said}"


def test_a_module_that_breaks_when_imported_is_named_with_the_place_but_not_with_what_it_said(tmp_path, monkeypatch):
    (tmp_path / "breaks.py").write_text("x = 1\nraise ValueError('top secret')\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert problems_of({"exporters": ["breaks:Exporter"]}) == (
        "the configuration: exporters.\"breaks:Exporter\": module 'breaks' cannot be imported "
        f"(ValueError at {tmp_path / 'breaks.py'}:2)"
    )
