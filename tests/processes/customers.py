"""Customers of the shop of docs/processes.md, who note each answer, and a scraper who looks whether anything falls."""

from __future__ import annotations

import http.client
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.servers.waiting import PATIENCE, wait_until

PAUSE = 0.02
"""Seconds between two scrapes."""


@dataclass
class Shop:
    """One shop, and what is known about it.

    :ivar answers: when an answer had come, and from which process.
    :ivar unsure: requests without an answer: they may have been counted.
    :ivar highest: the most that a scrape has shown.
    :ivar fell: pairs of counts that should have been the other way round.
    """

    port: int
    answers: list[tuple[float, int]] = field(default_factory=list)
    unsure: int = 0
    highest: int = 0
    scrapes: int = 0
    fell: list[tuple[int, int]] = field(default_factory=list)
    _one_scrape: threading.Lock = field(default_factory=threading.Lock)

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read().decode()
            assert answer.status == 200, body
            return body
        finally:
            connection.close()

    def buy(self):
        try:
            body = self.get("/buy")
        except (OSError, http.client.HTTPException):
            self.unsure += 1
            time.sleep(PAUSE)  # there may be no worker at the moment
        else:
            self.answers.append((time.monotonic(), int(body.split()[-1])))

    def bought(self, times, *, customers=8):
        """Have several customers buy at once, together so many times."""

        def shopping(share):
            for _ in range(share):
                self.buy()

        shares = [times // customers + (number < times % customers) for number in range(customers)]
        threads = [threading.Thread(target=shopping, args=(share,)) for share in shares]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    @property
    def processes(self):
        """Give who has answered."""
        return {process for _, process in self.answers}

    def page(self):
        """Give the samples of a scrape, by series."""
        with self._one_scrape:  # of two at once the one that began first may be answered last
            lines = self.get("/metrics").splitlines()
            parts = [line.rpartition(" ") for line in lines if not line.startswith("#")]
            samples = {name: float(value) for name, _, value in parts}
            count = int(samples.get("shop_orders_total", 0))
            if count < self.highest:
                self.fell.append((self.highest, count))
            self.highest = max(self.highest, count)
            self.scrapes += 1
            return samples

    def count(self):
        """Give what a scrape says."""
        return int(self.page().get("shop_orders_total", 0))

    @contextmanager
    def scraped(self):
        """Scrape all the while, for a ``with`` block; fail if the count has fallen."""
        over = threading.Event()

        def scraping():
            while not over.wait(PAUSE):
                try:
                    self.page()
                except (OSError, http.client.HTTPException):
                    continue

        thread = threading.Thread(target=scraping)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
        assert self.fell == []
        assert self.scrapes

    def settled(self):
        """Wait until a scrape says what the answers say, then look whether the other processes say so too."""
        wait_until(
            lambda: len(self.answers) <= self.count() <= len(self.answers) + self.unsure,
            what=f"{len(self.answers)} answers are counted",
            why_not=lambda: f"the page says {self.count()}; {self.unsure} requests had no answer",
        )
        first = self.count()
        for _ in range(12):  # whoever answers
            samples = self.page()
            assert samples["shop_orders_total"] == first
            assert samples["polymeter_records_applied_total"] == first
            # Not apart, nothing failed, nothing damaged.
            assert [name for name in samples if name.startswith("polymeter_shared")] == []
        assert self.fell == []
        return first
