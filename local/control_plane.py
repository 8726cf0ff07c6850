"""The control plane: etcd, API server, controller manager, scheduler and the simulated nodes, all run by kwokctl.

kwokctl makes the certificates and starts the processes. What is added here is only what it leaves open: it believes
its files with process ids, which are wrong after a reboot, and it keeps the settings it was first given, while those
of a newer clone may differ.
"""

import hashlib
import os
import shutil
from functools import partial
from pathlib import Path

from local import binaries, commands, kubernetes, ports, processes, settings, templates
from local.console import last_lines
from local.errors import LocalError
from local.paths import ETCD_DATA, KUBECONFIG, KWOK_HOME
from local.processes import Process

_CLUSTER = "kwok"
WORKDIR = KWOK_HOME / "clusters" / _CLUSTER
PKI = WORKDIR / "pki"
_PIDS = WORKDIR / "pids"
_LOGS = WORKDIR / "logs"
_CONFIG = KWOK_HOME / "kwokctl.yaml"
_CREATED = KWOK_HOME / "created-with"

# kwokctl's name of each part, and its program.
PARTS = {
    "etcd": "etcd",
    "kube-apiserver": "kube-apiserver",
    "kube-controller-manager": "kube-controller-manager",
    "kube-scheduler": "kube-scheduler",
    "kwok-controller": "kwok-controller",
}

_PROGRAMS = ("etcd", "etcdctl", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl", "kwok")


def log(part: str) -> Path:
    """Where a part writes its log."""
    return _LOGS / f"{part}.log"


def running(part: str) -> list[Process]:
    """The processes of a part."""
    return processes.of_program(PARTS[part], WORKDIR, ETCD_DATA)


def healthy() -> bool:
    """Whether every part runs and the API answers."""
    return all(_is_up(part) for part in PARTS) and kubernetes.get(PKI, "/readyz", 2) == "ok"


def _is_up(part: str) -> bool:
    """Whether a part runs and has got as far as listening."""
    number = next(port for port, name in settings.load().ports.of_control_plane().items() if name == PARTS[part])
    return bool(running(part)) and ports.accepts("127.0.0.1", number)


def outdated() -> bool:
    """Whether what there is was made with other versions or settings."""
    return _CREATED.exists() and _CREATED.read_text() != _digest(_rendered())


def start() -> None:
    """Start whatever does not run, and wait until the API is ready."""
    text = _rendered()
    settled = _CREATED.exists() and WORKDIR.is_dir()
    ports.check(settings.load().ports.of_control_plane(), {each.pid for part in PARTS for each in running(part)})
    if settled:
        _start_what_does_not_run()
    else:
        # The certificates belong to this folder, so nothing may be left of an attempt that did not get far.
        shutil.rmtree(WORKDIR, ignore_errors=True)
        ETCD_DATA.mkdir(parents=True, exist_ok=True, mode=0o700)
        templates.write(_CONFIG, text)
        kubeconfig = KWOK_HOME / "kwokctl-kubeconfig"
        create = ["create", "cluster", "--name", _CLUSTER, "--kubeconfig", str(kubeconfig)]
        _kwokctl(["--config", str(_CONFIG), *create])
        templates.write(_CREATED, _digest(text))
    kubernetes.write_kubeconfig(PKI, KUBECONFIG, settings.load().server)
    processes.wait_until(
        "The API server",
        log("kube-apiserver"),
        lambda: kubernetes.get(PKI, "/readyz") == "ok",
        90,
        lambda: running("kube-apiserver") and running("etcd"),
    )
    if not all(map(running, PARTS)):
        # The controller manager ends where the API server is not ready ten seconds after it.
        _start_what_does_not_run()
    for part in PARTS:
        processes.wait_until(part, log(part), partial(_is_up, part), 60, partial(running, part))
    processes.wait_until(
        "The controller manager",
        log("kube-controller-manager"),
        lambda: kubernetes.get(PKI, "/api/v1/namespaces/default/serviceaccounts/default") is not None,
        60,
        partial(running, "kube-controller-manager"),
    )


def _start_what_does_not_run() -> None:
    _forget_stale_process_ids()
    _kwokctl(["start", "cluster", "--name", _CLUSTER])


def stop() -> None:
    """End the control plane, the database last; the data stay."""
    for part in reversed(PARTS):
        processes.stop(running(part), 5)
    shutil.rmtree(_PIDS, ignore_errors=True)
    _PIDS.mkdir(parents=True, exist_ok=True)


def forget() -> None:
    """Remove everything but the data, so that the next start creates it again."""
    _CREATED.unlink(missing_ok=True)
    shutil.rmtree(WORKDIR, ignore_errors=True)


def _rendered() -> str:
    chosen = settings.load()
    network = chosen.network
    text = templates.rendered(
        "kwokctl.yaml",
        workdir=WORKDIR,
        **{name.replace("-", "_"): binaries.path(name) for name in _PROGRAMS},
        etcd_data=ETCD_DATA,
        api_server_port=chosen.ports.api_server,
        etcd_port=chosen.ports.etcd,
        etcd_peer_port=chosen.ports.etcd_peer,
        controller_manager_port=chosen.ports.controller_manager,
        scheduler_port=chosen.ports.scheduler,
        kwok_port=chosen.ports.kwok,
        advertised_address=network.node,
        service_range=network.services,
        load_balancer_prefix=str(network.load_balancers.network_address).removesuffix("0"),
        service_prefix=str(network.services.network_address).removesuffix("0"),
    )
    # Naming any stage of our own makes kwokctl leave out its default ones, which simulate nodes and Pods.
    stages = sorted(binaries.path("kwokctl").parent.glob("*.yaml"))
    return "\n---\n".join([text, *(each.read_text() for each in stages)])


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _forget_stale_process_ids() -> None:
    """Remove kwokctl's notes of processes that are gone, whose numbers may by now belong to somebody else."""
    for part in PARTS:
        note = _PIDS / f"{part}.pid"
        if note.exists() and note.read_text().strip() not in {str(each.pid) for each in running(part)}:
            note.unlink()


def _kwokctl(arguments: list[str]) -> None:
    KWOK_HOME.mkdir(parents=True, exist_ok=True, mode=0o700)
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("KWOK_", "KUBECONFIG"))}
    result = commands.run(
        [binaries.path("kwokctl"), *arguments],
        environment={**environment, "KWOK_WORKDIR": str(KWOK_HOME), **kubernetes.CACHE_SETTING},
    )
    if result.returncode:
        dead = [part for part in PARTS if log(part).exists() and not running(part)]
        logs = "\n".join(f"{part} does not run. {processes.end_of_log(log(part))}" for part in dead[:1])
        raise LocalError(f"The control plane does not start:\n{last_lines(result.stderr, 6)}\n{logs}".rstrip())
