"""A real Prometheus: what it scrapes, and what it answers."""

from __future__ import annotations

import json
import re
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from tests.servers.asking import answer_of, asked
from tests.servers.ports import Port
from tests.servers.process import running
from tests.servers.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tests.servers.jobs import Job

INTERVAL = "400ms"
"""Between two scrapes, and for one."""
CAN_ASK_FOR_ONE_FORMAT = (2, 49)
CAN_ASK_FOR_ESCAPING = (3, 4)
ASKS_FOR_NATIVE_BY_CONFIGURATION = (3, 8)

Labels: TypeAlias = "frozenset[tuple[str, str]]"


class Moment:
    """What one server knew at one time.

    Later scrapes do not change it: also one that fails, after which every series of its job is gone.

    :ivar job: what is scraped; nothing: everything.
    """

    def __init__(self, address: str, at: float, job: str = "", **parameters: str) -> None:
        """:param parameters: more of each query."""
        self.job = job
        self._address = address
        self._parameters = {"time": repr(at), **parameters}

    def vector(self, expression: str) -> dict[Labels, float]:
        """Give the value of each series that an instant query finds, by its labels without the name."""
        vector: dict[Labels, float] = {}
        for series in self._found(expression):
            labels = frozenset((name, text) for name, text in series["metric"].items() if name != "__name__")
            assert labels not in vector, f"{expression} finds several metrics with {dict(labels)}"
            vector[labels] = float(series["value"][1])
        return vector

    def value(self, expression: str) -> float:
        """Give the value of an instant query that finds exactly one."""
        vector = self.vector(expression)
        assert len(vector) == 1, f"{expression}: {vector}"
        return next(iter(vector.values()))

    def series(self, selector: str) -> list[dict[str, str]]:
        """Give the labels, with the name, of every series that ``selector`` finds."""
        return [series["metric"] for series in self._found(selector)]

    def _found(self, expression: str) -> list[dict[str, Any]]:
        answer = asked(f"{self._address}/query", query=expression, **self._parameters)
        assert answer["resultType"] == "vector", f"{expression}: {answer}"
        return list(answer["result"])


class Prometheus:
    """One server.

    :ivar address: where its API is.
    :ivar version: for example ``(2, 42)``.
    """

    def __init__(self, address: str, version: tuple[int, int], folder: Path) -> None:
        self.address = f"{address}/api/v1"
        self.version = version
        self._reload = f"{address}/-/reload"
        self._folder = folder

    def scraped(self, job: str, *, since: float | None = None) -> Moment:
        """Wait for a successful scrape of ``job``, and give what is known by then.

        :param since: Unix seconds after which it began; default: now.
        :raises TimeoutError: with what the server says about its last scrape.
        """
        before = time.time() if since is None else since

        def scrape() -> Moment | None:
            up = f'up{{job="{job}"}}'  # by itself in timestamp(), which gives the time of the query for anything else
            ended = Moment(self.address, time.time()).vector(f"timestamp({up}) and {up} == 1").values()
            return next((Moment(self.address, at, job) for at in ended if at > before), None)

        return wait_until(scrape, what=f"a scrape of {job}", why_not=lambda: self.last_error(job))

    def failed(self, job: str, reason: str) -> None:
        """Wait until a scrape of ``job`` failed, and the server says ``reason`` about it.

        :raises TimeoutError: with what it says instead.
        """
        wait_until(
            lambda: reason in self.last_error(job),
            what=f"a scrape of {job} that fails: {reason}",
            why_not=lambda: self.last_error(job),
        )

    def last_error(self, job: str) -> str:
        """Give why the last scrape of ``job`` failed; nothing if it did not."""
        targets = asked(f"{self.address}/targets")["activeTargets"]
        return "\n".join(target["lastError"] for target in targets if target["labels"]["job"] == job)

    def exemplars(self, selector: str) -> list[dict[str, Any]]:
        """Give the exemplars of the last hour: ``labels``, ``value`` (text), ``timestamp``, ``seriesLabels``."""
        now = time.time()
        found = asked(f"{self.address}/query_exemplars", query=selector, start=f"{now - 3600}", end=f"{now + 60}")
        return [
            exemplar | {"seriesLabels": series["seriesLabels"]} for series in found for exemplar in series["exemplars"]
        ]

    def metadata(self, job: str) -> dict[str, dict[str, str]]:
        """Give the ``type``, ``help`` and ``unit`` of every family of a page, by its name."""
        found = asked(f"{self.address}/targets/metadata", match_target=f'{{job="{job}"}}')
        return {family["metric"]: {part: family[part] for part in ("type", "help", "unit")} for family in found}

    def load_rules(self, rules: Path) -> list[dict[str, Any]]:
        """Evaluate the rules of a file from now on, and give them as the server read them.

        :raises AssertionError: if it does not accept them; with what it says.
        """
        (self._folder / "rules" / "loaded.yml").write_bytes(rules.read_bytes())
        answer_of(self._reload, "POST")
        return self.rules()

    def rules(self) -> list[dict[str, Any]]:
        """Give the rules that are evaluated, with ``name``, ``query``, ``duration``, ``health``, ..."""
        groups = asked(f"{self.address}/rules")["groups"]
        return [rule for group in groups for rule in group["rules"]]


@contextmanager
def started(program: Path, *, jobs: Iterable[Job], folder: Path) -> Iterator[Prometheus]:
    """Run a Prometheus that scrapes ``jobs``, for a ``with`` block.

    The first scrape comes five seconds later, whatever the interval.
    """
    version = version_of(program)
    (folder / "rules").mkdir()
    configuration = folder / "prometheus.json"  # JSON is YAML too
    configuration.write_text(json.dumps(configuration_of(jobs, version)), "utf-8")
    port = Port()
    with port.free() as number:
        address = f"http://127.0.0.1:{number}"
        command = [
            program,
            f"--config.file={configuration}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{number}",
            "--web.enable-lifecycle",
            "--web.enable-remote-write-receiver",
            "--enable-feature=native-histograms,exemplar-storage",
            "--scrape.discovery-reload-interval=20ms",  # hidden; saves some of the five seconds
        ]
        with running(command, folder=folder, ready=f"{address}/-/ready"):
            yield Prometheus(address, version, folder)
    port.close()


def version_of(program: Path) -> tuple[int, int]:
    """Give the version of a Prometheus."""
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    found = re.search(r"version (\d+)\.(\d+)", done.stdout + done.stderr)
    assert found, f"{program} does not say its version: {done.stdout}"
    return int(found[1]), int(found[2])


def configuration_of(jobs: Iterable[Job], version: tuple[int, int]) -> dict[str, Any]:
    """Give the whole configuration."""
    scraping = [scraping_of(job, version) for job in jobs]
    every = {"scrape_interval": INTERVAL, "scrape_timeout": INTERVAL, "evaluation_interval": INTERVAL}
    if version >= ASKS_FOR_NATIVE_BY_CONFIGURATION:
        every["scrape_native_histograms"] = True
    storage = {"exemplars": {"max_exemplars": 1000}}
    return {"global": every, "storage": storage, "rule_files": ["rules/*.yml"], "scrape_configs": scraping}


def scraping_of(job: Job, version: tuple[int, int]) -> dict[str, Any]:
    """Give the configuration of one job."""
    target = {"targets": [f"127.0.0.1:{job.port.number}"]}
    scraping = {"job_name": job.name, "static_configs": [target], **job.options}
    if job.protocol is not None and version >= CAN_ASK_FOR_ONE_FORMAT:
        scraping["scrape_protocols"] = [job.protocol]
    if job.escaping is not None and version >= CAN_ASK_FOR_ESCAPING:
        scraping["metric_name_escaping_scheme"] = job.escaping
    return scraping
