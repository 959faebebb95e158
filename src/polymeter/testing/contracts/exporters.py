"""ExporterContract: what every exporter does, wherever it delivers to."""

from __future__ import annotations

from polymeter.testing.contracts.exporter.delivering import Delivering
from polymeter.testing.contracts.exporter.saying import Saying
from polymeter.testing.contracts.exporter.taking import Taking

__all__ = ["ExporterContract"]


class ExporterContract(Taking, Delivering, Saying):
    """The tests that every exporter passes.

    To have yours pass them too, say how one is made, and if that can be, what has arrived::

        class TestMyExporter(ExporterContract):
            secrets = ("a token",)

            def make_exporter(self):
                return MyExporter(self.server.url, token="a token")

            def delivered(self, exporter):
                return self.server.bodies[-1]

    What more can be said is in :class:`~polymeter.testing.contracts.exporter.base.ExporterTests`.
    """
