"""One run of the demo: provider, metrics, page and load, from their start to the sums at their end."""

from __future__ import annotations

import gc
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from polymeter import Metrics
from polymeter.cli.demo_metrics import DemoCollector
from polymeter.cli.demo_sums import sums_of
from polymeter.collectors import InferenceMetricsCollector
from polymeter.exporters import PrometheusExporter
from polymeter.exporters.serving import serve
from polymeter.sources import OpenAISource
from polymeter.testing.provider import Provider

if TYPE_CHECKING:
    from types import TracebackType

    from polymeter.cli.demo_load import Load
    from polymeter.cli.demo_sums import Sum
    from polymeter.data import Snapshot

__all__ = ["DemoRun", "Result"]

_PATIENCE: Final = 10.0
"""Seconds that the calls under way get to end. They take less than one, unless the machine has other things to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How it was.

    :ivar seconds: that the load ran.
    :ivar interrupted: whether it was ended early.
    :ivar troubles: what should not have happened, in words.
    :ivar ledger: what the load did and what the server saw, as plain data.
    """

    seconds: float
    interrupted: bool
    snapshot: Snapshot
    sums: list[Sum]
    troubles: list[str]
    ledger: dict[str, Any]

    @property
    def sums_hold(self) -> bool:
        """Whether all books agree, and nothing happened that should not have."""
        return not self.troubles and all(each.holds for each in self.sums)


class DemoRun:
    """A context manager: inside, the load runs and the metrics are served.

    :param port: of the page; 0: a free one.
    :param seed: for the order and the sizes of what happens.
    :ivar provider: whom the load calls, from entering on.
    :ivar url: of the page, from entering on.
    :raises MissingExtraError: on entering, if the OpenAI SDK is missing or of the wrong version.
    :raises OSError: on entering, if the port cannot be had.
    """

    def __init__(self, *, port: int, seed: int) -> None:
        self.url = ""
        self._port = port
        self._seed = seed
        self._source = OpenAISource()
        self._exporter = PrometheusExporter()
        self._metrics = Metrics()
        self._parts = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as parts:
            self._metrics.watch(self._source).collect(InferenceMetricsCollector()).export_to(self._exporter)
            self._metrics.collect(DemoCollector())
            parts.callback(self._metrics.close)
            self.url = parts.enter_context(serve(self._exporter, self._port)).url
            self.provider = parts.enter_context(Provider())
            self._load = self._start_load()
            parts.callback(self._load.stop, 0.0)  # if something else than finish() ends it
            self._began = time.monotonic()
            self._parts = parts.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._parts.close()

    @property
    def elapsed(self) -> float:
        """Seconds since the load began."""
        return time.monotonic() - self._began

    def snapshot(self) -> Snapshot:
        """Give the metrics of now."""
        return self._metrics.snapshot()

    def finish(self, *, interrupted: bool = False) -> Result:
        """Let everything end, and hold the books against each other.

        :param interrupted: whether that was asked for before the time was over.
        """
        seconds = self.elapsed
        troubles: list[str] = []
        if not self._load.stop(_PATIENCE):
            troubles.append(f"some calls had not ended after {_PATIENCE} s")
        gc.collect()  # ends what was abandoned in reference cycles
        try:
            self.provider.settled(_PATIENCE)
        except TimeoutError as error:
            troubles.append(f"the server: {error}")
        snapshot = self.snapshot()
        made, served = self._load.ledger, self.provider.ledger
        return Result(
            seconds=seconds,
            interrupted=interrupted,
            snapshot=snapshot,
            sums=sums_of(snapshot, made, served),
            troubles=[*troubles, *self._troubles()],
            ledger={"load": made.to_dict(), "server": served.to_dict()},
        )

    def _start_load(self) -> Load:
        # Imported here, once the source has found an SDK that it can watch.
        from polymeter.cli.demo_load import Load

        return Load(self.provider, self._seed)

    def _troubles(self) -> list[str]:
        health = self._metrics.health()
        return [
            *self._load.ledger.surprises,
            *(f"the server failed: {failure!r}" for failure in self.provider.failures),
            *([f"not all events became metrics: {health}"] if not health.is_well else []),
            *([f"answers that could not be read: {self._source.health()}"] if self._source.health().surprises else []),
        ]
