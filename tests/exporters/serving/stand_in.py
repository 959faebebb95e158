"""Something to serve whose every step a test can see and change."""

from __future__ import annotations

import threading

from polymeter.exporters.serving.page import Request

PLAIN = "text/plain; version=0.0.4; charset=utf-8"


class StandIn:
    """Renders the same slices each time, after one with the number of the rendering.

    :ivar asked: ``(accept, names)`` of each exposition.
    :ivar begun: how many were begun.
    :ivar steps: how many slices were rendered.
    :ivar threads: those that did.
    """

    def __init__(self, *slices, content_type=PLAIN):
        self.slices = slices
        self.content_type = content_type
        self.asked = []
        self.begun = 0
        self.steps = 0
        self.threads = set()

    def exposition(self, accept="", *, names=()):
        self.asked.append((accept, tuple(names)))
        return Exposed(self)

    def rendered(self):
        self.begun += 1
        slices = [f"renderings_total {self.begun}\n".encode(), *self.slices]
        for each in slices:
            self.steps += 1
            self.threads.add(threading.current_thread())
            yield each() if callable(each) else each


class Exposed:
    def __init__(self, exposer):
        self.content_type = exposer.content_type
        self._exposer = exposer

    def __iter__(self):
        return self._exposer.rendered()


def fail():
    """Raise what must not be seen by any visitor."""
    raise ZeroDivisionError("secret detail")


def get(method="GET", path="/metrics", query="", **headers):
    """Give a request; in names of headers ``_`` is a hyphen."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(method=method, path=path, query=query, headers=named)


def answer_of(page, request):
    """Give status, headers and body that a page has for a request."""
    answer = page.answer(request)
    if not hasattr(answer, "status"):
        while not answer.is_done:
            page.renderings.advance()
        answer = page.rendered(answer)
    return answer.status, dict(answer.headers), b"".join(answer.pieces)
