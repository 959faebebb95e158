"""Page: what a request gets. Knows HTTP's words, and no socket, thread or event loop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from polymeter.clock import SYSTEM_CLOCK, Clock
from polymeter.exporters.serving import credentials, exposing
from polymeter.exporters.serving.headers import names_in, takes_gzip
from polymeter.exporters.serving.rendering import Rendering, Wanted
from polymeter.exporters.serving.renderings import Renderings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from polymeter.exporters.serving.credentials import Credential
    from polymeter.exporters.serving.exposing import CanExpose

__all__ = ["Answer", "Page", "Request", "plain"]

Headers: TypeAlias = "tuple[tuple[str, str], ...]"

_METHODS: Final = "GET, HEAD, OPTIONS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What counts of a request.

    :ivar path: decoded, without the query.
    :ivar query: as sent.
    :ivar headers: names in lower case; bytes as Latin-1, lines of one name joined by commas.
    """

    method: str
    path: str = "/"
    query: str = ""
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: names of headers in lower case, the body piece by piece (none for a HEAD)."""

    status: int
    headers: Headers
    pieces: Iterable[bytes] = ()


def plain(status: int, text: str, *headers: tuple[str, str]) -> Answer:
    """Give an answer in one short sentence."""
    body = f"{text}\n".encode()
    fixed = (("content-type", "text/plain; charset=utf-8"), ("content-length", str(len(body))))
    return Answer(status, (*headers, *fixed), (body,))


_FAILED: Final = plain(500, "The metrics could not be rendered.")


class Page:
    """The metrics behind one address.

    :param path: the only one that there is; ``None``: any.
    :raises DefinitionError: if ``exposer`` or ``auth`` are not what they should be.
    """

    def __init__(
        self,
        exposer: CanExpose,
        *,
        auth: Credential | None = None,
        gzip: bool = True,
        path: str | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._exposer = exposing.checked(exposer)
        self._auth = credentials.checked(auth)
        self._gzip = gzip
        self._path = path
        self.renderings = Renderings(exposer, clock)

    def answer(self, request: Request) -> Answer | Rendering:
        """Give what a request gets: an answer, or the rendering to wait for; then comes :meth:`rendered`.

        Takes no time; nothing of the metrics is read.
        """
        answer = self._answer(request)
        if request.method == "HEAD" and isinstance(answer, Answer):
            return Answer(answer.status, answer.headers)
        return answer

    def rendered(self, rendering: Rendering) -> Answer:
        """Give the answer with what was rendered; ``rendering`` must be done."""
        if rendering.has_failed:
            return _FAILED
        headers = (*self._describe(rendering.content_type, gzip=rendering.wanted.gzip),)
        return Answer(200, (*headers, ("content-length", str(rendering.size))), rendering.pieces())

    def _answer(self, request: Request) -> Answer | Rendering:
        if self._path is not None and request.path != self._path:
            return plain(404, f"There is only {self._path} here.")
        if self._auth is not None and not self._auth.admits(request.headers.get("authorization", "")):
            return plain(401, "Only for who has the credential.", ("www-authenticate", self._auth.challenge))
        if request.method == "OPTIONS":
            return Answer(204, (("allow", _METHODS),))
        if request.method not in {"GET", "HEAD"}:
            return plain(405, f"There is only {_METHODS} here.", ("allow", _METHODS))
        gzip = self._gzip and takes_gzip(request.headers.get("accept-encoding", ""))
        wanted = Wanted(request.headers.get("accept", ""), names_in(request.query), gzip)
        return self.renderings.join(wanted) if request.method == "GET" else self._head(wanted)

    def _head(self, wanted: Wanted) -> Answer:
        try:
            exposition = self._exposer.exposition(wanted.accept, names=wanted.names)
            return Answer(200, self._describe(exposition.content_type, gzip=wanted.gzip))
        except Exception as error:  # noqa: BLE001 - the visitor gets a 500, our host nothing
            self.renderings.log(error)
            return _FAILED

    def _describe(self, content_type: str, *, gzip: bool) -> Headers:
        return (
            ("content-type", content_type),
            *((("content-encoding", "gzip"),) if gzip else ()),
            ("vary", "Accept, Accept-Encoding" if self._gzip else "Accept"),
            ("cache-control", "no-store"),
        )
