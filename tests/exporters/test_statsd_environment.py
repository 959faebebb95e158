"""Each variable of the environment that counts."""

from __future__ import annotations

import pytest

from polymeter.data import Counter
from polymeter.errors import DefinitionError
from polymeter.exporters import StatsDExporter
from polymeter.exporters.statsd.origin import container_field
from tests.exporters.statsd_fixtures import Pair, lines
from tests.exporters.statsd_receivers import Udp

COUNT = [Counter("a", 1, {"b": 2})]


@pytest.fixture
def variables(monkeypatch):
    """Give what sets variables; there are no others."""
    import os

    for name in os.environ:
        if name.startswith(("DD_", "DATADOG_", "STATSD_")):
            monkeypatch.delenv(name)

    def setting(**texts):
        for name, text in texts.items():
            monkeypatch.setenv(name, text)

    return setting


@pytest.mark.parametrize(
    ("texts", "place"),
    [
        ({}, "udp://127.0.0.1:8125"),
        ({"DD_DOGSTATSD_URL": "unix:///var/run/datadog/dsd.socket"}, "unix:///var/run/datadog/dsd.socket"),
        ({"DD_DOGSTATSD_URL": "udp://h:1", "DD_AGENT_HOST": "i", "STATSD_HOST": "j"}, "udp://h:1"),
        ({"DD_DOGSTATSD_URL": "unixstream:///s"}, "unixstream:///s"),
        ({"DD_AGENT_HOST": "h"}, "udp://h:8125"),
        ({"DD_AGENT_HOST": "fd00::1", "DD_DOGSTATSD_PORT": "9"}, "udp://[fd00::1]:9"),
        ({"DD_DOGSTATSD_PORT": "9"}, "udp://127.0.0.1:9"),
        ({"DD_AGENT_HOST": "h", "STATSD_HOST": "i", "STATSD_PORT": "7"}, "udp://h:7"),
        ({"STATSD_HOST": "i", "STATSD_PORT": "7"}, "udp://i:7"),
        ({"STATSD_HOST": ""}, "udp://127.0.0.1:8125"),
    ],
)
def test_where_to_send(variables, texts, place):
    """What is more exact wins; an address that is given wins over all of them."""
    variables(**texts)
    assert repr(StatsDExporter()) == f"StatsDExporter({place!r})"
    assert repr(StatsDExporter("given:1")) == "StatsDExporter('udp://given:1')"


def test_what_is_datadogs_says_nothing_to_other_dialects(variables):
    variables(DD_AGENT_HOST="h", DD_ENV="prod", DD_DOGSTATSD_DISABLE="1", DD_EXTERNAL_ENV="x", STATSD_HOST="i")
    assert repr(StatsDExporter(dialect="graphite")) == "StatsDExporter('udp://i:8125')"
    assert lines(COUNT, dialect="graphite") == ["a;b=2:1|c"]


@pytest.mark.parametrize(
    ("texts", "line"),
    [
        ({"DD_ENV": "prod"}, "a:1|c|#b:2,env:prod"),
        ({"DD_SERVICE": "shop"}, "a:1|c|#b:2,service:shop"),
        ({"DD_VERSION": "1.5"}, "a:1|c|#b:2,version:1.5"),
        ({"DD_ENTITY_ID": "pod"}, "a:1|c|#b:2,dd.internal.entity_id:pod"),
        ({"DATADOG_TAGS": "x:1, y:2,,flag,b:3"}, "a:1|c|#b:2,x:1,y:2,flag"),
        ({"DD_EXTERNAL_ENV": "it-false,cn-nginx"}, "a:1|c|#b:2|e:it-false,cn-nginx"),
        ({"DD_CARDINALITY": "Low"}, "a:1|c|#b:2|card:low"),
        ({"DATADOG_CARDINALITY": "high"}, "a:1|c|#b:2|card:high"),
        ({"STATSD_PREFIX": "shop"}, "shop.a:1|c|#b:2"),
    ],
)
def test_what_is_on_every_line(variables, texts, line):
    variables(**texts)
    assert lines(COUNT) == [line]


def test_what_is_given_wins(variables):
    variables(DD_ENV="prod", STATSD_PREFIX="x", DD_CARDINALITY="low")
    assert lines(COUNT, tags={"env": "test"}, prefix="", cardinality="high") == ["a:1|c|#b:2,env:test|card:high"]


def test_a_packet_is_as_large_as_the_variable_says(variables):
    """Of UDP, as its name has it."""
    variables(STATSD_MAXUDPSIZE="70")
    metrics = [Counter("a" * 30, 1, {"n": number}) for number in range(4)]
    with Pair() as pair:
        assert len(pair.sent(metrics)) == 4
    with Pair(packet_size=1432) as pair:
        assert len(pair.sent(metrics)) == 1


@pytest.mark.parametrize("text", ["1", "true", "Yes"])
def test_nothing_is_sent_if_it_is_switched_off(variables, text):
    variables(DD_DOGSTATSD_DISABLE=text)
    assert lines(COUNT) == []


def test_ipv6_comes_first_if_that_is_said(variables, monkeypatch):
    import socket

    variables(STATSD_IPV6="1")
    four, six = Udp(), Udp(family=socket.AF_INET6)

    def look_up(*_, **__):
        return [
            (socket.AF_INET, socket.SOCK_DGRAM, 0, "", ("127.0.0.1", four.port)),
            (socket.AF_INET6, socket.SOCK_DGRAM, 0, "", ("::1", six.port, 0, 0)),
        ]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    exporter = StatsDExporter("both:1", origin_detection=False)
    exporter.export(COUNT)
    assert (six.lines(), four.lines()) == (["a:1|c|#b:2"], [])
    for each in (exporter, four, six):
        each.close()


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("DD_DOGSTATSD_URL", "http://x", "DD_DOGSTATSD_URL.*scheme 'http'"),
        ("DD_DOGSTATSD_PORT", "x", "DD_DOGSTATSD_PORT is 'x'.*whole number"),
        ("STATSD_PORT", "-1", "STATSD_PORT"),
        ("STATSD_MAXUDPSIZE", "1", "1 bytes"),
        ("DD_CARDINALITY", "much", "DD_CARDINALITY is 'much'.*orchestrator"),
        ("DD_EXTERNAL_ENV", "a|b", "ends a field"),
    ],
)
def test_a_variable_that_makes_no_sense_is_an_error_that_names_it(variables, name, text, says):
    variables(**{name: text})
    with pytest.raises(DefinitionError, match=says):
        StatsDExporter()


def test_the_container_is_found_unless_that_is_switched_off(variables, monkeypatch):
    monkeypatch.setattr("polymeter.exporters.statsd.settings.container_field", lambda: "ci-1")
    assert lines(COUNT, origin_detection=True) == ["a:1|c|#b:2|c:ci-1"]
    assert lines(COUNT, origin_detection=True, container_id="own") == ["a:1|c|#b:2|c:own"]
    variables(DD_ORIGIN_DETECTION_ENABLED="false")
    assert lines(COUNT, origin_detection=True) == ["a:1|c|#b:2"]


HEX = "0123456789abcdef" * 4


def process(folder, cgroups, *, sees_the_host=False):
    """Make what the operating system says of a process."""
    proc, mount = folder / "self", folder / "cgroup"
    (proc / "ns").mkdir(parents=True)
    mount.mkdir()
    (proc / "cgroup").write_text(cgroups)
    (proc / "ns" / "cgroup").write_text("")
    return proc, mount


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (f"0::/kubepods/burstable/{HEX}", f"ci-{HEX}"),
        (f"1:name=systemd:/system.slice/docker-{HEX}.scope", f"ci-{HEX}"),
        (
            "3:cpu:/ecs/task/0123456789abcdef0123456789abcdef-1234567890",
            "ci-0123456789abcdef0123456789abcdef-1234567890",
        ),
        ("4:cpu:/garden/34dc0b5e-626f-2c5c-4c51-70e34b10e765", "ci-34dc0b5e-626f-2c5c-4c51-70e34b10e765"),
        ("0::/user.slice", ""),
        ("nonsense", ""),
    ],
)
def test_who_sees_the_cgroups_of_the_host_reads_the_id_of_the_container(tmp_path, monkeypatch, line, found):
    monkeypatch.setattr("polymeter.exporters.statsd.origin._sees_the_host", lambda _: True)
    assert container_field(*process(tmp_path, f"9:x:/y\n{line}\n")) == found


@pytest.mark.parametrize(("line", "folder"), [("0::/", ""), ("7:memory:/box", "memory/box"), ("0::/box", "box")])
def test_who_does_not_gives_the_inode_of_its_own(tmp_path, line, folder):
    proc, mount = process(tmp_path, f"{line}\n")
    (mount / folder).mkdir(parents=True, exist_ok=True)
    assert container_field(proc, mount) == f"in-{(mount / folder).stat().st_ino}"


def test_where_nothing_is_known_nothing_is_said(tmp_path):
    assert container_field(tmp_path / "nowhere", tmp_path) == ""
