"""What a process finds out about itself."""

from __future__ import annotations

import os
import platform
import sys
import threading
from pathlib import PurePath
from uuid import UUID

import pytest

from polymeter.resource import detected, instance_id, service_of
from polymeter.resource.container import container_of
from polymeter.resource.pairs import pairs_of
from polymeter.testing.contracts.registry.child import answer_of_a_child

ID = "6b0f3a2d9c8e41f7a5d4c3b2a1908f7e6d5c4b3a29181706f5e4d3c2b1a09f8e"


@pytest.fixture
def root(tmp_path):
    """Give a folder that files of the system can be put into."""

    def put(path, text):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return tmp_path

    return put


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (f"12:cpuset:/docker/{ID}", ID),
        (f"4:memory:/kubepods/burstable/pod3d274242-8ee0-11e9-a8a6-1e68d864ef1a/{ID}", ID),
        (f"0::/system.slice/docker-{ID}.scope", ID),
        (f"0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-{ID}.scope", ID),
        (f"1:name=systemd:/machine.slice/libpod-{ID}.scope", ID),
        ("1:cpu:/ecs/b/8cd79a803caf4d2aa945152e934a5c00-1053176469", "8cd79a803caf4d2aa945152e934a5c00-1053176469"),
        ("0::/", None),
        ("0::/user.slice/user-1000.slice/session-3.scope", None),
        (f"12:cpuset:/docker/{ID}0", None),
    ],
)
def test_the_container_by_its_control_group(root, line, expected):
    found = container_of(root("proc/self/cgroup", f"13:rdma:/\n{line}\n"))
    assert found == ({"container.id": expected} if expected else {})


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (f"567 552 254:1 /docker/containers/{ID}/hostname /etc/hostname rw - ext4 /dev/vda1 rw", ID),
        (f"9 8 0:25 /containers/overlay-containers/{ID}/userdata/hosts /etc/hosts rw - tmpfs tmpfs rw", ID),
        (f"567 552 254:1 /docker/volumes/{ID}/_data /data rw - ext4 /dev/vda1 rw", None),
        ("23 28 0:21 / /sys rw shared:7 - sysfs sysfs rw", None),
    ],
)
def test_the_container_by_what_is_mounted_over_its_names(root, line, expected):
    """With version 2 of control groups."""
    root("proc/self/cgroup", "0::/\n")
    found = container_of(root("proc/self/mountinfo", f"1 2 3\n{line}\n"))
    assert found == ({"container.id": expected} if expected else {})


def test_the_machine_has_a_name_an_architecture_and_an_id(root):
    found = detected(root("etc/machine-id", "0123abc\n"))
    assert (found["host.name"], found["host.id"]) == (platform.node(), "0123abc")
    assert found["host.arch"] in {"amd64", "arm64", "arm32", "x86", "ppc64", "s390x", platform.machine().lower()}


def test_where_nothing_can_be_read_nothing_is_said(tmp_path):
    assert not {"host.id", "container.id"} & detected(tmp_path).keys()


def test_the_process_is_described_without_its_command_line():
    found = detected()
    assert found["process.pid"] == os.getpid()
    assert found["process.runtime.name"] == sys.implementation.name
    assert found["process.runtime.version"] == platform.python_version().rstrip("+")
    assert found["process.executable.name"] == PurePath(sys.executable).name
    assert not any("command" in name or "args" in name for name in found)


def test_an_instance_has_one_id_for_all_threads_and_a_child_another():
    ids = []
    threads = [threading.Thread(target=lambda: ids.append(instance_id())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(ids) == {instance_id()}
    assert UUID(instance_id()).version == 4
    child = answer_of_a_child(instance_id)
    assert UUID(child).version == 4
    assert child != instance_id()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("a=1,b=2", {"a": "1", "b": "2"}),
        (" a = 1 , ,b=", {"a": "1", "b": ""}),
        ("key=a%2Cb%3Dc%20%C3%A9", {"key": "a,b=c é"}),
        ("auth=Basic dTpw==", {"auth": "Basic dTpw=="}),
    ],
)
def test_pairs(text, expected):
    assert pairs_of(text) == expected


@pytest.mark.parametrize("text", ["a", "=1", "a=1,b"])
def test_what_is_no_pair_is_told_without_being_quoted(text):
    with pytest.raises(ValueError, match=r"pair \d is not name=value"):
        pairs_of(text)


def test_a_service_without_a_name_is_unknown():
    assert service_of({"OTEL_SERVICE_NAME": " "}, print) == {"service.name": "unknown_service:python"}
