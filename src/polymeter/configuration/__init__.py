"""Configuration: what a file and the environment say, checked, as one typed value that wires a facade.

It derives what can be said from what there is: the names from the lists of the rooms, the options of an exporter from
its constructor. So a new exporter, collector or source needs nothing here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from polymeter.lazily import lazily

if TYPE_CHECKING:
    from polymeter.configuration.configured import Configuration
    from polymeter.configuration.json_schema import schema
    from polymeter.configuration.loading import loaded
    from polymeter.configuration.part import Part
    from polymeter.configuration.secret import Secret
    from polymeter.configuration.triggers import Triggers
else:
    __getattr__, __dir__ = lazily(
        __name__,
        {
            "configured": "Configuration",
            "loading": "loaded",
            "part": "Part",
            "json_schema": "schema",
            "secret": "Secret",
            "triggers": "Triggers",
        },
    )

__all__ = ["Configuration", "Part", "Secret", "Triggers", "loaded", "schema"]
