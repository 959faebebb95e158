"""What happens: the steps of a script, and the queue that hands them to requests."""

from __future__ import annotations

import json
import threading
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from polymeter.testing.provider.tokens import Tokens

__all__ = ["Reply", "Script", "Step", "ToolCall", "checked"]


@dataclass(frozen=True, kw_only=True)
class Step:
    """What one request gets: a ``Reply`` or a fault. Times are seconds on the clock of the provider.

    :param times: how many requests get it.
    :param respond_after: wait before the first byte, headers included.
    :param headers: of the answer, beside and instead of those of the format; names in lower case.
    """

    times: int = 1
    respond_after: float = 0.0
    headers: Mapping[str, str] = field(default_factory=dict[str, str], hash=False)

    def __post_init__(self) -> None:
        """Refuse what could never happen.

        :raises ValueError: if ``times`` < 1.
        """
        if self.times < 1:
            message = f"times={self.times}: a step happens once or more; leave it out of the script instead"
            raise ValueError(message)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call that the model asks for.

    :param name: of the function.
    :param arguments: as an object, or as the JSON text itself (which may be broken on purpose).
    """

    name: str
    arguments: str | Mapping[str, Any] = "{}"

    @property
    def json(self) -> str:
        """The arguments as the provider sends them."""
        return self.arguments if isinstance(self.arguments, str) else json.dumps(self.arguments)


@dataclass(frozen=True)
class Reply(Step):
    """A successful answer. What is left out is worked out from the request, always in the same way.

    :param text: the content; a stream sends it word by word.
    :param chunks: the content of a stream piece by piece, instead of ``text``.
    :param finish_reason: in the words of the format; left out: ``tool_calls`` if there are any, else ``stop``.
    :param usage: the tokens to report; ``None``: none are reported, even when asked for; ``"counted"``: a word is one.
    :param tool_calls: what the model wants to be called; a stream sends each as one more piece.
    :param response_model: the model named in the answer; left out: the requested one.
    :param include_usage: report usage, or not, whatever the request asks for.
    :param first_chunk_after: time from the headers of a stream to its first chunk, which only says the role.
    :param first_content_after: time from there to the first piece of content: a slow first token.
    :param chunk_every: time before each further piece.
    :param drop_after_chunks: break a stream off after this many pieces, or before its end if there are fewer.
    """

    text: str | None = None
    _: KW_ONLY
    chunks: Sequence[str] | None = None
    finish_reason: str | None = None
    usage: Tokens | Literal["counted"] | None = "counted"
    tool_calls: Sequence[ToolCall] = ()
    response_model: str | None = None
    include_usage: bool | None = None
    first_chunk_after: float = 0.0
    first_content_after: float = 0.0
    chunk_every: float = 0.0
    drop_after_chunks: int | None = None

    def __post_init__(self) -> None:
        """Refuse a reply that says two things, or nothing that can happen.

        :raises ValueError: if ``text`` and ``chunks`` are both given, ``drop_after_chunks`` < 0 or ``times`` < 1.
        """
        super().__post_init__()
        if self.drop_after_chunks is not None and self.drop_after_chunks < 0:
            message = f"drop_after_chunks={self.drop_after_chunks}: 0 drops before the first piece, None never"
            raise ValueError(message)
        if self.text is not None and self.chunks is not None:
            message = "text and chunks both say the content: give one of them"
            raise ValueError(message)


def checked(step: object) -> Step:
    """Give back ``step``.

    :raises TypeError: if it is none.
    """
    if not isinstance(step, Step):
        message = f"{step!r} is not a step: give a Reply or a fault, such as RateLimited()"
        raise TypeError(message)
    return step


class Script:
    """Steps in the order in which they were added; thread-safe."""

    def __init__(self) -> None:
        self._steps: list[tuple[str | None, Step]] = []
        self._lock = threading.Lock()

    def add(self, steps: Iterable[Step], model: str | None) -> None:
        """Append steps, each as often as it says, for requests of ``model`` (``None``: of any)."""
        with self._lock:
            self._steps.extend((model, step) for step in steps for _ in range(step.times))

    def take(self, model: str) -> Step | None:
        """Remove and give the first step that a request of ``model`` may have."""
        with self._lock:
            for place, (wanted, step) in enumerate(self._steps):
                if wanted is None or wanted == model:
                    del self._steps[place]
                    return step
        return None

    def __len__(self) -> int:
        return len(self._steps)
