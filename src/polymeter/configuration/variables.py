"""The environment: ``POLYMETER_*`` variables over what a file says.

A variable is the path of a key in capitals, its parts joined by two underscores:
``POLYMETER_TRIGGERS__EVERY=10`` says ``every = 10`` in ``[triggers]``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from polymeter.configuration.said import Said, yes_or_no
from polymeter.configuration.sections import Chosen
from polymeter.configuration.shapes import is_list, is_table
from polymeter.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polymeter.configuration.documents import Document

__all__ = ["CONFIG", "DISABLED", "is_disabled", "laid_over", "variables_in"]

_PREFIX: Final = "POLYMETER_"
CONFIG: Final = "POLYMETER_CONFIG"
DISABLED: Final = "POLYMETER_DISABLED"
_LISTS: Final = {("exporters",), ("collectors",), ("sources",)}

_SERVICE_LINK: Final = re.compile(
    r"POLYMETER(_[A-Z0-9]+)*_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9]+)*|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)
"""What Kubernetes tells of every service of the namespace, also of one that is called polymeter."""
_ADDRESS: Final = re.compile(r"(tcp|udp|sctp)://")


def is_disabled(environ: Mapping[str, str]) -> bool:
    """Tell whether the switch is on.

    :raises DefinitionError: if it says something that it cannot.
    """
    said = environ.get(DISABLED, "").strip()
    answer = yes_or_no(said) if said else False
    if answer is None:
        message = f"{DISABLED}: expected 1 or 0, not {said!r}"
        raise DefinitionError(message)
    return answer


def variables_in(environ: Mapping[str, str]) -> list[tuple[tuple[str, ...], Said]]:
    """Give the path and the text of each of our variables, the shorter paths first; empty ones say nothing."""
    ours = [
        (tuple(name.removeprefix(_PREFIX).lower().split("__")), Said.by(text, name))
        for name, text in sorted(environ.items())
        if name.startswith(_PREFIX) and name not in {CONFIG, DISABLED} and text.strip() and not _is_link(name, text)
    ]
    return sorted(ours, key=lambda each: len(each[0]))


def _is_link(name: str, text: str) -> bool:
    return _SERVICE_LINK.fullmatch(name) is not None or (
        name.endswith("_PORT") and "__" not in name and _ADDRESS.match(text) is not None
    )


def laid_over(document: Document, environ: Mapping[str, str]) -> Document:
    """Give a document with our variables over it."""
    table = dict(document.table)
    said = variables_in(environ)
    for path, text in said:
        if path in _LISTS:
            table[path[0]] = Chosen(text, table.get(path[0], {}))
        else:
            _put(table, path, text)
    return document._replace(table=table, variables=tuple(text.origin for _, text in said))


def _put(table: dict[str, Any], path: tuple[str, ...], text: Said) -> None:
    """Put a text where a variable says; keys are matched in any case."""
    key = next((each for each in table if each.lower().replace("-", "_") == path[0]), path[0])
    inner = table.get(key)
    if len(path) == 1:
        table[key] = text
    elif isinstance(inner, Chosen):
        inner.section = _opened(inner.section)
        _put(inner.section, path[1:], text)
    else:
        table[key] = _opened(inner)
        _put(table[key], path[1:], text)


def _opened(inner: Any) -> dict[str, Any]:
    """Give a table that can take a key more: of a list of names, one table for each."""
    if is_table(inner):
        return dict(inner)
    if is_list(inner):
        return {name: True for name in inner if isinstance(name, str)}
    return {}
