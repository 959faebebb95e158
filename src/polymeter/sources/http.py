"""HTTP clients: every request of httpx, httpx2, requests and aiohttp, from its start to the end of its answer."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from polymeter.errors import DefinitionError, MissingExtraError
from polymeter.sources.health import SourceHealth, Tally
from polymeter.sources.http_libraries import LIBRARIES
from polymeter.sources.patching import patch_all
from polymeter.sources.versions import installed_version

if TYPE_CHECKING:
    from collections.abc import Iterable

    from polymeter.clock import Clock
    from polymeter.contracts import CanDispatchEvents
    from polymeter.sources.http_libraries import Library
    from polymeter.subscription import Subscription

__all__ = ["HttpSource"]

_log: Final = logging.getLogger(__name__)


class HttpSource:
    """Tells the events of ``polymeter.events.http`` for every request that this process sends with these libraries.

    ::

        Metrics().watch(HttpSource())

    Clients and sessions that exist already are seen as well as later ones; answers and requests stay the objects that
    they are. A library is patched at the first install and restored at the last cancel, over all sources. Each
    dispatcher hears each event once, however often it was installed on. What is under way at a cancel is still told to
    its end. Requests of SDKs that an inference source listens to are told as well: those are attempts there and
    requests here, and one is not a part of the other's numbers.
    """

    def __init__(self, libraries: Iterable[str] | None = None, *, clock: Clock | None = None) -> None:
        """Make one.

        :param libraries: of ``httpx``, ``httpx2``, ``requests``, ``aiohttp``; left out: those that are installed.
            Installing the source imports them.
        :param clock: times the events; left out: the clock of the dispatcher they go to.
        :raises DefinitionError: for a library that is none of these.
        """
        self._named = None if libraries is None else _checked(libraries)
        self._clock = clock
        self._tally = Tally()

    def install(self, events: CanDispatchEvents) -> Subscription:
        """Begin to tell ``events``; cancelling leaves the libraries as they were found.

        :raises MissingExtraError: if a library that was named is missing, or of a version that is not supported; if
            none was named, and there is none.
        """
        return patch_all(library.installs.add(events, self._clock, self._tally) for library in self._found())

    def health(self) -> SourceHealth:
        """Count what this source has seen."""
        return self._tally.health(max(each.installs.count(self._tally) for each in LIBRARIES.values()))

    def __repr__(self) -> str:
        named = "" if self._named is None else repr(tuple(each.name for each in self._named))
        return f"{type(self).__name__}({named})"

    def _found(self) -> list[Library]:
        """Give the libraries to listen to, each once whatever it is called here."""
        named = self._named
        wanted = [_meant(each) for each in (LIBRARIES.values() if named is None else named)]
        if named is not None:
            for library in wanted:
                library.check()
        found = [each for each in dict.fromkeys(wanted) if named is not None or _is_usable(each)]
        if not found:
            message = f"HttpSource found none of {', '.join(LIBRARIES)}: install one of them, such as pip install httpx"
            raise MissingExtraError(message)
        return found


def _checked(libraries: Iterable[str]) -> list[Library]:
    if isinstance(libraries, str):
        message = f"libraries={libraries!r} is one str; for one library write libraries=({libraries!r},)"
        raise DefinitionError(message)
    names = list(libraries)
    unknown = [each for each in names if each not in LIBRARIES]
    if unknown or not names:
        message = f"libraries={names!r}: HttpSource knows {', '.join(LIBRARIES)}; leave it out for all that are there"
        raise DefinitionError(message)
    return [LIBRARIES[each] for each in names]


def _meant(library: Library) -> Library:
    """Give what is meant by a name: ``httpx2.alias_httpx()`` makes ``httpx`` another one for ``httpx2``."""
    return LIBRARIES["httpx2"] if library.is_another else library


def _is_usable(library: Library) -> bool:
    if installed_version(library.name) is None:
        return False
    problem = library.problem()
    if problem is not None:
        _log.warning("HttpSource leaves out %s %s, %s", library.name, library.versions, problem)
    return problem is None
