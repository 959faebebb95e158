"""Metrics over HTTP: an ASGI app, a WSGI app and a server of our own around one core.

``page`` decides what a request gets, ``rendering`` has the metrics rendered slice by slice, once for all who ask at the
same time. ``asgi``, ``wsgi`` and ``server`` bring requests in and answers out. Nothing here knows a format: whatever
has ``exposition()`` can be served.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from polymeter.lazily import lazily

if TYPE_CHECKING:
    from polymeter.exporters.serving.asgi import asgi_app
    from polymeter.exporters.serving.credentials import Basic, Bearer, Credential
    from polymeter.exporters.serving.exposing import CanExpose, Exposed
    from polymeter.exporters.serving.listening import CannotServeError
    from polymeter.exporters.serving.rendering import BrokenOffError
    from polymeter.exporters.serving.server import Server, serve
    from polymeter.exporters.serving.wsgi import wsgi_app
else:
    __getattr__, __dir__ = lazily(
        __name__,
        {
            "asgi": "asgi_app",
            "credentials": "Basic Bearer Credential",
            "exposing": "CanExpose Exposed",
            "listening": "CannotServeError",
            "rendering": "BrokenOffError",
            "server": "Server serve",
            "wsgi": "wsgi_app",
        },
    )

__all__ = [
    "Basic",
    "Bearer",
    "BrokenOffError",
    "CanExpose",
    "CannotServeError",
    "Credential",
    "Exposed",
    "Server",
    "asgi_app",
    "serve",
    "wsgi_app",
]
