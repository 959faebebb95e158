"""What a fault server can do to its clients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

__all__ = ["FAULTS", "Behaviour", "Fault"]

Fault: TypeAlias = Literal[
    "ok",
    "refused",
    "black_hole",
    "slow_drip",
    "throttled",
    "unavailable",
    "bad_tls",
    "endless",
    "reset_mid_body",
    "accepted_then_reset",
]
"""Each by the name that the field has for it; ``ok``: none."""

FAULTS: Final[tuple[Fault, ...]] = get_args(Fault)


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """A fault and its details.

    :ivar retry_after: seconds that ``throttled`` and ``unavailable`` ask for; ``None``: no such header.
    :ivar part: what ``reset_mid_body`` breaks off in the middle.
    :ivar every: seconds between two bytes of a ``slow_drip``.
    :ivar tls: what ``bad_tls`` answers to the client's hello: a TLS alert, or plain text.
    """

    fault: Fault = "ok"
    retry_after: float | None = None
    part: Literal["request", "answer"] = "request"
    every: float = 0.05
    tls: Literal["alert", "plain"] = "alert"

    def __post_init__(self) -> None:
        """See that there is such a fault.

        :raises ValueError: if not.
        """
        for given, allowed in (
            (self.fault, FAULTS),
            (self.part, ("request", "answer")),
            (self.tls, ("alert", "plain")),
        ):
            if given not in allowed:
                message = f"a fault server cannot do {given!r}: use one of {', '.join(allowed)}"
                raise ValueError(message)
