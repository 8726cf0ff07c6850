"""P15: the repository's own program, each stack from its configuration alone, driven by make."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from harness import ROOT, Project, absent_as_none, eventually
from lightkube import Client
from lightkube.resources.apps_v1 import StatefulSet
from lightkube.resources.core_v1 import Namespace, PersistentVolumeClaim, Pod
from lightkube.resources.core_v1 import Service as KubernetesService

from local.paths import PULUMI_STATE

pytestmark = pytest.mark.usefixtures("program_stacks")

STACKS = {
    "dev": {"namespace": "default", "replicas": 2, "size": "10Mi", "policy": "Parallel"},
    "staging": {"namespace": "staging", "replicas": 3, "size": "50Mi", "policy": "OrderedReady"},
    "prod": {"namespace": "prod", "replicas": 3, "size": "100Mi", "policy": "OrderedReady"},
}


def make(*arguments: str) -> str:
    result = subprocess.run(
        ["make", *arguments], cwd=ROOT, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert result.returncode == 0, result.stdout
    return result.stdout


@pytest.fixture(params=["dev", pytest.param("staging", marks=pytest.mark.long), "prod"])
def stack(request: pytest.FixtureRequest, client: Client) -> Iterator[str]:
    """A stack, not deployed and without data; also afterwards."""
    name = request.param
    make("down", f"STACK={name}")
    remove_claims(client, name)
    yield name
    make("down", f"STACK={name}")
    remove_claims(client, name)


@pytest.fixture
def project(env: dict[str, str], tmp_path: Path) -> Project:
    """The program with a stack of its own that has no configuration yet."""
    for name in ("Pulumi.yaml", "__main__.py"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    (tmp_path / "stacks").mkdir()
    bare = Project(tmp_path, env)
    bare.init()
    return bare


def remove_claims(client: Client, stack: str) -> None:
    namespace = STACKS[stack]["namespace"]
    claims: Any = client.list(PersistentVolumeClaim, namespace=str(namespace))
    for claim in claims:
        if str(claim.metadata.name).startswith("logs-rg-"):
            client.delete(PersistentVolumeClaim, str(claim.metadata.name), namespace=str(namespace))


def test_p15_each_stack_goes_up_and_down_and_up_with_its_data(stack: str, client: Client) -> None:
    """Up with the stack's own sizes, unchanged by a second up, deleted by down except its data, and up again."""
    expected = STACKS[stack]
    namespace = str(expected["namespace"])
    make("up", f"STACK={stack}")
    stateful_set: Any = client.get(StatefulSet, "rg", namespace=namespace)
    assert stateful_set.spec.podManagementPolicy == expected["policy"]
    assert stateful_set.status.readyReplicas == expected["replicas"]
    found: Any = client.list(PersistentVolumeClaim, namespace=namespace)
    claims = {claim.metadata.name: claim for claim in found}
    for ordinal in range(int(str(expected["replicas"]))):
        claim = claims[f"logs-rg-{ordinal}"]
        assert claim.status.phase == "Bound"
        assert claim.spec.resources.requests["storage"] == expected["size"]
    written = write_everywhere(client, namespace)

    again = make("up", f"STACK={stack}")
    assert "unchanged" in again
    assert not any(word in again for word in ("updated", "created", "replaced"))

    make("down", f"STACK={stack}")
    # Where a partition is set, the provider does not wait for the instances to end (docs/rollouts.md).
    eventually("the instances are gone", lambda: not instances(client, namespace))
    make("up", f"STACK={stack}")
    for pod, lines in written.items():
        assert log(client, namespace, pod)[: len(lines)] == lines


def test_the_namespace_that_down_kept_is_no_obstacle(client: Client) -> None:
    """The next up finds it and its claims; if it was deleted meanwhile, up creates it again."""
    make("up", "STACK=staging")
    make("down", "STACK=staging")
    kept = namespace_uid(client)
    make("up", "STACK=staging")
    assert namespace_uid(client) == kept
    make("down", "STACK=staging")
    client.delete(Namespace, "staging")
    eventually("the namespace is gone", lambda: namespace_uid(client) is None)
    make("up", "STACK=staging")
    assert namespace_uid(client) not in (None, kept)
    make("down", "STACK=staging")


def test_a_run_that_was_killed_does_not_lock_the_stack() -> None:
    """Pulumi leaves its lock then, and the next `make up` goes on; a lock of a process that runs is kept."""
    make("up")
    locks = PULUMI_STATE / ".pulumi" / "locks" / "organization" / "random-generator" / "dev"
    locks.mkdir(parents=True, exist_ok=True)
    lock = locks / "3f1a9c52-0000-4000-8000-000000000000.json"
    ended = subprocess.Popen(["true"])
    ended.wait()
    lock.write_text(json.dumps({"pid": ended.pid, "username": "root", "hostname": "host"}))
    assert "The last run on stack dev was killed; its lock is removed." in make("up")
    assert not lock.exists()

    with subprocess.Popen(["pulumi", "60"], executable="/bin/sleep") as running:
        lock.write_text(json.dumps({"pid": running.pid, "username": "root", "hostname": "host"}))
        refused = subprocess.run(["make", "up"], cwd=ROOT, check=False, capture_output=True, text=True)
        running.kill()
    assert refused.returncode
    assert "currently locked" in refused.stderr + refused.stdout
    make("down")


def namespace_uid(client: Client) -> str | None:
    found: Any = absent_as_none(lambda: client.get(Namespace, "staging"))
    return found and str(found.metadata.uid)


def test_p12_the_load_is_answered_by_all_instances(client: Client) -> None:
    """In dev at the Service's cluster address, in prod at the address that the load balancer gave it."""
    for stack in ("dev", "prod"):
        make("up", f"STACK={stack}")
        namespace = str(STACKS[stack]["namespace"])
        service: Any = client.get(KubernetesService, "random-generator-lb", namespace=namespace)
        ingress = (service.status.loadBalancer and service.status.loadBalancer.ingress) or []
        address = ingress[0].ip if stack == "prod" else service.spec.clusterIP
        everyone = {f"rg-{ordinal}" for ordinal in range(int(str(STACKS[stack]["replicas"])))}
        seen: set[str] = set()

        def ask(address: str = address, seen: set[str] = seen, everyone: set[str] = everyone) -> bool:
            answer = httpx2.get(f"http://{address}/", timeout=5).text
            seen.update(name for name in everyone if name in answer)
            return seen == everyone

        eventually(f"every instance of {stack} answers", ask)
        make("down", f"STACK={stack}")


def test_a_stack_without_a_required_key_gets_one_message(project: Project) -> None:
    """The size of the disks has no default: without it nothing is created, and the message names the key."""
    said = project.must_fail("up", "--yes", "--skip-preview")
    assert "missing configuration value" in said
    assert "storageSize" in said
    assert "Traceback" not in said


def test_a_mistake_in_a_stack_gets_one_message_and_changes_nothing(project: Project) -> None:
    """A misspelt policy: the message names argument, value and allowed values, without a stack trace."""
    project.must("config", "set", "storageSize", "10Mi")
    project.must("config", "set", "podManagementPolicy", "Paralel")
    said = project.must_fail("up", "--yes", "--skip-preview")
    assert "StatefulService 'rg': pod_management_policy is 'Paralel'; it must be one of OrderedReady, Parallel" in said
    assert "Traceback" not in said
    made = json.loads(project.must("stack", "export"))["deployment"].get("resources", [])
    assert not [each for each in made if each["type"].startswith("kubernetes:")]


def instances(client: Client, namespace: str) -> list[str]:
    found: Any = client.list(Pod, namespace=namespace)
    return [pod.metadata.name for pod in found if pod.metadata.name.startswith("rg-")]


def write_everywhere(client: Client, namespace: str) -> dict[str, list[str]]:
    written = {}
    for pod in instances(client, namespace):
        httpx2.get(f"http://{address_of(client, namespace, pod)}:8080/", timeout=5).raise_for_status()
        written[pod] = log(client, namespace, pod)
        assert written[pod]
    return written


def log(client: Client, namespace: str, pod: str) -> list[str]:
    return httpx2.get(f"http://{address_of(client, namespace, pod)}:8080/logs", timeout=5).text.splitlines()


def address_of(client: Client, namespace: str, pod: str) -> str:
    live: Any = client.get(Pod, pod, namespace=namespace)
    return str(live.status.podIP)
