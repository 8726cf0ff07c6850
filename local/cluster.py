"""The cluster as a whole: started, stopped, deleted, and what state it is in."""

import os
import shutil
import time
from pathlib import Path

from local import (
    binaries,
    control_plane,
    csi,
    debian,
    machine,
    network,
    node,
    node_services,
    paths,
    pins,
    real_nodes,
    settings,
    simulated_nodes,
    storage,
    templates,
)
from local.console import say, seconds, step
from local.errors import LocalError
from local.locks import locked

NODE_VARIABLE = "STATEFUL_SERVICE_NODE"
_LOCK = paths.STATE / "cluster.lock"
_RANGE = paths.STATE / "address-range"
_SIMULATED = 3


def has_real_node() -> bool:
    """Whether Pods can run here: a node needs root, and may be switched off."""
    choice = os.environ.get(NODE_VARIABLE, "")
    if choice not in ("", "real", "simulated"):
        raise LocalError(f"{NODE_VARIABLE} is {choice!r}: it must be real or simulated, or not be set.")
    if choice == "real" and os.geteuid() != 0:
        raise LocalError(f"{NODE_VARIABLE} is real, but a real node needs root: use sudo, or leave it unset.")
    return os.geteuid() == 0 and choice != "simulated"


def programs() -> tuple[pins.Binary, ...]:
    """The programs the cluster consists of here."""
    return pins.CLUSTER + (pins.NODE if has_real_node() else ())


def start(nodes: int | None = None) -> None:
    """Start what does not run of the cluster, whatever state it is in, and wait until it is ready.

    ``nodes`` is the number of real nodes from now on; as many as before where it is None.
    """
    paths.check_supported()
    if nodes is not None and nodes != 1 and not has_real_node():
        raise LocalError(
            f"NODES is {nodes}: only root has real nodes. python3 -m local scale-simulated-nodes has others."
        )
    started = time.monotonic()
    real = has_real_node()
    if real:
        debian.require(debian.NODE)
    binaries.folder(programs())
    if real:
        binaries.folder(pins.IMAGES)
    with locked(_LOCK, f"starting or stopping the cluster (process {os.getpid()})"):
        _check_before(real)
        if control_plane.outdated():
            say("The cluster was made with other versions or settings: it is restarted with its data.")
            _stop_parts()
            control_plane.forget()
        if nodes is not None:
            real_nodes.want(nodes)
        fresh = not _healthy(real)
        if fresh:
            _start_parts(real)
        elif real:
            node.load_images()
    reason = "a real node needs root" if os.geteuid() else f"{NODE_VARIABLE} says so"
    count = len(real_nodes.wanted())
    real_kind = "one real node" if count == 1 else f"{count} real nodes"
    kind = real_kind if real else f"simulated nodes, Pods do not run ({reason})"
    version = pins.binary("kube-apiserver").shown_version()
    took = f" after {seconds(time.monotonic() - started)}" if fresh else ""
    say(f"The cluster is ready{took}: Kubernetes {version}, {kind}.")


def _check_before(real: bool) -> None:
    """Fail before anything is stopped or made when this cannot work."""
    chosen = str(settings.load().network.range)
    if paths.ETCD_DATA.exists() and _RANGE.exists() and (made_with := _RANGE.read_text().strip()) != chosen:
        variable = settings.NETWORK_VARIABLE
        raise LocalError(
            f"The cluster's data were made with the address range {made_with}, and {variable} is {chosen}: what is in "
            f"them has addresses of the old range. Set {variable}={made_with}, or delete them with make cluster-delete."
        )
    if real:
        node.check_alone()
        network.check_unused()
    templates.write(_RANGE, f"{chosen}\n")


def _healthy(real: bool) -> bool:
    return (
        control_plane.healthy()
        and storage.healthy()
        and (node.healthy() and csi.healthy() if real else simulated_nodes.count() >= _SIMULATED)
    )


def _start_parts(real: bool) -> None:
    if not control_plane.healthy():
        with step("Control plane"):
            control_plane.start()
    if real:
        node.remove_surplus()
    if real and not node.healthy():
        with step("Nodes" if len(real_nodes.wanted()) > 1 else "Node"):
            fresh = node.start()
        if fresh:
            node.wait_for_pods()
    if not real:
        with step("Simulated nodes"):
            simulated_nodes.scale(max(_SIMULATED, simulated_nodes.count()), beside_real=False)
    if not storage.healthy():
        with step("Volumes"):
            storage.start()
    if real and not csi.healthy():
        with step("CSI volumes"):
            csi.start()


def scale_simulated_nodes(count: int) -> None:
    """Set the number of simulated nodes in the running cluster."""
    binaries.folder(programs())
    if not control_plane.healthy():
        raise LocalError("The cluster is not running: run make cluster first.")
    simulated_nodes.scale(count, beside_real=has_real_node())


def stop() -> None:
    """Stop every process of the cluster; its data stay."""
    with locked(_LOCK, f"starting or stopping the cluster (process {os.getpid()})"):
        node.check_alone()
        if not _anything_there():
            say("The cluster is not running.")
            return
        with step("Stopping the cluster; its data stay"):
            _stop_parts()


def delete() -> None:
    """Stop every process of the cluster and delete its data."""
    doomed = [each for each in (*_DATA, paths.PULUMI_STATE) if each.exists()]
    with locked(_LOCK, f"starting or stopping the cluster (process {os.getpid()})"):
        node.check_alone()
        if _anything_there():
            with step("Stopping the cluster"):
                _stop_parts()
        if still_mounted := machine.mounts():
            raise LocalError(
                f"{still_mounted[0]} is still mounted, so nothing is deleted. Unmount it and run the same again."
            )
        for each in doomed:
            say(f"Deleted: {each}")
            if each.is_dir():
                shutil.rmtree(each)
            else:
                each.unlink()
    if not doomed:
        say("There is nothing to delete.")


_DATA = (
    paths.ETCD_DATA,
    paths.VOLUMES,
    storage.NETWORK_DISKS,
    csi.FOLDER,
    *real_nodes.FIRST.folders,
    paths.NODES,
    real_nodes.NUMBER,
    paths.KWOK_HOME,
    paths.LOGS,
    paths.KUBECONFIG,
    paths.KUBECTL_CACHE,
    _RANGE,
)


def _anything_there() -> bool:
    return bool(
        node.running()
        or storage.running()
        or csi.running()
        or any(control_plane.running(part) for part in control_plane.PARTS)
        or (os.geteuid() == 0 and machine.left_something())
    )


def status() -> list[tuple[str, list[int], Path]]:
    """Each part's name, the numbers of its processes and its log."""
    rows = [(part, control_plane.running(part), control_plane.log(part)) for part in control_plane.PARTS]
    for real in real_nodes.wanted():
        rows += [(real.part(part), node.running_part(real, part), _log(real.part(part))) for part in node.PARTS]
    rows += [(part, node_services.running(part), _log(part)) for part in node_services.PARTS]
    rows.append((storage.NAME, storage.running(), _log(storage.NAME)))
    if has_real_node():
        rows += [(part.shown or part.name, part.running(), part.log) for part in csi.all_parts()]
    return [(part, [each.pid for each in found], log) for part, found, log in rows]


def _log(part: str) -> Path:
    return paths.LOGS / f"{part}.log"


def _stop_parts() -> None:
    csi.stop()
    storage.stop()
    node.stop()
    control_plane.stop()
