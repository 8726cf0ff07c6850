"""The cgroups of a node's Pods: made in each tree of the kernel, and removed with the node."""

from pathlib import Path

import pytest

from local import machine, network, real_nodes

NODE = real_nodes.ALL[1]


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in place of the kernel's cgroups."""
    monkeypatch.setattr(machine, "_CGROUPS", tmp_path)
    monkeypatch.setattr(network, "remove_pod_links", lambda _: None)
    return tmp_path


def test_each_tree_of_version_1_has_one(kernel: Path) -> None:
    """The kubelet wants its root in all trees, and each node has one of its own."""
    for tree in ("cpu", "memory"):
        (kernel / tree).mkdir()
    (kernel / "cpu,cpuacct").symlink_to("cpu")
    machine.make_cgroup(NODE)
    assert sorted(each.relative_to(kernel).as_posix() for each in kernel.glob("*/*") if "," not in str(each)) == [
        "cpu/stateful-service-real-node-b",
        "memory/stateful-service-real-node-b",
    ]


def test_version_2_has_one_with_all_controllers(kernel: Path) -> None:
    """A cgroup has the controllers that its parent hands down."""
    (kernel / "cgroup.controllers").write_text("cpuset cpu memory\n")
    (kernel / "kubepods.slice").mkdir()
    machine.make_cgroup(NODE)
    assert (kernel / "stateful-service-real-node-b").is_dir()
    assert not list((kernel / "kubepods.slice").iterdir())
    assert (kernel / "cgroup.subtree_control").read_text() == "+cpuset +cpu +memory"


def test_a_node_that_is_taken_down_leaves_none(kernel: Path) -> None:
    """With those that the kubelet made in it; another node's stay."""
    for node in real_nodes.ALL[:2]:
        (kernel / "cpu" / node.cgroup / "kubepods" / "burstable" / "pod1").mkdir(parents=True)
    machine.clear_runtime(NODE)
    assert [each.name for each in (kernel / "cpu").iterdir()] == ["stateful-service-real-node"]
