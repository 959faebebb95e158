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
    PrometheusExporter,
    PushgatewayExporter,
    TextfileExporter,
)
from polymeter.exporters.http import Backoff
from polymeter.testing import FaultServer
from polymeter.testing.contracts.exporters import ExporterContract


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
