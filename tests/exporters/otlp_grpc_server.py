"""A real server of gRPC for requests of OTLP, that answers as it is told."""

from __future__ import annotations

import threading
from concurrent import futures

import grpc

METHOD = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
HOST = "127.0.0.1"


class GrpcServer(grpc.GenericRpcHandler):
    """Keeps what comes.

    :ivar requests: the bytes of each request that was taken.
    :ivar metadata: of each call.
    :ivar behave: called with the context of a call; what it gives is the answer.
    """

    def __init__(self, credentials=None):
        self.requests, self.metadata = [], []
        self.behave = lambda _: b""
        self.entered, self.let_go = threading.Event(), threading.Event()
        self._credentials = credentials
        self._port = 0
        self.start()

    def start(self):
        """Serve, always on the same port."""
        self._pool = futures.ThreadPoolExecutor(4)
        self._server = grpc.server(self._pool, options=[("grpc.so_reuseport", 0)])
        self._server.add_generic_rpc_handlers((self,))
        address = f"{HOST}:{self._port}"
        if self._credentials is None:
            self._port = self._server.add_insecure_port(address)
        else:
            self._port = self._server.add_secure_port(address, self._credentials)
        self._server.start()

    def stop(self):
        """Refuse connections."""
        self.let_go.set()
        self._server.stop(0).wait()
        self._pool.shutdown()

    @property
    def url(self):
        """Where it is."""
        return f"{'http' if self._credentials is None else 'https'}://{HOST}:{self._port}"

    def service(self, handler_call_details):
        """Find what answers a call."""
        if handler_call_details.method != METHOD:
            return None
        self.metadata.append(dict(handler_call_details.invocation_metadata))

        def export(request, context):
            answer = self.behave(context)
            self.requests.append(request)
            return answer

        return grpc.unary_unary_rpc_method_handler(export)

    def wait(self, _context):
        """Keep the caller waiting; a ``behave``."""
        self.entered.set()
        self.let_go.wait(10)
        return b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
