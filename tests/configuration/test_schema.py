"""The JSON schema says what the configuration takes."""

from __future__ import annotations

import json

from polymeter.configuration import schema
from polymeter.configuration.reading import KEYS


def test_it_is_json_and_has_every_key():
    made = json.loads(json.dumps(schema()))
    assert set(made["properties"]) == set(KEYS)
    assert made["additionalProperties"] is False


def test_it_has_every_exporter_with_its_options():
    table = schema()["properties"]["exporters"]["anyOf"][1]
    log = table["properties"]["log"]["anyOf"][0]["properties"]
    assert set(log) == {"use", "ambiguous", "spool", "logger", "level", "temporality"}
    assert log["temporality"]["anyOf"][0] == {"enum": ["cumulative", "delta"]}
    assert log["level"]["anyOf"][1] == {"$ref": "#/$defs/reference"}


def test_it_has_the_triggers():
    assert set(schema()["properties"]["triggers"]["properties"]) == {
        "every",
        "mode",
        "timeout",
        "after",
        "at_exit",
        "sigterm",
    }
