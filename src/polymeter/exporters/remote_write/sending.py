"""Sender: one request at a time, compressed; and whether it was understood."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from polymeter.errors import DeliveryError, MissingExtraError
from polymeter.exporters.remote_write.version2 import Version2

if TYPE_CHECKING:
    from polymeter.exporters.http import HttpTransport, Response
    from polymeter.exporters.remote_write.encoding import Encoding
    from polymeter.exporters.remote_write.requests import Request

__all__ = ["NotUnderstoodError", "Sender"]

_WRITTEN: Final = "x-prometheus-remote-write-samples-written"
_HISTOGRAMS_WRITTEN: Final = "x-prometheus-remote-write-histograms-written"


class NotUnderstoodError(Exception):
    """The receiver does not know version 2.0, and has kept nothing."""


class Sender:
    """Sends requests.

    :ivar server: host and port.
    :ivar has_understood_2: whether the receiver is known to know version 2.0.
    """

    def __init__(self, transport: HttpTransport) -> None:
        """Prepare.

        :raises MissingExtraError: without cramjam.
        """
        self.server: Final = transport.server
        self.has_understood_2 = False
        self._transport = transport
        self._compress = _snappy().compress_raw

    def send(self, request: Request, encoding: Encoding) -> None:
        """Send one.

        :raises NotUnderstoodError: if it is of version 2.0, and the receiver does not say that it has written anything:
            one that does not know that version answers 204, too.
        :raises DeliveryError: if it could not be delivered, or not all of it was written.
        """
        headers = {"content-encoding": "snappy", "x-prometheus-remote-write-version": encoding.version}
        body = bytes(self._compress(request.body))
        response = self._transport.send("POST", "", body, encoding.content_type, headers=headers)
        if encoding.version == Version2.version:
            self._see_what_was_written(response, request.series)

    def close(self) -> None:
        """Close the connection that is kept."""
        self._transport.close()

    def _see_what_was_written(self, response: Response, sent: int) -> None:
        counts = [response.headers.get(name) for name in (_WRITTEN, _HISTOGRAMS_WRITTEN)]
        if counts[0] is None:
            raise NotUnderstoodError
        self.has_understood_2 = True
        try:
            written = sum(int(count) for count in counts if count is not None)
        except ValueError:
            message = f"{self.server} does not say in numbers what it has written"
            raise DeliveryError(message, reason="answer") from None
        if written < sent:
            message = f"{self.server} has written {written} of {sent} samples"
            raise DeliveryError(message, reason="rejected")


def _snappy() -> Any:
    try:
        import cramjam
    except ImportError:
        message = "RemoteWriteExporter needs cramjam to compress: pip install 'polymeter[remote-write]'"
        raise MissingExtraError(message) from None
    return cramjam.snappy
