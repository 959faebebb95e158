"""Which versions of a client library a source supports: those of the extra that serves it, and nowhere else."""

from __future__ import annotations

import importlib.metadata
import re
from typing import Final

from polymeter.errors import MissingExtraError

__all__ = ["check_version", "installed_version", "is_supported", "supported_range"]

_REQUIREMENT: Final = re.compile(
    r"(?P<name>[\w.-]+)(?:\[[^\]]*\])?\s*\(?(?P<range>[^;)]*)\)?\s*;.*extra\s*==\s*['\"](?P<extra>[\w-]+)['\"]"
)
_CLAUSE: Final = re.compile(r"(>=|<=|==|!=|<|>|~=)\s*([\w.]+)")


def installed_version(distribution: str) -> str | None:
    """Give the version that is installed, without importing anything of it."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def supported_range(distribution: str, extra: str) -> str:
    """Give what the extra of Polymeter asks for, such as ``>=1.92,<2``; ``""`` if nothing is known."""
    try:
        requirements = importlib.metadata.requires("polymeter") or ()
    except importlib.metadata.PackageNotFoundError:  # run from its sources; then nothing is known
        requirements = ()
    for requirement in requirements:
        found = _REQUIREMENT.match(requirement)
        if found and found["extra"] == extra and _normal(found["name"]) == _normal(distribution):
            clauses = [each.strip() for each in found["range"].split(",")]
            return ",".join(sorted(filter(None, clauses), reverse=True))  # lower bound first
    return ""


def is_supported(version: str, wanted: str) -> bool:
    """Tell whether ``version`` is in a range of ``>=`` and ``<``; what cannot be read is not."""
    number = _numbers(version)
    if not number:
        return False
    for relation, bound in _CLAUSE.findall(wanted):
        limit = _numbers(bound)
        width = max(len(number), len(limit))
        one, other = _padded(number, width), _padded(limit, width)
        if (relation == ">=" and one < other) or (relation == "<" and one >= other):
            return False
    return True


def check_version(source: str, distribution: str, extra: str) -> None:
    """Refuse to go on without a version that is supported.

    :param source: name of the class that asks.
    :raises MissingExtraError: if the library is missing or of another version; the message has the way to get it.
    """
    fix = f"pip install 'polymeter[{extra}]'"
    wanted = supported_range(distribution, extra)
    version = installed_version(distribution)
    if version is None:
        message = f"{source} needs {distribution} {wanted}, which is not installed: {fix}"
        raise MissingExtraError(message)
    if not is_supported(version, wanted):
        message = f"{source} needs {distribution} {wanted}, and {distribution} {version} is installed: {fix}"
        raise MissingExtraError(message)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _numbers(version: str) -> tuple[int, ...]:
    found = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


def _padded(numbers: tuple[int, ...], width: int) -> tuple[int, ...]:
    return numbers + (0,) * (width - len(numbers))
