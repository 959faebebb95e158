"""What the Prometheus of the tests scrapes: pages that a test may serve, each on a port of its own."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.servers.ports import Port
from tools.fetch_servers import locate

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "a-token-of-the-tests"
USER, PASSWORD = "scraper", "a password: of the tests"


@dataclass
class Job:
    """One page to scrape.

    :ivar name: its job label.
    :ivar protocol: the only format that is asked for, where the Prometheus can say so (2.49 and newer).
    :ivar escaping: the scheme of names that is asked for, where the Prometheus can say so (3.4 and newer).
    :ivar options: more of its ``scrape_config``.
    :ivar certificate: the files of a certificate and its key, for a page behind TLS.
    :ivar port: where its page has to be.
    """

    name: str
    protocol: str | None = None
    escaping: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    certificate: tuple[str, str] | None = None
    port: Port = field(default_factory=Port)


def all_jobs(folder: Path) -> dict[str, Job]:
    """Give every job, by name.

    :param folder: where the certificate of the page behind TLS goes. Without ``openssl`` there is no such page.
    """
    jobs = [
        Job("text", "PrometheusText0.0.4"),
        Job("openmetrics", "OpenMetricsText1.0.0"),
        Job("native", "PrometheusProto"),
        Job("negotiated"),
        # A Prometheus says which names it can take where it asks for these two formats, and nowhere else.
        Job("dotted text", "PrometheusText1.0.0"),
        Job("dotted openmetrics", "OpenMetricsText1.0.0"),
        Job("dots", "PrometheusText1.0.0", "dots"),
        Job("values", "OpenMetricsText1.0.0", "values"),
        Job("refused", options={"authorization": {"credentials": f"not {TOKEN}"}}),
        Job("basic", options={"basic_auth": {"username": USER, "password": PASSWORD}}),
        Job("pushgateway", options={"honor_labels": True}),
        Job("inference"),
    ]
    if certificate := make_certificate(folder):
        bearer = {"type": "Bearer", "credentials": TOKEN}
        options = {"scheme": "https", "authorization": bearer, "tls_config": {"ca_file": certificate[0]}}
        jobs.append(Job("secured", options=options, certificate=certificate))
    return {job.name: job for job in jobs}


def make_certificate(folder: Path) -> tuple[str, str] | None:
    """Give the paths of a certificate for 127.0.0.1 that vouches for itself, and of its key; ``None``: no openssl."""
    openssl = locate("openssl")
    if openssl is None:
        return None
    certificate, key = str(folder / "certificate.pem"), str(folder / "key.pem")
    command = [openssl, "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    command += ["-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=127.0.0.1"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(command, capture_output=True, check=True)
    return certificate, key
