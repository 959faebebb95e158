"""Servers that are not there, do not read, go away and come back: an error that says so, and no count twice."""

from __future__ import annotations

import errno
import itertools
import socket
import threading

import pytest

from polymeter import Metrics
from polymeter.data import Counter, Gauge, Histogram, Snapshot
from polymeter.deadline import Deadline
from polymeter.errors import DeliveryError, ExportError
from polymeter.exporters import SpoolingExporter, StatsDExporter
from polymeter.exporters.statsd.outbox import Unfinished
from tests.exporters.statsd_reading import counts, lines_of
from tests.exporters.statsd_receivers import Tcp, Udp, UnixDatagrams, UnixStream, frames_of

SOON = 0.1


@pytest.fixture
def make():
    made = []

    def making(*args, **options):
        made.append(StatsDExporter(*args, origin_detection=False, **options))
        return made[-1]

    yield making
    for exporter in made:
        exporter.close()


def failing(exporter, metrics, seconds=SOON):
    """Export in vain; give the error."""
    with Deadline(seconds).active(), pytest.raises(DeliveryError) as caught:
        exporter.export(metrics)
    return caught.value


def closed_udp_port():
    receiver = Udp()
    receiver.close()
    return receiver


NOWHERE = {
    "a closed UDP port": lambda _: closed_udp_port().address,
    "a closed TCP port": lambda _: closed_udp_port().address.replace("udp", "tcp"),
    "no socket of datagrams": lambda folder: f"unixgram://{folder}/nobody",
    "no socket of a stream": lambda folder: f"unixstream://{folder}/nobody",
    "no socket": lambda folder: f"unix://{folder}/nobody",
    "a folder that is not there": lambda folder: f"unix://{folder}/no/body",
    "an unknown host": lambda _: "udp://host.invalid:8125",
}


@pytest.mark.parametrize("place", NOWHERE)
def test_where_nobody_listens_the_first_export_says_so(make, tmp_path, place):
    """A port that is closed says that it is, to a socket that is connected."""
    exporter = make(NOWHERE[place](tmp_path))
    error = failing(exporter, [Counter("a", 1)], 10)
    assert (error.reason, error.is_ambiguous) == ("refused", False)
    assert repr(exporter).split("'")[1] in str(error)


def test_a_socket_of_the_other_kind_is_an_error_that_says_what_would_do(make, tmp_path):
    receiver = UnixStream(tmp_path / "s")
    error = failing(make(f"unixgram://{tmp_path}/s"), [Counter("a", 1)])
    receiver.close()
    assert error.reason == "error"
    assert "unix://" in str(error)


def test_a_server_that_does_not_read_costs_no_more_than_the_time_there_is(make, tmp_path):
    """The buffer of a Unix socket is full after a few packets; what is in it is not sent again."""
    receiver = UnixDatagrams(tmp_path / "s")
    exporter = make(receiver.address, packet_size=64)
    metrics = [Counter("c", number, {"n": number}) for number in range(1, 2001)]
    error = failing(exporter, metrics)
    assert (error.reason, error.is_ambiguous) == ("timeout", False)
    got = receiver.packets()
    reading = threading.Thread(target=read_all, args=(receiver, got, 2001))
    reading.start()
    exporter.export([*metrics, Counter("end", 1)])
    reading.join()
    receiver.close()
    assert counts(lines_of(got)) == {("c", (("n", str(n)),)): n for n in range(1, 2001)} | {("end", ()): 1}


def read_all(receiver, got, wanted):
    while len([line for packet in got for line in packet.split(b"\n")]) < wanted:
        got += receiver.packets(1)


@pytest.mark.parametrize("kind", ["tcp", "unixstream"])
def test_a_stream_that_nobody_reads_costs_no_more_either(make, tmp_path, kind):
    """It accepts, and reads no further than the first bytes. What was handed over is not sent again."""
    listening = (
        socket.create_server(("127.0.0.1", 0)) if kind == "tcp" else socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    )
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    if kind == "tcp":
        address = f"tcp://127.0.0.1:{listening.getsockname()[1]}"
    else:
        listening.bind(str(tmp_path / "s"))
        listening.listen()
        address = f"unixstream://{tmp_path}/s"
    exporter = make(address)
    large = {f"tag{number}": "x" * 190 for number in range(20)}
    metrics = [Counter("c", number, {**large, "n": number}) for number in range(1, 3001)]
    error = failing(exporter, metrics, 0.7)
    assert (error.reason, error.is_ambiguous) == ("timeout", False)
    first, _ = listening.accept()
    got = [received_until_the_end(first)]
    reading = threading.Thread(target=lambda: got.append(received_until_the_end(listening.accept()[0])))
    reading.start()
    exporter.export(metrics)
    exporter.close()
    reading.join()
    listening.close()
    lines = [line for part in got for line in whole_lines(part, framed=kind != "tcp")]
    assert len(lines) == len(set(lines)) == 3000


def received_until_the_end(connection):
    parts = []
    with connection:
        while part := connection.recv(1 << 20):
            parts.append(part)
    return b"".join(parts)


def whole_lines(data, *, framed):
    if framed:
        return [line for packet in frames_of(data) for line in packet.split(b"\n")]
    return data.split(b"\n")[:-1]


def test_a_receiver_of_datagrams_that_was_replaced_is_found_at_once(make, tmp_path):
    """What the socket to the one before did not take goes to the new one."""
    receiver = UnixDatagrams(tmp_path / "s")
    exporter = make(receiver.address)
    exporter.export([Counter("a", 1)])
    receiver.close()
    receiver = UnixDatagrams(tmp_path / "s")
    exporter.export([Counter("a", 2)])
    assert receiver.packets() == [b"a:2|c"]
    receiver.close()


@pytest.mark.parametrize("kind", ["tcp", "unixstream"])
def test_a_server_that_has_hung_up_between_two_exports_is_called_again(make, tmp_path, kind):
    receiver = Tcp() if kind == "tcp" else UnixStream(tmp_path / "s")
    exporter = make(receiver.address)
    exporter.export([Counter("a", 1)])
    receiver.wait_for(lambda got: b"a:1|c" in got)
    receiver.hang_up()
    exporter.export([Counter("b", 2)])
    receiver.wait_for(lambda got: b"b:2|c" in got)
    receiver.close()


class Chain:
    """A facade that delivers to a place whose server comes and goes."""

    def __init__(self, open_server, **options):
        self.open_server = open_server
        self.server = open_server()
        self.metrics = Metrics().export_to(StatsDExporter(self.server.address, origin_detection=False, **options))
        self.got = []

    def read(self):
        self.got += [line for line in self.server.lines() if not line.startswith("polymeter.")]

    def total(self, name):
        found = counts(lines_of([line.encode() for line in self.got]))
        return sum(value for (known, _), value in found.items() if known == name)

    def failures(self):
        return {
            (each.tags["result"], each.tags["reason"]): each.value
            for each in self.metrics.snapshot().by_name("polymeter.exports")
            if each.tags["result"] != "ok"
        }


@pytest.mark.parametrize("kind", ["udp", "unixgram"])
def test_a_server_that_goes_and_comes_back_has_every_count_once(tmp_path, kind):
    """What failed is part of the next export; the failure is counted, and nothing else."""
    ports = []

    def open_server():
        if kind == "unixgram":
            return UnixDatagrams(tmp_path / "s")
        server = Udp(*ports)
        ports[:] = [server.port]
        return server

    chain = Chain(open_server)
    for amount in (1, 10, 100):
        chain.metrics.registry.counter("calls", increment=amount)
        if amount == 10:
            chain.read()
            chain.server.close()
            with pytest.raises(ExportError):
                chain.metrics.export()
            chain.server = open_server()
        else:
            chain.metrics.export()
    chain.read()
    assert chain.total("calls") == 111
    assert chain.failures() == {("failed", "refused"): 1}
    chain.metrics.close()
    chain.server.close()


@pytest.mark.parametrize("packets", [1, 3, 7])
def test_after_a_part_was_sent_the_rest_follows_with_what_is_new(tmp_path, packets):
    """However often it is cut off: counts and observations are the ledger's, each once."""
    chain = Chain(lambda: UnixDatagrams(tmp_path / "s"), packet_size=120)
    registry = chain.metrics.registry
    chain.metrics.every(3600, timeout=0.03)
    ledger, observations = 0, 0
    stopped = 0
    for turn in range(12):
        for number in range(200):
            registry.counter("calls", {"n": number, "some": "x" * 40}, turn + 1)
            ledger += turn + 1
            registry.histogram("sizes", number + turn, {"n": number % 5})
            observations += 1
        try:
            chain.metrics.export()
        except ExportError:
            stopped += 1
        lines = chain.server.lines(most=packets)
        chain.got += [line for line in lines if not line.startswith("polymeter.")]
    assert stopped >= 6
    done = threading.Event()

    def read_on():
        while not done.is_set():
            chain.read()

    reading = threading.Thread(target=read_on)
    reading.start()
    chain.metrics.every(3600, timeout=10)
    chain.metrics.export()
    done.set()
    reading.join()
    chain.read()
    assert chain.total("calls") == ledger
    assert chain.total("sizes") == observations
    chain.metrics.close()
    chain.server.close()


def test_a_stream_that_breaks_in_the_middle_may_have_taken_what_was_sent(make, monkeypatch):
    """Nobody knows: the pump's choice counts."""
    exporter = make("tcp://127.0.0.1:1")
    sent = itertools.count()

    class Breaking(socket.socket):
        def send(self, data, *flags):
            if next(sent):
                raise ConnectionResetError(errno.ECONNRESET, "reset")
            return super().send(data, *flags)

    receiver = Tcp()
    exporter = make(receiver.address)
    monkeypatch.setattr(socket, "socket", Breaking)
    error = failing(exporter, [Counter("x" * 190, n, {"n": str(n)}) for n in range(1, 1000)])
    receiver.close()
    assert (error.reason, error.is_ambiguous) == ("reset", True)


def test_what_is_doubtful_is_not_sent_again_once_the_cursor_has_moved_past_it():
    """The pump dropped it, as it was told to."""
    given = Snapshot([Counter("a", 5, start=10, timestamp=20), Gauge("g", 1, start=1)])
    same = Snapshot([Counter("a", 9, start=10, timestamp=30), Gauge("g", 2, start=1)])
    moved = Snapshot([Counter("a", 4, start=20, timestamp=30), Gauge("g", 2, start=1)])
    for is_doubtful in (False, True):
        waiting = Unfinished(given, [b"a:5|c"], is_doubtful)
        assert not waiting.is_dropped_by(same)
        assert waiting.is_dropped_by(moved) is is_doubtful
    assert [metric.value for metric in waiting.new_in(same)] == [4, 2]
    assert [metric.value for metric in waiting.new_in(moved)] == [4, 2]


def test_a_packet_that_a_socket_cannot_carry_is_left_out_and_counted(make):
    """The others go."""
    receiver = Udp()
    exporter = make(receiver.address, packet_size=65_507)
    exporter.export([Counter("a", 1)])
    assert receiver.packets() == [b"a:1|c"]
    receiver.close()


def test_with_no_time_left_nothing_is_tried(make):
    receiver = Udp()
    error = failing(make(receiver.address), [Histogram("a", 1)], 0)
    assert error.reason == "timeout"
    assert receiver.packets() == []
    receiver.close()


def test_events_wait_until_they_could_be_sent(make, tmp_path):
    exporter = make(f"unixgram://{tmp_path}/s")
    exporter.event("title", "text", at=1)
    failing(exporter, [])
    receiver = UnixDatagrams(tmp_path / "s")
    exporter.export([])
    exporter.export([])
    assert receiver.lines() == ["_e{5,4}:title|text|d:1"]
    receiver.close()


def test_so_many_events_wait_and_more_are_counted(make):
    exporter = make("127.0.0.1:9")
    for _ in range(1005):
        exporter.event("a", "b")
    exporter.event("a", "b" * 9000)
    assert exporter.dropped == {"messages": 5, "too_long": 1}


def test_what_a_process_has_left_in_a_spool_is_sent_beside_what_is_ones_own(make, tmp_path):
    gone = SpoolingExporter(make(closed_udp_port().address), tmp_path)
    with pytest.raises(DeliveryError):
        gone.export([Counter("a", 3), Gauge("level", 5)])
    gone.close()
    receiver = Udp()
    statsd = make(receiver.address)
    statsd.event("deployed", "")
    here = SpoolingExporter(statsd, tmp_path)
    here.export([Counter("a", 4)])
    here.close()
    lines = [line for packet in receiver.packets(2) for line in packet.split(b"\n")]
    receiver.close()
    assert [line for line in lines if line.startswith(b"a:")] == [b"a:3|c", b"a:4|c"]
    assert sum(line.startswith(b"_e{") for line in lines) == 1
