"""The HTTP libraries that are listened to: which of them are there, and who hears each."""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from polymeter.errors import MissingExtraError
from polymeter.sources.http_aiohttp import aiohttp_installs
from polymeter.sources.http_httpx import httpx_installs
from polymeter.sources.http_requests import requests_installs
from polymeter.sources.versions import installed_version, is_supported

if TYPE_CHECKING:
    from polymeter.sources.installs import Installs

__all__ = ["LIBRARIES", "Library"]


@dataclass(frozen=True, slots=True)
class Library:
    """One HTTP library.

    :ivar name: of its module and of its distribution.
    :ivar versions: what is supported.
    :ivar installs: all of this process: its classes exist once, whoever makes a source.
    """

    name: str
    versions: str
    installs: Installs

    @property
    def is_another(self) -> bool:
        """Whether its name was given to another library (``httpx2.alias_httpx()``)."""
        module = sys.modules.get(self.name)
        return module is not None and module.__name__ != self.name

    def problem(self) -> str | None:
        """Say why it cannot be listened to: it is missing, broken, or of another version. This imports it."""
        version = installed_version(self.name)
        if version is None:
            return "which is not installed"
        if not is_supported(version, self.versions):
            return f"and {self.name} {version} is installed"
        try:
            importlib.import_module(self.name)
        except ImportError as error:
            return f"which cannot be imported ({error})"
        return None

    def check(self) -> None:
        """Refuse what cannot be listened to.

        :raises MissingExtraError: saying why.
        """
        problem = self.problem()
        if problem is not None:
            message = (
                f"HttpSource needs {self.name} {self.versions}, {problem}: pip install '{self.name}{self.versions}'"
            )
            raise MissingExtraError(message)


LIBRARIES: Final = {
    library.name: library
    for library in (
        Library("httpx", ">=0.25,<1", httpx_installs("httpx")),
        Library("httpx2", ">=2,<3", httpx_installs("httpx2")),
        Library("requests", ">=2.28,<3", requests_installs()),
        Library("aiohttp", ">=3.9,<4", aiohttp_installs()),
    )
}
"""By name."""
