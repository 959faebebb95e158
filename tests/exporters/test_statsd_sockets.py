"""Every way to a server, with real sockets."""

from __future__ import annotations

import os
import socket

import pytest

from polymeter import Metrics
from polymeter.data import Counter, Gauge
from polymeter.deadline import Deadline
from polymeter.exporters import StatsDExporter
from polymeter.testing import ManualClock
from polymeter.testing.contracts.registry.child import answer_of_a_child
from tests.exporters.statsd_reading import counts, lines_of
from tests.exporters.statsd_receivers import Tcp, Udp, UnixDatagrams, UnixStream

MANY = [Counter("jobs.done", number, {"queue": str(number)}) for number in range(1, 501)]
EXPECTED = {("jobs.done", (("queue", str(number)),)): number for number in range(1, 501)}


@pytest.fixture
def make():
    """Give what makes an exporter that is closed in the end."""
    made = []

    def making(*args, **options):
        made.append(StatsDExporter(*args, origin_detection=False, **options))
        return made[-1]

    yield making
    for exporter in made:
        exporter.close()


@pytest.fixture
def udp():
    receiver = Udp()
    yield receiver
    receiver.close()


def has_ipv6():
    try:
        Udp(family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    "family",
    [
        socket.AF_INET,
        pytest.param(socket.AF_INET6, marks=pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on this machine")),
    ],
    ids=["IPv4", "IPv6"],
)
def test_udp_packets_fit_into_an_ethernet_frame(make, family):
    receiver = Udp(family=family)
    make(receiver.address).export(MANY)
    packets = receiver.packets()
    receiver.close()
    assert all(len(packet) <= 1432 for packet in packets)
    assert len(packets) <= 1 + sum(map(len, packets)) // 1350
    assert counts(lines_of(packets)) == EXPECTED


def test_packets_can_be_smaller_for_networks_that_nobody_knows(make, udp):
    make(udp.address, packet_size=512).export(MANY)
    packets = udp.packets()
    assert max(map(len, packets)) <= 512
    assert counts(lines_of(packets)) == EXPECTED


@pytest.mark.parametrize("scheme", ["unixgram", "unix"])
def test_unix_datagrams_are_larger(make, tmp_path, scheme):
    receiver = UnixDatagrams(tmp_path / "s")
    make(f"{scheme}://{tmp_path}/s").export(MANY)
    packets = receiver.packets()
    receiver.close()
    assert 1432 < max(map(len, packets)) <= 8192
    assert counts(lines_of(packets)) == EXPECTED


@pytest.mark.parametrize("scheme", ["unixstream", "unix"])
def test_a_unix_stream_has_the_length_before_each_packet(make, tmp_path, scheme):
    receiver = UnixStream(tmp_path / "s")
    exporter = make(f"{scheme}://{tmp_path}/s")
    exporter.export(MANY)
    packets = receiver.packets(2)
    assert max(map(len, packets)) <= 8192
    assert counts(lines_of(packets)) == EXPECTED
    exporter.export([Counter("again", 1)])
    assert receiver.packets(3)[-1] == b"again:1|c"
    assert receiver.accepted == 1
    receiver.close()


def test_tcp_has_lines(make):
    receiver = Tcp()
    exporter = make(receiver.address, dialect="graphite")
    exporter.export(MANY)
    exporter.export([Gauge("g", -5)])
    lines = receiver.lines(502)
    receiver.close()
    assert counts(lines_of([line.encode() for line in lines], "graphite")) == EXPECTED
    assert lines[-2:] == ["g:0|g", "g:-5|g"]


def test_a_stream_of_a_server_that_is_not_datadogs_has_lines_as_well(make, tmp_path):
    receiver = UnixStream(tmp_path / "s")
    make(receiver.address, dialect="etsy").export([Counter("a", 1), Counter("b", 2)])
    assert receiver.wait_for(lambda got: got.count(b"\n") == 2) == b"a:1|c\nb:2|c\n"
    receiver.close()


def test_a_line_that_is_as_long_as_a_packet_goes_and_one_more_byte_does_not(make, udp):
    for room, packets in [(0, 1), (1, 0)]:
        exporter = make(udp.address, packet_size=100)
        exporter.export([Counter("a" * (100 - len(":1|c") + room), 1)])
        assert len(udp.packets()) == packets
        assert exporter.dropped == ({"too_long": 1} if room else {})


def test_udp_rests_after_a_burst_and_a_socket_that_can_wait_does_not(make, udp, tmp_path):
    """So that a server can follow."""
    receiver = UnixDatagrams(tmp_path / "s")
    for address, pauses in [(udp.address, 2), (receiver.address, 0)]:
        clock = ManualClock()
        began = clock.monotonic()
        exporter = make(address, packet_size=64)
        with Deadline(10, clock).active():
            for metrics in (
                [Counter("a" * 50, 1, {"n": n}) for n in range(number)] for number in (9, 33 if pauses else 1)
            ):
                exporter.export(metrics)
        assert clock.monotonic() - began == pytest.approx(0.002 * pauses)
    receiver.close()


def test_a_level_below_zero_is_in_one_packet_with_its_zero(make, udp):
    """Packets may come in another order."""
    make(udp.address, dialect="graphite", packet_size=64).export([Gauge(f"gauge.{n}", -1) for n in range(50)])
    for packet in udp.packets():
        lines = packet.decode().split("\n")
        assert [line.endswith(":0|g") for line in lines] == [True, False] * (len(lines) // 2)


def test_the_name_of_a_host_is_looked_up_once_and_again_after_a_while(make, udp, monkeypatch):
    """What it then means counts from the next export on; where nobody knows, what was known stays."""
    clock, asked = ManualClock(), []
    other = Udp()
    meaning = {"agent": udp.port}
    real = socket.getaddrinfo

    def look_up(host, port, *args, **options):
        asked.append(host)
        if host not in meaning:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return real("127.0.0.1", meaning[host], *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    exporter = make("agent:1", clock=clock, refresh=30)
    for _ in range(3):
        exporter.export([Counter("a", 1)])
    assert (len(udp.packets()), asked) == (3, ["agent"])
    meaning["agent"] = other.port
    clock.advance(30)
    exporter.export([Counter("a", 1)])
    assert (len(udp.packets()), len(other.packets()), len(asked)) == (0, 1, 2)
    del meaning["agent"]
    clock.advance(30)
    exporter.export([Counter("a", 1)])
    assert (len(other.packets()), len(asked)) == (1, 3)
    other.close()


def test_a_forked_child_opens_a_socket_of_its_own(make, udp, tmp_path):
    """The parent's goes on as it was."""
    receiver = UnixStream(tmp_path / "s")
    exporter = make(receiver.address)
    exporter.export([Counter("parent", 1)])
    receiver.packets(1)
    assert answer_of_a_child(lambda: exporter.export([Counter("child", 2)])) is None
    exporter.export([Counter("parent", 3)])
    packets = receiver.packets(3)
    assert sorted(packets) == [b"child:2|c", b"parent:1|c", b"parent:3|c"]
    assert receiver.accepted == 2
    receiver.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
def test_a_child_does_not_send_what_its_parent_has_not_sent_yet(make, udp):
    exporter = make(udp.address)
    exporter.event("title", "text", at=1)
    assert answer_of_a_child(lambda: exporter.export([Counter("child", 2)])) is None
    assert udp.lines(1) == ["child:2|c"]
    exporter.export([Counter("parent", 1)])
    assert udp.lines(1) == ["_e{5,4}:title|text|d:1", "parent:1|c"]


def test_what_waits_at_the_end_leaves(udp):
    """By ``close()`` of the facade; and the socket with it."""
    exporter = StatsDExporter(udp.address, origin_detection=False)
    with Metrics().export_to(exporter) as metrics:
        metrics.registry.counter("a", increment=3)
    assert "a:3|c" in udp.lines()


def test_nothing_is_sent_where_the_environment_says_so(monkeypatch, make, udp):
    monkeypatch.setenv("DD_DOGSTATSD_DISABLE", "true")
    exporter = make(udp.address)
    exporter.event("a", "b")
    exporter.export(MANY)
    assert udp.packets() == []
