"""A real StatsD, the first one: Etsy's. It knows the tags of DogStatsD, too."""

from __future__ import annotations

import json
import os
import socket
from collections import Counter, defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.servers.ports import Port, free_udp_port, is_listening
from tests.servers.process import running
from tests.servers.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Received", "StatsD", "started"]

FLUSH_MS = 40
LINES = Path(__file__).with_name("statsd_lines.js")
MARKER = "polymeter.tests.marker"


@dataclass
class Received:
    """What has come, by name; a tag of DogStatsD is a part of the name: ``calls;room=a``.

    A name has ``_`` for a blank, ``-`` for ``/``, and no other character but letters, digits and ``_ - . ; =``.

    :ivar counters: the sums; what is of a type that it does not know (``h``, ``d``) is a counter, too.
    :ivar gauges: the last values.
    :ivar timers: the values, ascending.
    :ivar timer_counts: how many values those stand for, by their sample rates.
    :ivar sets: the members.
    :ivar bad_lines: how many it could not read.
    :ivar packets: datagrams, and reads of a stream, without those of the tests' own.
    """

    counters: dict[str, float] = field(default_factory=dict)
    gauges: dict[str, float] = field(default_factory=dict)
    timers: dict[str, list[float]] = field(default_factory=dict)
    timer_counts: dict[str, float] = field(default_factory=dict)
    sets: dict[str, set[str]] = field(default_factory=dict)
    bad_lines: int = 0
    packets: int = 0


class StatsD:
    """One server.

    :ivar port: of 127.0.0.1, for datagrams.
    :ivar tcp_port: of 127.0.0.1, for lines over TCP.
    :ivar path: of a Unix socket, for lines over a stream.
    """

    def __init__(self, port: int, tcp_port: int, path: Path, mgmt_port: int, log: Path) -> None:
        self.port = port
        self.tcp_port = tcp_port
        self.path = path
        self._mgmt_port = mgmt_port
        self._log = log
        self._begin = 0
        self._markers = 0

    def received(self) -> Received:
        """Give what came since ``clear()``: every datagram that was sent before this.

        A stream has an order of its own: wait for what was sent over one with ``wait_for``.
        """
        self._markers += 1
        mark = f"{MARKER}.{os.getpid()}.{self._markers}"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(f"{mark}:1|c".encode(), ("127.0.0.1", self.port))
        wait_until(lambda: mark in self._text(), what="what was sent to StatsD is shown", why_not=self._text)
        return self._read()

    def wait_for(self, happened: Callable[[Received], bool], *, what: str) -> Received:
        """Wait until what came since ``clear()`` is as wanted, and give it.

        :raises TimeoutError: with what came.
        """
        wait_until(lambda: happened(self._read()), what=what, why_not=lambda: str(self._read()))
        return self._read()

    def clear(self) -> None:
        """Forget everything, gauges as well."""
        gauges = self.received().gauges
        self._begin = len(self._bytes())
        if gauges:
            with socket.create_connection(("127.0.0.1", self._mgmt_port), 10) as console:
                console.sendall(f"delgauges {' '.join(gauges)}\n".encode())
                answer = b""
                while not answer.endswith(b"END\n\n"):
                    answer += console.recv(65536)

    def _read(self) -> Received:
        counters: Counter[str] = Counter()
        found = Received()
        timers: dict[str, list[float]] = defaultdict(list)
        counts: Counter[str] = Counter()
        for line in self._text().splitlines():
            if not line.startswith('{"counters"'):
                continue
            flush = json.loads(line)
            counters.update(flush["counters"])
            counts.update(flush["timer_counters"])
            found.gauges = {name: value for name, value in flush["gauges"].items() if not name.startswith("statsd.")}
            for name, values in flush["timers"].items():
                timers[name] += values
            for name, members in flush["sets"].items():
                found.sets.setdefault(name, set()).update(members)
        found.timers = {name: sorted(values) for name, values in timers.items()}
        found.timer_counts = dict(counts)
        found.bad_lines = counters["statsd.bad_lines_seen"]
        ours = sum(name.startswith(MARKER) for name in counters)
        found.packets = counters["statsd.packets_received"] - ours
        found.counters = {name: value for name, value in counters.items() if not name.startswith((MARKER, "statsd."))}
        return found

    def _text(self) -> str:
        text = self._bytes()[self._begin :]
        return text[: text.rfind(b"\n") + 1].decode()

    def _bytes(self) -> bytes:
        return self._log.read_bytes()


@contextmanager
def started(program: Path, *, folder: Path) -> Iterator[StatsD]:
    """Run one for a ``with`` block."""
    udp, tcp, mgmt, path = free_udp_port(), Port(), Port(), folder / "s"
    with tcp.free() as tcp_number, mgmt.free() as mgmt_number:
        configuration = {
            "mgmt_address": "127.0.0.1",
            "mgmt_port": mgmt_number,
            "flushInterval": FLUSH_MS,
            "deleteIdleStats": True,
            "deleteGauges": False,
            "backends": [str(LINES)],
            "servers": [
                {"server": "./servers/udp", "address": "127.0.0.1", "port": udp},
                {"server": "./servers/tcp", "address": "127.0.0.1", "port": tcp_number},
                {"server": "./servers/tcp", "socket": str(path)},
            ],
        }
        (folder / "configuration.json").write_text(json.dumps(configuration), "utf-8")

        def is_ready() -> bool:
            return is_listening(mgmt_number) and is_listening(tcp_number) and path.exists()

        with running([program, folder / "configuration.json"], folder=folder, ready=is_ready):
            yield StatsD(udp, tcp_number, path, mgmt_number, folder / "log")
    tcp.close()
    mgmt.close()
