"""How an exporter that is asked is served: by a method of its own, else by our server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polymeter.configuration.options import options_of
from polymeter.configuration.secret import revealed
from polymeter.subscription import Subscription

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polymeter.configuration.options import Options

__all__ = ["Served", "serving_options"]


def serving_options(target: Any) -> Options | None:
    """Give what can be said of serving an exporter of this class; ``None`` if it cannot be served."""
    if not isinstance(target, type):
        return None
    method = getattr(target, "serve", None)
    if callable(method):
        return options_of(method).without("self")
    if callable(getattr(target, "exposition", None)):
        from polymeter.exporters.serving import serve

        return options_of(serve).without("exposer")
    return None


class Served:
    """Serves what an exporter has. Watched like a source, so that it ends when the facade is closed."""

    def __init__(self, exporter: Any, options: Mapping[str, Any]) -> None:
        self._exporter = exporter
        self._options = options

    def install(self, _events: object) -> Subscription:
        """Begin to serve, until the subscription is cancelled."""
        options = revealed(self._options)
        if callable(getattr(self._exporter, "serve", None)):
            server = self._exporter.serve(**options)
        else:
            from polymeter.exporters.serving import serve

            server = serve(self._exporter, **options)
        end = getattr(server, "close", None) or getattr(server, "cancel", None)
        return Subscription(end or (lambda: None))
