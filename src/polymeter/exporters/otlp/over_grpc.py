"""Requests over gRPC, by ``grpcio``: the same bytes, without generated classes."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from polymeter.deadline import current_deadline
from polymeter.errors import DefinitionError, DeliveryError, MissingExtraError
from polymeter.exporters.http import Backoff
from polymeter.exporters.http.address import address_of
from polymeter.exporters.http.diagnosis import Failure
from polymeter.exporters.http.headers import checked_headers
from polymeter.exporters.http.remaining import Remaining
from polymeter.exporters.otlp.answers import Rejected, rejected_in_protobuf
from polymeter.exporters.otlp.grpc_failures import failure_of
from polymeter.forking import after_fork

if TYPE_CHECKING:
    from polymeter.clock import Clock
    from polymeter.exporters.otlp.settings import Settings

__all__ = ["OverGrpc"]

_METHOD: Final = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
_SLICE: Final = 0.05
"""Seconds after which a wait looks whether somebody cancelled."""
_OPTIONS: Final = (
    # Channels to one address share their connections, also with those that a fork has inherited. Not ours.
    ("grpc.use_local_subchannel_pool", 1),
    # When to try again is up to the pump: grpcio alone would wait for up to two minutes, and fail at once meanwhile.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.enable_retries", 0),
)


class OverGrpc:
    """Calls one server. The channel is made when it is first needed, and anew in a forked child.

    :ivar server: host and port.
    """

    def __init__(self, settings: Settings, backoff: Backoff | None, clock: Clock) -> None:
        """Prepare; nothing is connected yet.

        :raises DefinitionError: for an address, a header or a certificate that cannot be.
        :raises MissingExtraError: if ``grpcio`` is not installed.
        """
        self._grpc = _grpc()
        address = address_of(settings.endpoint)
        self.server = str(address)
        self._is_tls = address.is_tls
        if not address.is_tls and (settings.authorities, settings.certificate) != (None, None):
            message = "tls= and client_certificate= are of no use with http://: did you mean https://?"
            raise DefinitionError(message)
        self._credentials = _credentials(self._grpc, settings) if address.is_tls else None
        self._metadata = _metadata(settings, address.authorization)
        self._compression = self._grpc.Compression.Gzip if settings.gzip else self._grpc.Compression.NoCompression
        self._timeout = settings.timeout
        self._backoff = backoff or Backoff()
        self._clock = clock
        self._channel: Any = None
        self._under_way: list[None] = []
        self._inherited: list[Any] = []
        self._is_broken = False
        after_fork(self)

    def send(self, body: bytes) -> Rejected:
        """Deliver a request; give what was not taken of it.

        :raises DeliveryError: if it could not be delivered.
        """
        if self._is_broken:
            message = (
                "this process was forked while its parent was sending by gRPC, which gRPC does not outlive: "
                "use protocol='http/protobuf' where processes fork, or fork before the first export"
            )
            raise DeliveryError(message, reason="error")
        remaining = Remaining(current_deadline(), self._timeout, self._clock)
        if remaining.left <= 0:
            message = f"no time was left to send anything to {self.server}"
            raise DeliveryError(message, reason="timeout")
        retries = 0
        while True:
            outcome = self._try(body, remaining)
            if isinstance(outcome, Rejected):
                return outcome
            if outcome.error.reason in {"refused", "tls"}:
                self.close()  # it would not look again for a while: when to is up to the pump
            if not outcome.is_worth_another or retries == self._backoff.retries:
                raise outcome.error
            pause = self._backoff.pause(retries, outcome.error.retry_after)
            if pause >= remaining.left or not remaining.wait(pause):
                raise outcome.error
            retries += 1

    def close(self) -> None:
        """Close the channel; another ``send`` makes a new one."""
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()

    def after_fork_in_child(self) -> None:
        """Leave the channel to the parent: to use or to close it here could hang."""
        # If a call was under way, gRPC could not get ready for the fork, and its threads are missing here.
        self._is_broken = self._is_broken or bool(self._under_way)
        self._under_way = []
        self._inherited.append(self._channel)
        self._channel = None

    def _try(self, body: bytes, remaining: Remaining) -> Rejected | Failure:
        self._under_way.append(None)
        try:
            return self._call(body, remaining)
        finally:
            if self._under_way:
                self._under_way.pop()

    def _call(self, body: bytes, remaining: Remaining) -> Rejected | Failure:
        call: Any = self._stub()(body, timeout=remaining.left, metadata=self._metadata, compression=self._compression)
        try:
            is_done = self._is_done(call, remaining)
        except BaseException:
            call.cancel()
            raise
        if not is_done:
            call.cancel()
            message = f"{self.server} took longer than there was time for: it may have been taken"
            return Failure(DeliveryError(message, reason="timeout", is_ambiguous=True), is_worth_another=False)
        if call.code() is not self._grpc.StatusCode.OK:
            return failure_of(call, self.server)
        try:
            return rejected_in_protobuf(call.result())
        except ValueError:
            message = f"{self.server} gave an answer that makes no sense: it may have been taken"
            return Failure(DeliveryError(message, reason="answer", is_ambiguous=True), is_worth_another=False)

    def _is_done(self, call: Any, remaining: Remaining) -> bool:
        """Wait for the end of a call; tell whether it came in time."""
        while remaining.left > 0:
            try:
                call.result(timeout=min(_SLICE, remaining.left))
            except self._grpc.FutureTimeoutError:
                continue
            except (self._grpc.RpcError, self._grpc.FutureCancelledError):
                pass
            return True
        return bool(call.done())

    def _stub(self) -> Any:
        channel = self._channel
        if channel is None:
            if self._credentials is None:
                channel = self._grpc.insecure_channel(self.server, options=_OPTIONS)
            else:
                channel = self._grpc.secure_channel(self.server, self._credentials, options=_OPTIONS)
            self._channel = channel
        return channel.unary_unary(_METHOD, request_serializer=None, response_deserializer=None).future


def _grpc() -> Any:
    try:
        import grpc  # type: ignore[import-untyped]  # it has no types of its own
    except ImportError as error:
        message = "OTLP over gRPC needs grpcio: pip install 'polymeter[otlp-grpc]'; protocol='http/protobuf' does not"
        raise MissingExtraError(message) from error
    return grpc


def _metadata(settings: Settings, authorization: str) -> tuple[tuple[str, str], ...]:
    headers = checked_headers(settings.headers)
    if authorization:
        headers.setdefault("authorization", authorization)
    for name, value in headers.items():
        if not value.isascii() or not name.replace("-", "").replace("_", "").replace(".", "").isalnum():
            message = (
                f"the header {name!r} cannot be sent by gRPC: letters, digits, '-', '_' and '.' name one; it is ASCII"
            )
            raise DefinitionError(message)
    return tuple(headers.items())


def _credentials(grpc: Any, settings: Settings) -> Any:
    authorities = settings.authorities
    if isinstance(authorities, ssl.SSLContext):
        message = "gRPC does not take an ssl.SSLContext: give tls= the path of a PEM file"
        raise DefinitionError(message)
    files = (authorities, settings.key or settings.certificate, settings.certificate)
    try:
        roots, key, chain = [None if path is None else Path(path).read_bytes() for path in files]
    except OSError as error:
        message = f"cannot read a certificate for gRPC: {error}"
        raise DefinitionError(message) from error
    return grpc.ssl_channel_credentials(roots, key, chain)
