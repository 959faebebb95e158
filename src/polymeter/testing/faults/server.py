"""FaultServer: a port, a behaviour and a record, put together."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, Literal, Self

from polymeter.testing.faults.behaviour import Behaviour
from polymeter.testing.faults.certificate import tls_contexts
from polymeter.testing.faults.crowd import Crowd
from polymeter.testing.faults.handling import break_tls, handle
from polymeter.testing.faults.port import HOST, Port
from polymeter.testing.faults.record import Received, Record

if TYPE_CHECKING:
    import ssl
    from types import TracebackType

    from polymeter.testing.faults.behaviour import Fault
    from polymeter.testing.faults.connection import Connection

__all__ = ["FaultServer"]

_KEEP: Final = 64 * 1024 * 1024
_RESTARTS: Final = frozenset({"refused", "bad_tls"})
"""Faults that no connection outlives."""

_HOLDS: Final = frozenset({"black_hole", "slow_drip", "endless"})
"""Faults that last until somebody ends them."""


class FaultServer:
    """An HTTP server on 127.0.0.1 that is out of order as told, and keeps what it accepted.

    ::

        with FaultServer() as server:
            exporter = PushgatewayExporter(server.url, job="nightly")
            server.behaves("black_hole")
            ...
            server.behaves("ok")

    It serves from the moment it is made until :meth:`close`. Everything may be used from any thread.

    :param tls: serve https, with a certificate that ``client_tls`` trusts. Needs the program ``openssl``.
    :param status: what ``ok`` answers.
    :param keep: bytes of requests that are kept; older ones are let go and counted in ``forgotten``.
    """

    def __init__(self, *, tls: bool = False, status: int = 200, keep: int = _KEEP) -> None:
        """Serve.

        :raises RuntimeError: with ``tls``, if there is no program ``openssl``.
        """
        self._context: ssl.SSLContext | None = None
        self._client_tls: ssl.SSLContext | None = None
        if tls:
            self._context, self._client_tls = tls_contexts()
        self._status = status
        self._record = Record(keep)
        self._lock = threading.RLock()
        self._behaviour = Behaviour()
        self._times: int | None = None
        self._is_closed = False
        self._crowd = Crowd(self._converse)
        self._port = Port(self._crowd.take)
        self._port.open()

    @property
    def url(self) -> str:
        """Where it is; the same for as long as it lives."""
        return f"{'http' if self._context is None else 'https'}://{HOST}:{self._port.number}"

    @property
    def client_tls(self) -> ssl.SSLContext | None:
        """What a client has to be given to trust this server; ``None`` if it does not speak TLS."""
        return self._client_tls

    @property
    def requests(self) -> tuple[Received, ...]:
        """What came, in order of arrival: everything whose body was read as far as the fault lets it."""
        return self._record.all()

    @property
    def accepted(self) -> tuple[bytes, ...]:
        """The bodies, uncompressed, of the requests that the server counts as taken, answered or not."""
        return tuple(request.content for request in self.requests if request.is_accepted)

    @property
    def forgotten(self) -> int:
        """How many requests are no longer in ``requests``, because they became too many."""
        return self._record.forgotten

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._crowd)

    def behaves(
        self,
        fault: Fault,
        *,
        times: int | None = None,
        retry_after: float | None = None,
        part: Literal["request", "answer"] = "request",
        every: float = 0.05,
        tls: Literal["alert", "plain"] = "alert",
    ) -> None:
        """Do this from now on; end what another fault still holds.

        - ``ok``: takes the request and answers.
        - ``refused``: refuses connections, and cuts those that are open.
        - ``black_hole``: takes connections and all that is sent, and never answers.
        - ``slow_drip``: takes the request and answers, one byte every so many seconds.
        - ``throttled`` (429) and ``unavailable`` (503): with the ``retry_after`` that is given, in seconds.
        - ``bad_tls``: answers the hello of TLS with an alert, or with plain text. For ``FaultServer(tls=True)``.
        - ``endless``: takes the request, and answers 200 with a body that never ends.
        - ``reset_mid_body``: resets the connection in the middle of the request, or of the answer to one that it took.
        - ``accepted_then_reset``: takes the request, and resets the connection instead of answering.

        :param times: so many requests (connections, for ``bad_tls``), then ``ok``; default: until told otherwise.
        :raises ValueError: for what it cannot do.
        """
        behaviour = Behaviour(fault=fault, retry_after=retry_after, part=part, every=every, tls=tls)
        if fault == "bad_tls" and self._context is None:
            message = "only a server that speaks TLS can do that badly: FaultServer(tls=True)"
            raise ValueError(message)
        if times is not None and (times < 1 or fault == "refused"):
            message = "times counts requests, from 1 on; none of them arrives where connections are refused"
            raise ValueError(message)
        with self._lock:
            if self._is_closed:
                message = "this fault server is closed: make a new one"
                raise ValueError(message)
            self._behaviour, self._times = behaviour, times
            self._crowd.welcome(anybody=fault != "refused")
            if fault == "refused":
                self._port.refuse()
            else:
                self._port.open()
            self._crowd.cut(all_of_them=fault in _RESTARTS)

    def wait_for_requests(self, count: int, timeout: float = 5.0) -> tuple[Received, ...]:
        """Wait until ``count`` requests have come since the server was made; give those that are kept.

        :param timeout: real seconds.
        :raises TimeoutError: if they have not come by then.
        """
        return self._record.wait_for(count, timeout)

    def close(self) -> None:
        """Stop serving, within a second, whoever is connected. What came can still be read. Idempotent."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            self._port.close()
        self._crowd.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"FaultServer({self.url!r}, behaves {self._behaviour.fault!r})"

    def _converse(self, connection: Connection) -> None:
        if self._context is not None and not self._greet(connection, self._context):
            return
        goes_on = True
        while goes_on and (head := connection.read_head()) is not None:
            behaviour = self._next(connection)
            goes_on = handle(connection, head, behaviour, self._record.add, self._status)
            connection.is_stuck = False

    def _greet(self, connection: Connection, context: ssl.SSLContext) -> bool:
        """Shake hands; tell whether that came about."""
        with self._lock:
            behaviour = self._next(connection) if self._behaviour.fault == "bad_tls" else None
        if behaviour is not None:
            break_tls(connection, behaviour)
            return False
        connection.secure(context)
        return True

    def _next(self, connection: Connection) -> Behaviour:
        """Give what the next request meets."""
        with self._lock:
            behaviour = self._behaviour
            connection.is_stuck = behaviour.fault in _HOLDS
            if self._times is not None:
                self._times -= 1
                if not self._times:
                    self._behaviour, self._times = Behaviour(), None
            return behaviour
