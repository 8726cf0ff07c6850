"""The embedded cluster itself: repaired in place, with its data kept, and nothing left on the machine."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import PATIENCE, eventually, local, parts, printed, traces

ROOT = Path(__file__).parents[2]
NAMESPACE = "embedded-cluster-test"
SIDE_CARS = ("csi-provisioner", "csi-attacher", "csi-resizer", "csi-snapshotter", "snapshot-controller")
PARTS = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kwok-controller",
    "containerd",
    "network-disks",
    "csi-driver",
    "kubelet",
    "network-policies",
    "coredns",
    "kube-proxy",
    "volume-provisioner",
    *SIDE_CARS,
)

pytestmark = pytest.mark.alone

_SERVICE = f"""
apiVersion: v1
kind: Namespace
metadata: {{name: {NAMESPACE}}}
---
apiVersion: v1
kind: Service
metadata: {{name: rg, namespace: {NAMESPACE}}}
spec: {{type: LoadBalancer, selector: {{app: rg}}, ports: [{{port: 80, targetPort: 8080}}]}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: rg, namespace: {NAMESPACE}}}
spec:
  serviceName: rg
  replicas: 2
  podManagementPolicy: Parallel
  selector: {{matchLabels: {{app: rg}}}}
  template:
    metadata: {{labels: {{app: rg}}}}
    spec:
      containers:
        - name: rg
          image: random-generator:1.0
          env: [{{name: LOG_FILE, value: /data/random.log}}]
          readinessProbe: {{httpGet: {{path: /ready, port: 8080}}, periodSeconds: 1}}
          volumeMounts: [{{name: data, mountPath: /data}}]
  volumeClaimTemplates:
    - metadata: {{name: data}}
      spec: {{accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 10Mi}}}}}}
"""


class Kubectl:
    """kubectl with the settings that `make env` gives."""

    def __init__(self, env: dict[str, str]) -> None:
        self._env = env

    def __call__(self, *arguments: str, text: str = "") -> str:
        """What kubectl prints; it has to succeed."""
        return printed("kubectl", "--namespace", NAMESPACE, *arguments, env=self._env, text=text)

    def containers(self) -> dict[str, str]:
        """Each ready Pod and the container that runs in it."""
        pods = json.loads(self("get", "pods", "--output", "json"))["items"]
        statuses = {pod["metadata"]["name"]: pod["status"].get("containerStatuses", []) for pod in pods}
        return {name: found[0]["containerID"] for name, found in statuses.items() if found and found[0]["ready"]}

    def address(self) -> str:
        """The load balancer's address."""
        return self("get", "service", "rg", "--output", "jsonpath={.status.loadBalancer.ingress[0].ip}")

    def log(self, pod: str) -> list[str]:
        """The lines that an instance has on its disk."""
        path = f"/api/v1/namespaces/{NAMESPACE}/pods/{pod}:8080/proxy/logs"
        return self("get", "--raw", path).splitlines()

    def number(self, pod: str) -> dict[str, Any]:
        """A new random number from an instance."""
        path = f"/api/v1/namespaces/{NAMESPACE}/pods/{pod}:8080/proxy/"
        answer: dict[str, Any] = json.loads(self("get", "--raw", path))
        return answer


@pytest.fixture(scope="module")
def kubectl(env: dict[str, str]) -> Iterator[Kubectl]:
    """The cluster with the example in it: two Pods with a disk each."""
    local("cluster")
    run = Kubectl(env)
    run("apply", "--filename", "-", text=_SERVICE)
    run("rollout", "status", "statefulset/rg", f"--timeout={PATIENCE:.0f}s")
    yield run
    local("cluster")
    run("delete", "namespace", NAMESPACE, "--wait=false")


def answers(address: str) -> bool:
    """Whether a Service answers at this address, asked from the machine itself."""
    asked = subprocess.run(
        ["curl", "--silent", "--max-time", "2", f"http://{address}/"], capture_output=True, check=False
    )
    return b'"instance":"rg-' in asked.stdout


class TestUp:
    def test_a_cluster_that_is_up_is_left_alone(self, kubectl: Kubectl) -> None:
        """A second `make cluster` starts nothing."""
        before = parts()
        local("cluster")
        assert parts() == before
        assert all(before.values())
        assert kubectl.containers()

    @pytest.mark.parametrize("part", PARTS)
    def test_a_part_that_was_killed_comes_back(self, kubectl: Kubectl, part: str) -> None:
        """`make cluster` starts that part and no other, and no Pod restarts."""
        containers = eventually("both Pods are ready", lambda: _both(kubectl))
        before = parts()
        for pid in before[part]:
            os.kill(pid, signal.SIGKILL)
        local("cluster")
        after = parts()
        assert after[part]
        assert not set(after[part]) & set(before[part])
        assert {name: pids for name, pids in after.items() if name != part} == {
            name: pids for name, pids in before.items() if name != part
        }
        eventually("the same containers are ready", lambda: kubectl.containers() == containers)
        assert eventually("the load balancer answers", lambda: answers(kubectl.address()))

    def test_the_csi_controller_comes_back_with_its_side_cars(self, kubectl: Kubectl) -> None:
        """The side-cars, which would end at their next call, start anew with it; nothing else does."""
        assert kubectl.containers()
        before = parts()
        for pid in before["csi-controller"]:
            os.kill(pid, signal.SIGKILL)
        local("cluster")
        after = parts()
        changed = {name for name, pids in after.items() if pids != before[name]}
        assert changed == {"csi-controller", *SIDE_CARS}
        assert all(after.values())

    def test_it_listens_on_loopback_and_its_own_interface_alone(self, kubectl: Kubectl) -> None:
        """No port of the cluster can be reached from another machine."""
        assert kubectl.containers()
        own = {str(pid) for pids in parts().values() for pid in pids}
        listing = subprocess.run(
            ["ss", "--no-header", "-ltunp"], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        addresses = {
            line.split()[4].rpartition(":")[0] for line in listing if own & set(re.findall(r"pid=(\d+)", line))
        }
        assert addresses
        assert addresses <= {"127.0.0.1", "[::1]", "10.244.0.1"}


def _both(kubectl: Kubectl) -> dict[str, str] | None:
    found = kubectl.containers()
    return found if len(found) == 2 else None


class TestDown:
    def test_down_leaves_nothing_and_up_brings_the_data_back(self, kubectl: Kubectl) -> None:
        """No process, mount, link, namespace, rule, route or setting is left; the Pods come back with their data."""
        eventually("both Pods are ready", lambda: _both(kubectl))
        written = [kubectl.number("rg-0")["line"] for _ in range(3)]
        local("cluster-down")
        assert not any(parts().values())
        first = traces()
        own = re.compile(r"pulumi-stateful-service|stateful0|kube-proxy|containerd|10\.244\.|^veth")
        # Folders that other programs share are compared below: this machine may have had them before.
        left = {
            what: [each for each in found if own.search(each)] for what, found in first.items() if what != "folders"
        }
        assert not any(left.values()), left
        local("cluster")
        eventually("both Pods are ready again", lambda: _both(kubectl))
        assert [int(line.split()[0]) for line in kubectl.log("rg-0")][-3:] == written
        assert eventually("the load balancer answers", lambda: answers(kubectl.address()))
        local("cluster-down")
        assert traces() == first
        local("cluster")

    def test_a_machine_that_lost_power_comes_back(self, kubectl: Kubectl) -> None:
        """All processes, the Pods' included, are killed at once: `make cluster` cleans up behind them and goes on."""
        eventually("both Pods are ready", lambda: _both(kubectl))
        line = kubectl.number("rg-1")["line"]
        old = kubectl.containers()
        doomed = [pid for pids in parts().values() for pid in pids] + _container_processes()
        for pid in doomed:
            os.kill(pid, signal.SIGKILL)
        local("cluster")
        new = eventually("both Pods are ready again", lambda: _both(kubectl))
        assert not set(new.values()) & set(old.values())
        assert kubectl.number("rg-1")["line"] == line + 1
        assert eventually("the load balancer answers", lambda: answers(kubectl.address()))


def _container_processes() -> list[int]:
    """The processes that hold our containers, and those in them."""
    shims, children = set(), []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if b"containerd-shim" in command and b"/run/pulumi-stateful-service/" in command:
            shims.add(int(folder.name))
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent in shims:
            children.append(int(folder.name))
    return [*shims, *children]
