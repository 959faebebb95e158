"""Visitors of a server: polite ones, and others that say byte for byte what they like."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from http.client import HTTPConnection

from polymeter.exporters.serving.page import Page
from polymeter.exporters.serving.server import Server
from polymeter.exporters.serving.visit import Limits

PATIENCE = 20
GET = b"GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n"


def ask(port, path="/metrics", method="GET", **headers):
    """Ask politely; give status, headers and body."""
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


@contextmanager
def connected(port, first=b""):
    """Give a socket that has sent ``first``."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as visitor:
        visitor.sendall(first)
        yield visitor


def said(port, data):
    """Send ``data``; give all that comes back until the server hangs up."""
    with connected(port, data) as visitor:
        return all_of(visitor)


def all_of(visitor):
    """Read until the server hangs up."""
    parts = []
    while part := visitor.recv(1 << 16):
        parts.append(part)
    return b"".join(parts)


def status_of(answer):
    """Give the status of an answer as bytes."""
    return int(answer.split(b" ", 2)[1])


def server(exposer, **limits):
    """Serve on a free port, with limits that a test can reach."""
    return Server(Page(exposer, path="/metrics"), 0, "127.0.0.1", limits=Limits(**limits))
