"""Requests over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from polymeter.errors import DeliveryError
from polymeter.exporters.http import HttpTransport
from polymeter.exporters.otlp.answers import Rejected, rejected_by

if TYPE_CHECKING:
    from polymeter.clock import Clock
    from polymeter.exporters.http import Backoff
    from polymeter.exporters.otlp.settings import Settings

__all__ = ["OverHttp"]

_WHERE: Final = "see whether the path of the endpoint is right: mostly it ends in /v1/metrics"
_WHAT: Final = "the receiver did not understand the request, or does not take this encoding: its log says which"


class OverHttp:
    """Posts requests to one URL.

    :ivar server: host and port.
    """

    def __init__(self, settings: Settings, content_type: str, backoff: Backoff | None, clock: Clock) -> None:
        """Prepare; nothing is connected yet.

        :raises DefinitionError: for an address, a header or a certificate that cannot be.
        """
        self._content_type = content_type
        self._transport = HttpTransport(
            settings.endpoint,
            headers=settings.headers,
            timeout=settings.timeout,
            tls=settings.tls_of_http(),
            gzip=settings.gzip,
            backoff=backoff,
            clock=clock,
        )
        self.server = self._transport.server

    def send(self, body: bytes) -> Rejected:
        """Deliver a request; give what was not taken of it.

        :raises DeliveryError: if it could not be delivered.
        """
        try:
            response = self._transport.send("POST", "", body, self._content_type)
        except DeliveryError as error:
            for status, note in ((" 404", _WHERE), (" 405", _WHERE), (" 400", _WHAT), (" 415", _WHAT)):
                if error.reason == "rejected" and str(error).endswith(status):
                    error.add_note(note)
            raise
        return rejected_by(response, self.server)

    def close(self) -> None:
        """Close the connection that is kept."""
        self._transport.close()
