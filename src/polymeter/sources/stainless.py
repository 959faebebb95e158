"""What a source says about one SDK that Stainless generates; those of OpenAI and Anthropic are of this one make.

``stainless_hooks`` listens to such an SDK, ``stainless_calls`` tells its calls.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, cast
from urllib.parse import urlsplit

from polymeter.sources.pending import PendingAnswer, ReadsAnswers

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from polymeter.events.inference import Outcome
    from polymeter.sources.lifecycle import InferenceRun

__all__ = ["Asked", "Dialect", "StainlessAnswer", "StainlessReader", "body_of", "host_of"]


@dataclass(slots=True)
class Asked:
    """What a call asks for. Nobody changes it; to be frozen would triple the cost of making it.

    :ivar server_address: the host; neither port nor path, which may say whose it is.
    """

    model: str
    provider: str
    operation: str
    streamed: bool
    server_address: str | None


class StainlessReader(ReadsAnswers, Protocol):
    """Reads models of the SDK, or their JSON with the same attributes (:class:`~polymeter.sources.bodies.JsonObject`).

    :ivar failure: stands for what went wrong by the provider's own word, if the SDK raises nothing for it.
    """

    failure: Exception | None


AskedT = TypeVar("AskedT", bound=Asked)


@dataclass(frozen=True, slots=True)
class Dialect(Generic[AskedT]):
    """What is particular to one SDK.

    :ivar sdk: the module; has ``APIError``, ``BaseModel``, ``Stream`` and ``AsyncStream``.
    :ivar clients: the class of its clients, and that of its asynchronous ones.
    :ivar asked: reads a request from a client, its options and whether it is streamed; ``None``: it is no inference.
    :ivar reader: makes what reads the answers; the last argument is to be called when one cannot be read.
    """

    sdk: ModuleType
    clients: tuple[type, type]
    asked: Callable[[Any, Any, bool], AskedT | None]
    reader: Callable[[InferenceRun, AskedT, Callable[[], None]], StainlessReader]


class StainlessAnswer(PendingAnswer):
    """An answer that may report its own failure, and that may be read along with."""

    __slots__ = ("_over", "_reports")

    def __init__(self, run: InferenceRun, reader: StainlessReader) -> None:
        super().__init__(run, reader)
        self._reports = reader
        self._over: Callable[[], None] | None = None

    def when_over(self, over: Callable[[], None]) -> None:
        """Call ``over`` when it has ended."""
        self._over = over
        if not self.run.is_open:  # another thread ended it meanwhile
            over()

    def end(self, outcome: Outcome, error: BaseException | None = None) -> None:
        """End the run; it failed if the answer says so."""
        over, self._over = self._over, None
        if over is not None:
            over()
        failure = self._reports.failure
        if failure is not None and outcome != "error":
            outcome, error = "error", failure
        super().end(outcome, error)


def body_of(options: Any) -> Mapping[str, Any]:
    """Give the fields of a request's body; ``extra_body`` wins, as on the wire."""
    asked, more = options.json_data, getattr(options, "extra_json", None)
    body = cast("Mapping[str, Any]", asked if isinstance(asked, Mapping) else {})
    return {**body, **cast("Mapping[str, Any]", more)} if isinstance(more, Mapping) else body


def host_of(client: Any, url: str) -> str | None:
    """Give the name of the host that a client asks for ``url``."""
    host = urlsplit(url).hostname if "://" in url else getattr(client.base_url, "host", None)
    return host if isinstance(host, str) and host else None
