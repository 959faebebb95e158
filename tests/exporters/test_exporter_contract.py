"""Every exporter of ours keeps the contract."""

from __future__ import annotations

import io
import logging
from contextlib import contextmanager

import pytest

from polymeter.exporters import (
    CallbackExporter,
    ConsoleExporter,
    InMemoryExporter,
    JsonLinesExporter,
    LogExporter,
    LogfmtExporter,
    NullExporter,
    OTLPExporter,
    PrometheusExporter,
    PushgatewayExporter,
    RemoteWriteExporter,
    SpoolingExporter,
    StatsDExporter,
    TextfileExporter,
)
from polymeter.exporters.http import Backoff
from polymeter.testing import FaultServer, ManualClock
from polymeter.testing.contracts.exporters import ExporterContract
from tests.exporters.otlp_grpc_server import GrpcServer
from tests.exporters.otlp_reading import points_of, request_of
from tests.exporters.remote_write_messages import TYPE_1, decode
from tests.exporters.statsd_receivers import UnixDatagrams


class TestNull(ExporterContract):
    def make_exporter(self):
        return NullExporter()


class TestInMemory(ExporterContract):
    def make_exporter(self):
        return InMemoryExporter()

    def delivered(self, exporter):
        return list(exporter.last)


class TestCallback(ExporterContract):
    def make_exporter(self):
        kept = []

        def call(snapshot):
            if self.fails:
                raise ConnectionError
            kept.append(snapshot)

        exporter = CallbackExporter(call)
        exporter.kept = kept
        return exporter

    fails = False

    def delivered(self, exporter):
        return list(exporter.kept[-1])

    @contextmanager
    def out_of_order(self, exporter):
        self.fails = True
        yield
        self.fails = False


class TestConsole(ExporterContract):
    def make_exporter(self):
        return ConsoleExporter(io.StringIO())


class TestLog(ExporterContract):
    @pytest.fixture(autouse=True)
    def told(self, caplog):
        caplog.set_level(logging.INFO, "polymeter.metrics")

    def make_exporter(self):
        return LogExporter()


class Files(ExporterContract):
    """Those that write to a file: each to one of its own."""

    suffix = ".txt"

    @pytest.fixture(autouse=True)
    def folder(self, tmp_path):
        self.at, self.made = tmp_path / "files", 0
        self.at.mkdir()

    def make_exporter(self):
        self.made += 1
        exporter = self.make(self.at / f"{self.made}{self.suffix}")
        self.paths = {**getattr(self, "paths", {}), id(exporter): self.at / f"{self.made}{self.suffix}"}
        return exporter

    def delivered(self, exporter):
        return [line for line in self.paths[id(exporter)].read_text().splitlines() if "something" not in line]

    @contextmanager
    def out_of_order(self, exporter):
        elsewhere = self.at.with_name("elsewhere")
        self.at.rename(elsewhere)
        yield
        elsewhere.rename(self.at)


class TestJsonLines(Files):
    def make(self, path):
        return JsonLinesExporter(path)


class TestLogfmt(Files):
    def make(self, path):
        return LogfmtExporter(path)


class TestTextfile(Files):
    suffix = ".prom"

    def make(self, path):
        return TextfileExporter(path)


class TestPrometheus(ExporterContract):
    def make_exporter(self):
        return PrometheusExporter()

    def delivered(self, exporter):
        return exporter.render()


class TestPushgateway(ExporterContract):
    secrets = ("a-user", "a-password", "a-token")

    @pytest.fixture(autouse=True)
    def gateway(self):
        with FaultServer() as self.server:
            yield

    def make_exporter(self):
        url = self.server.url.replace("//", "//a-user:a-password@")
        return PushgatewayExporter(url, "job", headers={"x-token": "a-token"}, backoff=Backoff(retries=0))

    def delivered(self, exporter):
        return self.server.accepted[-1]

    @contextmanager
    def out_of_order(self, exporter):
        self.server.behaves("unavailable")
        yield
        self.server.behaves("ok")


class TestRemoteWrite(TestPushgateway):
    def make_exporter(self):
        url = self.server.url.replace("//", "//a-user:a-password@")
        return RemoteWriteExporter(url, instance="i", headers={"x-token": "a-token"}, backoff=Backoff(retries=0))

    def delivered(self, exporter):
        return [
            (each.labels, each.values)
            for each in decode(super().delivered(exporter), TYPE_1).series
            if not each.is_stale
        ]


class TestStatsD(ExporterContract):
    """Each exporter has a receiver of its own."""

    @pytest.fixture(autouse=True)
    def receivers(self, tmp_path):
        self.folder, self.listening = tmp_path, {}
        yield
        for receiver in self.listening.values():
            receiver.close()

    def make_exporter(self):
        path = self.folder / str(len(self.listening))
        exporter = StatsDExporter(f"unixgram://{path}")
        self.listening[exporter] = UnixDatagrams(path)
        return exporter

    def delivered(self, exporter):
        return self.listening[exporter].packets()[-1]

    @contextmanager
    def out_of_order(self, exporter):
        path = self.listening[exporter].path
        self.listening[exporter].close()
        yield
        self.listening[exporter] = UnixDatagrams(path)


class Otlp(ExporterContract):
    """Each protocol to a server of its own."""

    secrets = ("a-token",)

    def make_exporter(self):
        return OTLPExporter(
            self.server.url,
            protocol=self.protocol,
            headers={"x-token": "a-token"},
            backoff=Backoff(retries=0),
            clock=ManualClock(),
        )

    def delivered(self, exporter):
        """Give the points that have a value: one that has been used before ends what it sent then."""
        del exporter
        points = points_of(self.last())
        return [(each.metric.name, str(each.data)) for each in points if not each.data.flags]


class OtlpOverHttp(Otlp):
    @pytest.fixture(autouse=True)
    def receiver(self):
        with FaultServer() as self.server:
            yield

    def last(self):
        request = [each for each in self.server.requests if each.is_accepted][-1]
        return request_of(request.content, request.headers["content-type"])

    @contextmanager
    def out_of_order(self, exporter):
        self.server.behaves("unavailable")
        yield
        self.server.behaves("ok")


class TestOtlpProtobuf(OtlpOverHttp):
    protocol = "http/protobuf"


class TestOtlpJson(OtlpOverHttp):
    protocol = "http/json"


class TestOtlpGrpc(Otlp):
    protocol = "grpc"

    @pytest.fixture(autouse=True)
    def receiver(self):
        with GrpcServer() as self.server:
            yield

    def last(self):
        return request_of(self.server.requests[-1])

    @contextmanager
    def out_of_order(self, exporter):
        self.server.stop()
        yield
        self.server.start()


class TestSpooling(Files):
    """Around one that writes files; what could not be written leaves with the next export of this process."""

    def make(self, path):
        return SpoolingExporter(JsonLinesExporter(path), self.at.with_name("spools") / path.stem)
