"""What lies in `dashboards/`, and the parts of an expression that a rename would break."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from tests.interpreter import ROOT

DASHBOARD = ROOT / "dashboards" / "inference.json"
ALERTS = ROOT / "dashboards" / "alerts.yml"

VARIABLES = {"$__rate_interval": "1m", "$job": "inference", "$model": ".*"}
"""What Grafana would put in."""


@dataclass(frozen=True)
class Target:
    """One query of a panel."""

    panel: dict[str, Any]
    target: dict[str, Any]

    def __str__(self) -> str:
        """Give where it is."""
        return f"{self.panel['title']} {self.target['refId']}"

    @property
    def unit(self) -> str:
        """Give what the panel takes the values for."""
        return str(self.panel["fieldConfig"]["defaults"]["unit"])

    @property
    def expression(self) -> str:
        """Give it as Prometheus gets it."""
        expression = str(self.target["expr"])
        for variable, text in VARIABLES.items():
            expression = expression.replace(variable, text)
        return expression


def dashboard() -> dict[str, Any]:
    """Give the dashboard."""
    return dict(json.loads(DASHBOARD.read_text("utf-8")))


def targets() -> list[Target]:
    """Give every query of the dashboard."""
    return [Target(panel, target) for panel in dashboard()["panels"] for target in panel.get("targets", [])]


def names_in(expression: str) -> set[str]:
    """Give the metrics that an expression reads: what stands before braces or a range, and what is summed plainly."""
    bare = re.sub(r'"[^"]*"|\[[^\]]*\]|\b(?:by|without|on|ignoring) *\([^)]*\)|\{[^}]*\}', " ", expression)
    functions = set(re.findall(r"(\w+) *(?=\()", bare))
    words = set(re.findall(r"[a-zA-Z_:][\w:]*", bare))
    return words - functions - {"or", "and", "unless", "sum", "avg", "min", "max"}


def labels_in(expression: str) -> set[str]:
    """Give the labels that an expression selects or groups by."""
    grouped = re.findall(r"\bby *\(([^)]*)\)", expression)
    selected = re.findall(r"(\w+) *(?:=~|!~|!=|=) *\"", expression)
    return {label.strip() for group in grouped for label in group.split(",")} | set(selected)
