"""Leaves the machine as it was: what the nodes change on it is noted before and put back after.

`traces` is also what the tests compare: whatever the cluster could leave behind.
"""

import json
import os
import re
import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from local import commands, network, real_nodes, templates
from local.debian import PATH, program
from local.errors import LocalError
from local.paths import MACHINE, RUN, STATE
from local.real_nodes import RealNode

_CGROUPS = Path("/sys/fs/cgroup")
_CONTAINERS = "k8s.io"
"""containerd's name for the containers of Kubernetes."""
_BEFORE = MACHINE / "before.json"
_CNI_RESULTS = Path("/var/lib/cni/results")
_PLUGIN_SOCKET = Path("/var/lib/kubelet/device-plugins/kubelet.sock")
_SHIM_SOCKETS = Path("/run/containerd/s")
_LOG_LINKS = Path("/var/log/containers")
_TABLES = ("ip kube-proxy", "ip6 kube-proxy")

# What the kubelet, the network plugin and kube-proxy set as they like it.
_KERNEL_SETTINGS = (
    "kernel/keys/root_maxbytes",
    "kernel/keys/root_maxkeys",
    "kernel/panic",
    "kernel/panic_on_oops",
    "net/ipv4/ip_forward",
    "net/ipv4/conf/all/forwarding",
    "net/ipv4/conf/default/forwarding",
    "net/ipv4/conf/all/route_localnet",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
)

# Folders outside our own that the node's programs make, outermost last.
_SHARED_FOLDERS = (
    _LOG_LINKS,
    _CNI_RESULTS,
    _CNI_RESULTS.parent,
    _SHIM_SOCKETS,
    _SHIM_SOCKETS.parent,
    _PLUGIN_SOCKET.parent,
    _PLUGIN_SOCKET.parent.parent,
)


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def note() -> None:
    """Note how the machine is, once, before anything is changed on it."""
    earlier = json.loads(_BEFORE.read_text()) if _BEFORE.exists() else None
    if earlier and earlier["boot"] == _boot():
        return
    others = [table for table in _tables() if table in _TABLES]
    if others:
        raise LocalError(
            f"Another kube-proxy works on this machine (nftables table {others[0]}), so it is a node of another "
            "cluster already, and two of them would undo each other's rules. Stop that one first."
        )
    state = {
        "boot": _boot(),
        "settings": _kernel_settings(),
        # Folders outlive a reboot, so after one those that were there before the first start still count.
        "folders": earlier["folders"] if earlier else [str(folder) for folder in _SHARED_FOLDERS if folder.is_dir()],
    }
    templates.write(_BEFORE, json.dumps(state, indent=2))


def clear_runtime(node: RealNode) -> None:
    """Remove what containers leave when they end without their containerd: none of it outlives a reboot anyway."""
    bundles = list(node.containerd_state.glob(f"io.containerd.runtime.v2.task/{_CONTAINERS}/*"))
    for bundle in bundles:
        address = bundle / "address"
        if address.exists():  # the socket of its shim, in a folder of containerd's own choice
            Path(address.read_text().strip().removeprefix("unix://")).unlink(missing_ok=True)
        _forget_addresses(bundle.name)
    for tree in _cgroup_trees():
        _remove_cgroup(tree / node.cgroup)
    _unmount(node.containerd_state, node.kubelet)
    for folder in (node.containerd_state, node.pod_addresses):
        shutil.rmtree(folder, ignore_errors=True)
    network.remove_pod_links(node.pods)


def _forget_addresses(container: str) -> None:
    """Remove the network plugins' notes of a container."""
    for note in (f"stateful-service-{container}-eth0", f"cni-loopback-{container}-lo"):
        (_CNI_RESULTS / note).unlink(missing_ok=True)


def restore() -> None:
    """Put back what was noted, and remove what the nodes' programs leave behind."""
    for node in real_nodes.ALL:
        clear_runtime(node)
    for result in _CNI_RESULTS.glob("stateful-service-*-eth0"):
        _forget_addresses(result.name.removeprefix("stateful-service-").removesuffix("-eth0"))
    _unmount(RUN, STATE)
    shutil.rmtree(RUN, ignore_errors=True)
    network.down()
    for link in _LOG_LINKS.glob("*"):
        if link.is_symlink() and link.readlink().is_relative_to(STATE):
            link.unlink(missing_ok=True)
    if _BEFORE.exists():
        _put_back(json.loads(_BEFORE.read_text()))
        _BEFORE.unlink()


def _put_back(before: dict[str, Any]) -> None:
    for table in set(_tables()) & set(_TABLES):
        commands.run([program("nft"), "delete", "table", *table.split()])
    if str(_PLUGIN_SOCKET.parent) not in before["folders"]:
        _PLUGIN_SOCKET.unlink(missing_ok=True)
    for folder in _SHARED_FOLDERS:
        if str(folder) not in before["folders"] and folder.is_dir():
            _removed(folder)
    if before["boot"] == _boot():
        for name, value in before["settings"].items():
            setting = Path("/proc/sys", name)
            if setting.read_text().strip() != value:
                setting.write_text(value)


def left_something() -> bool:
    """Whether a cluster that was up has not been taken down in order."""
    return _BEFORE.exists() or RUN.exists()


def mounts(*folders: Path) -> list[str]:
    """The mount points below these folders, or below all of our own; the innermost first."""
    ours = [f"{folder}/" for folder in folders or (RUN, STATE)]
    points = [_unescaped(line.split()[4]) for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return [point for point in reversed(points) if any(point.startswith(each) for each in ours)]


def traces() -> dict[str, list[str]]:
    """What a cluster could leave behind on this machine, in a form to compare."""
    return {
        "mounts": sorted(_unescaped(line.split()[4]) for line in Path("/proc/self/mountinfo").read_text().splitlines()),
        "links": _lines("ip", "-brief", "link", column=0),
        "routes": _lines("ip", "route", "show", "table", "all"),
        "network namespaces": _lines("ip", "netns", "list"),
        "packet filter": _packet_filter(),
        "kernel settings": [f"{name}={value}" for name, value in _kernel_settings().items()],
        "cgroups": sorted(str(each) for pattern in ("*", "*/*") for each in _CGROUPS.glob(pattern) if each.is_dir()),
        "folders": sorted(str(folder) for folder in (*_SHARED_FOLDERS, RUN) if folder.exists()),
        "listening sockets": _lines("ss", "--no-header", "-ltun", column=4),
    }


def _packet_filter() -> list[str]:
    """The rules of the packet filter, without what counts and without tables that only hold empty chains."""
    text = re.sub(r" (packets|bytes) \d+", "", "\n".join(_lines("nft", "list", "ruleset")))
    return [line for line in text.splitlines() if line.strip()]


def _lines(name: str, *arguments: str, column: int | None = None) -> list[str]:
    if not shutil.which(name, path=PATH):
        return []
    lines = [line.rstrip() for line in commands.output(program(name), *arguments).splitlines()]
    return sorted(line.split()[column] for line in lines if line) if column is not None else lines


def _kernel_settings() -> dict[str, str]:
    found = {}
    for name in _KERNEL_SETTINGS:
        path = Path("/proc/sys", name)
        if path.exists():
            found[name] = path.read_text().strip()
    return found


def _tables() -> list[str]:
    listing = commands.output(program("nft"), "list", "tables")
    return [line.removeprefix("table ").strip() for line in listing.splitlines()]


def _unmount(*folders: Path) -> None:
    for point in mounts(*folders):
        if commands.run([program("umount"), point]).returncode:
            commands.run([program("umount"), "--lazy", point])


def make_cgroup(node: RealNode) -> None:
    """Make the cgroup that holds those of the node's Pods: its kubelet wants it, and removes those it does not know."""
    available = _CGROUPS / "cgroup.controllers"
    if available.exists():
        (_CGROUPS / "cgroup.subtree_control").write_text(" ".join(f"+{each}" for each in available.read_text().split()))
    for tree in _cgroup_trees():
        (tree / node.cgroup).mkdir(exist_ok=True)


def _cgroup_trees() -> list[Path]:
    """The trees of cgroups: one where the kernel has one, else those of version 1."""
    if (_CGROUPS / "cgroup.controllers").exists():
        return [_CGROUPS]
    return [each for each in _CGROUPS.iterdir() if each.is_dir() and not each.is_symlink()]


def _remove_cgroup(cgroup: Path) -> None:
    for folder, _, _ in os.walk(cgroup, topdown=False):
        _until(partial(_removed, Path(folder)), 3)


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:  # something is in it, such as a process that has been killed but is not gone yet
        return False
    return True


def _until(condition: Callable[[], bool], limit: float) -> None:
    deadline = time.monotonic() + limit
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)


def wait_for_links_to_go() -> None:
    """Wait until the Pods' links are gone, which the kernel removes some time after the Pods."""
    _until(lambda: not network.pod_links(), 5)


def _unescaped(point: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), point)
