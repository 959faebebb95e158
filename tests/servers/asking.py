"""Asking a server over HTTP."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

SECONDS = 10


def answer_of(address: str, method: str = "GET", *, timeout: float = SECONDS) -> bytes:
    """Give the body of an answer.

    :raises AssertionError: if its status is none of success; with what it says.
    """
    request = urllib.request.Request(address, method=method)  # noqa: S310 - all addresses are ours, on loopback
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:  # noqa: S310
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            raise AssertionError(f"{address}: {error.code} {error.read().decode()}") from error


def asked(address: str, **parameters: str) -> Any:
    """Give the ``data`` of an answer of Prometheus' API.

    :raises AssertionError: if it is an error; with what it says.
    """
    return json.loads(answer_of(f"{address}?{urllib.parse.urlencode(parameters)}"))["data"]


def is_answered(address: str) -> bool:
    """Tell whether there is an answer with a good status."""
    try:
        answer_of(address, timeout=1)
    except (AssertionError, OSError, http.client.HTTPException):
        return False
    return True
