"""HTTP for exporters that push: one deadline for everything, and one word for what went wrong.

``HttpTransport`` is the whole of it; ``Backoff`` says how it tries again. It needs the standard library only.
"""

from __future__ import annotations

from polymeter.exporters.http.answer import Response
from polymeter.exporters.http.backoff import Backoff
from polymeter.exporters.http.transport import HttpTransport

__all__ = ["Backoff", "HttpTransport", "Response"]
