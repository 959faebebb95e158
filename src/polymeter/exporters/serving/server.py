"""Server: the metrics on a port of their own, with the standard library alone."""

from __future__ import annotations

import atexit
import threading
from typing import TYPE_CHECKING, Self

from polymeter.errors import DefinitionError
from polymeter.exporters.serving.listening import CannotServeError, is_loopback, listener, tls_context, url_of
from polymeter.exporters.serving.page import Page
from polymeter.exporters.serving.reception import Reception
from polymeter.exporters.serving.visit import Limits
from polymeter.forking import after_fork

if TYPE_CHECKING:
    import ssl
    from types import TracebackType

    from polymeter.exporters.serving.credentials import Credential
    from polymeter.exporters.serving.exposing import CanExpose
    from polymeter.exporters.serving.listening import Tls

__all__ = ["Server", "serve"]

_PATIENCE = 0.7
"""Seconds that the thread gets to end: it may be at a slice that does not."""


def serve(
    exposer: CanExpose,
    port: int = 9464,
    host: str = "127.0.0.1",
    *,
    path: str = "/metrics",
    auth: Credential | None = None,
    tls: Tls | None = None,
    gzip: bool = True,
) -> Server:
    """Serve metrics until ``close()`` or the end of the process, on a thread of its own.

    :param exposer: a ``PrometheusExporter``.
    :param port: 0: a free one, which ``.port`` tells.
    :param host: the default is this machine alone; ``"0.0.0.0"``: all of its networks.
    :param path: where the metrics are; elsewhere is nothing.
    :param auth: ``Bearer(token)`` or ``Basic(user, password)``; ``None``: everybody may read.
    :param tls: an ``ssl.SSLContext``, or the paths ``(certfile, keyfile)``; ``None``: plain HTTP.
    :param gzip: whether to compress for who accepts it.
    :raises CannotServeError: if the address cannot be had; also an ``OSError``.
    :raises DefinitionError: if something else makes no sense.
    """
    if not isinstance(path, str) or not path.startswith("/") or "?" in path:
        message = f"path {path!r} is none: give one that begins with a slash, such as '/metrics'"
        raise DefinitionError(message)
    page = Page(exposer, auth=auth, gzip=gzip, path=path)
    server = Server(page, port, host, path=path, tls=None if tls is None else tls_context(tls))
    if auth is None and not server.is_local:
        import logging

        logging.getLogger("polymeter.exporters").warning(
            "metrics are served on %s:%d to everybody who can reach it: give auth=Bearer(token), or host='127.0.0.1'",
            host,
            server.port,
        )
    return server


class Server:
    """Serves a page from the moment it is made until :meth:`close`.

    One thread does everything, without ever waiting for one visitor: slow ones cost a socket, not a worker.
    In a forked child it is closed; the parent goes on serving.

    :ivar port: that it listens on.
    :ivar url: of the metrics, as seen from this machine.
    :ivar is_local: whether only this machine can reach it.
    """

    def __init__(
        self,
        page: Page,
        port: int,
        host: str,
        *,
        path: str = "/metrics",
        tls: ssl.SSLContext | None = None,
        limits: Limits | None = None,
    ) -> None:
        listening = listener(host, port)
        self.port: int = listening.getsockname()[1]
        self.url = url_of(listening, path, tls=tls is not None)
        self.is_local = is_loopback(listening)
        try:
            self._reception = Reception(listening, page, tls, limits or Limits())
        except OSError as error:
            listening.close()
            message = f"cannot serve metrics on {host}:{self.port}: the process has no file descriptor left"
            raise CannotServeError(message, error.errno) from error
        after_fork(self)
        self._thread = threading.Thread(target=self._reception.run, name=f"polymeter-serve-{self.port}", daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:
            self._reception.release()
            message = f"cannot serve metrics on {host}:{self.port}: no thread can be started"
            raise CannotServeError(message) from error
        atexit.register(self.close)

    def close(self) -> None:
        """Stop serving, and break off what is under way; within a second. Idempotent."""
        atexit.unregister(self.close)
        self._reception.end()
        if self._thread is not threading.current_thread():
            self._thread.join(_PATIENCE)
            self._reception.release()  # if the thread does not come to it

    def after_fork_in_child(self) -> None:
        """Let go of the parent's sockets. The parent has them still."""
        self._reception.forsake()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.url}>"
