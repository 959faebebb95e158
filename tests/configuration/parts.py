"""What configurations in these tests name: parts of a user's own make."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, Literal

from polymeter.errors import DefinitionError, MissingExtraError
from polymeter.subscription import Subscription

if TYPE_CHECKING:
    import os as operating_system
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from decimal import Decimal
    from pathlib import Path

    from tests.configuration.nowhere import Nothing

    from polymeter.clock import Clock
    from polymeter.contracts import Temporality


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Key:
    """Made of a value alone."""

    def __init__(self, key: str) -> None:
        if " " in key:
            message = f"the key {key!r} has a space"
            raise DefinitionError(message)
        self.key = key

    def __repr__(self):
        return "Key(...)"


class Shares:
    def __init__(self, *shares: float) -> None:
        self.shares = shares


Credential = Key | Shares


class TestExporter:
    """Takes all there is."""

    __test__ = False
    temporality = "cumulative"

    def __init__(
        self,
        url: str = "http://127.0.0.1",
        *,
        switch: bool = False,
        whole: int = 0,
        number: float = 0.0,
        place: Path | None = None,
        either: str | operating_system.PathLike[str] | Nothing | None = None,
        colour: Colour = Colour.RED,
        level: Literal["low", 3] = "low",
        several: Sequence[int] = (),
        by_name: Mapping[str, float] | None = None,
        headers: dict[str, str] | None = None,
        callback: Callable[[int], int] | None = None,
        annotated: Annotated[int, "seconds"] = 1,
        temporality: Temporality = "cumulative",
        auth: Credential | None = None,
        token: str = "",
        clock: Clock | None = None,
        amount: Decimal | None = None,
        unknown: Nothing | None = None,
        free=None,
    ) -> None:
        if url.startswith("ftp"):
            message = f"{url} with token {token} is not HTTP"
            raise DefinitionError(message)
        if url.startswith("crash"):
            raise RuntimeError(f"{url} {token}")
        self.given = {name: value for name, value in locals().items() if name != "self"}
        self.served: list[Any] = []
        self.exported: list[Any] = []

    def export(self, snapshot: Iterable[Any], /) -> None:
        self.exported.append(list(snapshot))

    def serve(
        self, port: int = 9464, host: str = "127.0.0.1", *, path: str = "/metrics", auth: Credential | None = None
    ):
        if port == 1:
            raise OSError(f"port 1 is taken, said the token {auth.key if auth else ''}")
        self.served.append((port, host, path, auth))
        return Subscription(lambda: self.served.append("closed")) if host == "::1" else _Server(self.served)


class _Server:
    def __init__(self, served):
        self.served = served

    def close(self):
        self.served.append("closed")


class Delta:
    temporality = "delta"

    def export(self, snapshot, /):
        pass


class AnySource:
    """Takes what it is given; has a wish at install."""

    def __init__(self, **wishes):
        self.wishes = wishes
        self.installed = 0

    def install(self, events):
        if self.wishes.get("missing"):
            message = "AnySource needs the nothing package: pip install 'polymeter[nothing]'"
            raise MissingExtraError(message)
        self.installed += 1
        return Subscription(lambda: setattr(self, "installed", self.installed - 1))


made = TestExporter()
not_an_exporter = 5


def exporter_of(size: int) -> TestExporter:
    return TestExporter(whole=size)


def doubled(number):
    return 2 * number
