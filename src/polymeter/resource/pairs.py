"""``name=text,name=text``: how the variables of OpenTelemetry say several things at once.

Names and texts are percent-encoded where they have commas, equals signs or blanks, as in the W3C header ``baggage``.
"""

from __future__ import annotations

from urllib.parse import unquote

__all__ = ["pairs_of"]


def pairs_of(text: str) -> dict[str, str]:
    """Take a list of pairs apart.

    :raises ValueError: if one of them has no name or no equals sign. It is not quoted: it may be a secret.
    """
    found: dict[str, str] = {}
    for number, pair in enumerate(text.split(","), 1):
        if not pair.strip():
            continue
        name, equals, value = pair.partition("=")
        name = unquote(name.strip())
        if not name or not equals:
            message = f"pair {number} is not name=value"
            raise ValueError(message)
        found[name] = unquote(value.strip())
    return found
