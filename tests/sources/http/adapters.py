"""Each library in the same few words: what the tests of all of them say."""

from __future__ import annotations

import contextlib
import ssl

import aiohttp
import httpx
import httpx2
import requests
import requests.adapters
import urllib3

TLS = ssl.create_default_context()  # each client would take 50 ms to make its own


class Httpx:
    """httpx, or httpx2."""

    def __init__(self, library):
        self.library = library
        self.name = library.__name__
        self.refused = "ConnectError"
        self.disconnected = "RemoteProtocolError"
        self.slow = "ReadTimeout"
        self.broken = "RemoteProtocolError"
        self.failures = (library.HTTPError,)
        # The answers of httpx are cycles; httpx2 also closes them when a loop over them is left.
        self.dropped_at_once = library is httpx2
        self.left = "cancelled" if library is httpx2 else "abandoned"

    def client(self, timeout=5.0, **more):
        return self.library.Client(verify=TLS, timeout=timeout, follow_redirects=True, trust_env=False, **more)

    def get(self, client, url, method="GET", **more):
        return client.request(method, url, **more).content

    def open(self, client, url):
        """Give the answer, with its body unread."""
        return client.send(client.build_request("GET", url), stream=True)

    def pieces(self, answer):
        return answer.iter_raw()

    def close(self, answer):
        answer.close()


class Requests:
    name = "requests"
    refused = "ConnectionError"
    disconnected = "ConnectionError"
    slow = "ReadTimeout"
    broken = "ProtocolError"
    failures = (requests.RequestException, urllib3.exceptions.HTTPError)
    dropped_at_once = True
    left = "abandoned"

    @contextlib.contextmanager
    def client(self, timeout=5.0, **more):
        with requests.Session() as session:
            session.trust_env = False
            session.timeout = timeout
            vars(session).update(more)
            yield session

    def get(self, client, url, method="GET", *, content=None, **more):
        return client.request(method, url, timeout=client.timeout, data=content, **more).content

    def open(self, client, url):
        return client.get(url, timeout=client.timeout, stream=True)

    def pieces(self, answer):
        return answer.raw.stream(500)

    def close(self, answer):
        answer.close()


class AsyncHttpx(Httpx):
    def client(self, timeout=5.0, **more):
        return self.library.AsyncClient(verify=TLS, timeout=timeout, follow_redirects=True, trust_env=False, **more)

    async def get(self, client, url, method="GET", **more):
        return (await client.request(method, url, **more)).content

    async def open(self, client, url):
        return await client.send(client.build_request("GET", url), stream=True)

    def pieces(self, answer):
        return answer.aiter_raw()

    async def close(self, answer):
        await answer.aclose()


class Aiohttp:
    name = "aiohttp"
    refused = "ClientConnectorError"
    disconnected = "ServerDisconnectedError"
    slow = "SocketTimeoutError"
    broken = "ClientPayloadError"
    failures = (aiohttp.ClientError,)
    left = "abandoned"

    def client(self, timeout=5.0, **more):
        return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(sock_read=timeout, connect=timeout), **more)

    async def get(self, client, url, method="GET", *, content=None, **more):
        async with client.request(method, url, data=content, **more) as answer:
            return await answer.read()

    async def open(self, client, url):
        return await client.get(url)

    def pieces(self, answer):
        return answer.content.iter_any()

    async def close(self, answer):
        answer.close()


SYNC = [Httpx(httpx), Httpx(httpx2), Requests()]
ASYNC = [AsyncHttpx(httpx), AsyncHttpx(httpx2), Aiohttp()]
