"""A tree of processes that record, end and are killed, and the ledger of what they did.

Run as a program, this is the root of a tree: ``python tree.py FOLDER NODE``, the node as JSON. A node says how its
process begins, what it does, step by step, and how it ends. Each process notes what it is about to record in a file of
its own, line by line, so that the ledger outlives it.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter as Tally
from dataclasses import dataclass, field
from pathlib import Path

from polymeter import Metrics
from polymeter.collectors import MetricsCollector, measure
from polymeter.registries import SharedRegistry

APP = "shop"
INTERVAL = 0.1
BEGINNINGS = ("os.fork", "fork", "spawn", "forkserver", "subprocess")
FORKED = ("os.fork", "fork")
ENDS = ("return", "sys.exit", "exception", "os._exit", "kill")
PATIENCE = 30.0


# -- the app


@dataclass(slots=True, kw_only=True)
class Sold:
    shop: str
    items: int


class Sales(MetricsCollector):
    sold = measure.counter("event.sold", on=Sold, tags=("shop",))
    items = measure.histogram("event.items", on=Sold, value="items", tags=("shop",))


class App:
    """What a program has: made once where it begins, and inherited by whoever is forked."""

    here: App | None = None

    def __init__(self, folder, interval):
        self.metrics = Metrics(registry=SharedRegistry(APP, directory=folder, interval=interval))
        self.metrics.collect(Sales())
        self.registry = self.metrics.registry

    @classmethod
    def of(cls, folder, interval):
        if cls.here is None:
            cls.here = App(folder, interval)
        return cls.here


# -- what is written down


class Ledger:
    """One process's file: lines of JSON, each written at once."""

    def __init__(self, folder, name):
        path = Path(folder) / f"{name}.ledger"
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(self, **said):
        os.write(self._file, json.dumps({"at": time.monotonic(), **said}).encode() + b"\n")


def series(name, tags):
    return f"{name} {json.dumps(tags, sort_keys=True)}"


@dataclass
class Books:
    """What all ledgers of a folder say together.

    :ivar all: series -> records and their sum, of what was to be recorded.
    :ivar sure: the same, without what a process that was killed may have taken with it.
    :ivar levels: records of what nobody counts.
    """

    all: dict[str, Tally] = field(default_factory=dict)
    sure: dict[str, Tally] = field(default_factory=dict)
    levels: int = 0
    unfinished: set[str] = field(default_factory=set)
    killed: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, folder, allowance):
        """:param allowance: seconds before its end whose records a killed process may lose."""
        books, lines = cls(), {}
        for path in Path(folder).glob("*.ledger"):
            # The last line of one that was killed may be torn: it has not recorded that.
            lines[path.stem] = [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]
        killed = {}
        for said in lines.values():
            for line in said:
                books.unfinished |= {line["start"]} if "start" in line else set()
                if "killed" in line:
                    killed[line["killed"]] = line["at"]
        books.killed = set(killed)
        for name, said in lines.items():
            if name in killed or any("end" in line for line in said):
                books.unfinished.discard(name)
            for line in said:
                books.levels += line.get("levels", 0)
                if "record" in line:
                    key, amount = line["record"]
                    books._add(books.all, key, amount)
                    if name not in killed or line["at"] < killed[name] - allowance:
                        books._add(books.sure, key, amount)
        books.unfinished -= books.killed
        return books

    @staticmethod
    def _add(table, key, amount):
        table.setdefault(key, Tally()).update(records=1, sum=amount)


# -- a process


class Ended(BaseException):
    """A process has come to the end of its program."""


@dataclass
class Process:
    """One process of the tree, as it sees itself."""

    folder: str
    node: dict
    parent_ledger: Ledger | None = None

    def run(self):
        self.ledger = Ledger(self.folder, self.node["id"])
        self.app = App.of(self.folder, self.node.get("interval", INTERVAL))
        self.registry = self.app.registry
        self.waiting = []
        for step in self.node["steps"]:
            self.do(*step)
        for wait in self.waiting:
            wait()
        self.end(self.node["end"])

    def do(self, what, *said):
        getattr(self, f"do_{what}")(*said)

    def record(self, kind, name, tags, amount, way):
        self.ledger.note(record=[series(name, tags), amount])
        if way == "bound":
            bound = self.registry.bind(kind, name, tags)
            (bound.add if kind == "counter" else bound.record)(amount)
        else:
            getattr(self.registry, kind)(name, tags=tags, **{_ARGUMENT[kind]: amount})

    def do_records(self, way, records):
        for kind, name, tags, amount in records:
            self.record(kind, name, tags, amount, way)

    def do_events(self, events):
        for shop, items in events:
            self.ledger.note(record=[series("event.sold", {"shop": shop}), 1])
            self.ledger.note(record=[series("event.items", {"shop": shop}), items])
            self.app.metrics.events.dispatch(Sold(shop=shop, items=items))

    def do_level(self, by):
        self.ledger.note(levels=2)
        self.registry.up_down("level", by)
        self.registry.gauge("load", by)

    def do_sleep(self, seconds):
        time.sleep(seconds)

    def do_read(self):
        self.registry.find("a")

    def do_threads(self, steps):
        threads = [threading.Thread(target=self.do, args=step) for step in steps]
        for thread in threads:
            thread.start()
        self.waiting += [thread.join for thread in threads]

    def do_until_killed(self, records):
        while True:
            for kind, name, tags, amount in records:
                self.record(kind, name, tags, amount, "verb")
                time.sleep(0.001)

    def do_start(self, node, waits, killed_after):
        self.ledger.note(start=node["id"])
        wait, kill = getattr(self, f"start_{node['how'].replace('.', '_')}")(node)
        if killed_after is not None:

            def kill_soon():
                time.sleep(killed_after)
                at = time.monotonic()
                kill()
                self.ledger.note(killed=node["id"], at=at)
                wait()

            self.waiting.append(kill_soon)
        elif waits:
            self.waiting.append(wait)

    def start_os_fork(self, node):
        child = os.fork()
        if not child:
            try:
                Process(self.folder, node).run()
            except Exception:
                if node["end"] != "exception":
                    raise
            raise Ended  # also of what the parent was doing
        return (lambda: os.waitpid(child, 0)), (lambda: os.kill(child, signal.SIGKILL))

    def start_fork(self, node):
        child = multiprocessing.get_context(node["how"]).Process(target=main, args=(self.folder, json.dumps(node)))
        child.start()
        return child.join, child.kill

    start_spawn = start_forkserver = start_fork

    def start_subprocess(self, node):
        child = subprocess.Popen(command(self.folder, node))
        return child.wait, child.kill

    def end(self, how):
        if how == "kill":
            self.ledger.note(killed=self.node["id"])
            os.kill(os.getpid(), signal.SIGKILL)
        self.ledger.note(end=how)
        if how == "sys.exit":
            sys.exit(3)
        if how == "exception":
            raise RuntimeError("the end of a process of this tree")
        if how == "os._exit":
            self.registry.publish()
            os._exit(0)


_ARGUMENT = {"counter": "increment", "histogram": "value", "timer": "duration_ms"}


def command(folder, node):
    return [sys.executable, "-W", "ignore", __file__, str(folder), json.dumps(node)]


def main(folder, said):
    try:
        Process(folder, json.loads(said)).run()
    except Ended:
        return


# -- plans


class Plan:
    """Makes trees at random."""

    def __init__(self, seed, *, beginnings=BEGINNINGS, nodes=8, kills=True):
        self._random = random.Random(seed)
        self._beginnings = beginnings
        self._kills = kills
        self._left = nodes

    def tree(self):
        return self.node("root", "subprocess", 0)

    def node(self, name, how, depth):
        choose, self._left = self._random, self._left - 1
        steps = [["level", choose.randrange(1, 9)]] if choose.random() < 0.5 else []
        children = 0
        for _ in range(choose.randrange(3, 8)):
            if depth < 3 and self._left > 0 and choose.random() < (0.8 if depth == 0 else 0.35):
                children += 1
                steps.append(self.start(f"{name}.{children}", depth + 1, how))
            steps.append(self.step())
        end = choose.choice(ENDS if depth and self._kills else ENDS[:-1])
        return {"id": name, "how": how, "steps": steps, "end": end}

    def start(self, name, depth, parent):
        choose = self._random
        how = choose.choice(self._beginnings)
        while how == "forkserver" and parent in FORKED and len(self._beginnings) > 1:
            how = choose.choice(self._beginnings)  # a forked child cannot go on with its parent's fork server
        if self._kills and choose.random() < 0.25:
            self._left -= 1
            steps = [self.step(), ["until_killed", [self.a_record() for _ in range(3)]]]
            return ["start", {"id": name, "how": how, "steps": steps, "end": "kill"}, True, choose.uniform(0, 2.0)]
        return ["start", self.node(name, how, depth), choose.random() < 0.8, None]

    def step(self):
        choose = self._random
        what = choose.choice(("records", "records", "events", "sleep", "read", "threads"))
        if what == "records":
            return [what, choose.choice(("verb", "bound")), [self.a_record() for _ in range(choose.randrange(1, 40))]]
        if what == "events":
            return [what, [[choose.choice("xy"), choose.randrange(9)] for _ in range(choose.randrange(1, 30))]]
        if what == "sleep":
            return [what, choose.uniform(0, 0.15)]
        if what == "threads":
            steps = []
            while len(steps) < 2:
                step = self.step()
                steps += [step] if step[0] in {"records", "events", "sleep"} else []
            return [what, steps]
        return [what]

    def a_record(self):
        choose = self._random
        kind = choose.choice(("counter", "histogram", "timer"))
        tags = {"t": choose.choice((1, "one", True))} if choose.random() < 0.5 else {}
        name = {"counter": "a", "histogram": "b", "timer": "c"}[kind]
        return [kind, name, tags, 125 * choose.randrange(5)]  # as seconds they add up exactly


if __name__ == "__main__":
    main(*sys.argv[1:])
