"""P01, P04, P05, P06, P13: names, order and disks of a running service."""

from collections.abc import Callable
from typing import Any

from harness import Service, absent_as_none, eventually
from lightkube import Client
from lightkube.resources.core_v1 import Service as KubernetesService
from lightkube.resources.storage_v1 import StorageClass


def test_p01_the_governing_service_is_headless_and_comes_first(service: Callable[..., Service], client: Client) -> None:
    """The governing Service is headless, selects the Pods, is older than the set, and the set names it."""
    rg = service()
    rg.deploy()
    governing: Any = client.get(KubernetesService, "random-generator", namespace=rg.namespace)
    stateful_set = rg.stateful_set()
    assert governing.spec.clusterIP == "None"
    assert stateful_set.spec.serviceName == "random-generator"
    assert governing.metadata.creationTimestamp <= stateful_set.metadata.creationTimestamp
    selector = governing.spec.selector or {}
    for pod in rg.pods().values():
        assert selector.items() <= (pod.metadata.labels or {}).items()
    addresses = {pod.status.podIP for pod in rg.pods().values()}
    peers = eventually("both peers are listed", lambda: len(rg.http("rg-0", "/peers").json()) == 2)
    assert peers
    assert {a for peer in rg.http("rg-0", "/peers").json() for a in peer["addresses"]} == addresses


def test_p04_names_survive_the_pod(service: Callable[..., Service]) -> None:
    """Instances are rg-0 and rg-1, know their own names, and a replaced Pod has the same name."""
    rg = service()
    rg.deploy()
    assert sorted(rg.pods()) == ["rg-0", "rg-1"]
    for name in rg.pods():
        assert name in rg.http(name).text
    rg.replace_pod("rg-1")
    assert sorted(rg.pods()) == ["rg-0", "rg-1"]
    assert "rg-1" in rg.http("rg-1").text
    assert [instance["pod"] for instance in rg.outputs()["instances"]] == ["rg-0", "rg-1"]


def test_p05_a_successor_reads_what_the_first_one_wrote(service: Callable[..., Service]) -> None:
    """Each instance has its own bound claim, and its successor finds the log on it."""
    rg = service()
    rg.deploy()
    assert sorted(rg.claims()) == ["logs-rg-0", "logs-rg-1"]
    assert {claim.status.phase for claim in rg.claims().values()} == {"Bound"}
    volumes = {name: claim.spec.volumeName for name, claim in rg.claims().items()}
    written = {name: rg.write(name, 3) for name in ("rg-0", "rg-1")}
    assert written["rg-0"] != written["rg-1"]
    rg.replace_pod("rg-0")
    assert rg.log("rg-0")[: len(written["rg-0"])] == written["rg-0"]
    assert {name: claim.spec.volumeName for name, claim in rg.claims().items()} == volumes


def test_p06_scaling_down_and_up_keeps_the_data(service: Callable[..., Service]) -> None:
    """The claim of a removed instance stays, and the instance has its data when it is added again."""
    rg = service()
    rg.deploy()
    written = rg.write("rg-1", 3)
    rg.deploy(replicas=1)
    assert sorted(rg.pods()) == ["rg-0"]
    assert sorted(rg.claims()) == ["logs-rg-0", "logs-rg-1"]
    rg.deploy(replicas=2)
    assert rg.log("rg-1")[:3] == written


def test_p06_destroy_keeps_the_claims(service: Callable[..., Service], client: Client) -> None:
    """After destroy only the claims are left; the next up finds the data."""
    rg = service(storage_class={"provisioner": "rancher.io/local-path"})
    rg.deploy()
    class_name = rg.outputs()["storage_class_name"]
    written = {name: rg.write(name, 3) for name in ("rg-0", "rg-1")}
    rg.destroy()
    assert rg.pods() == {}
    assert absent_as_none(lambda: client.get(StorageClass, class_name)) is None
    assert not list(client.list(KubernetesService, namespace=rg.namespace))
    assert sorted(rg.claims()) == ["logs-rg-0", "logs-rg-1"]
    rg.up()
    assert {name: rg.log(name)[:3] for name in ("rg-0", "rg-1")} == written


def test_p13_a_single_instance_is_the_same_component(service: Callable[..., Service]) -> None:
    """One instance has its name, its claim and its address like any other."""
    rg = service(replicas=1)
    rg.deploy()
    written = rg.write("rg-0", 2)
    rg.replace_pod("rg-0")
    assert rg.log("rg-0")[:2] == written
    [only] = rg.outputs()["instances"]
    assert only["claims"] == ["logs-rg-0"]
    assert only["address"] == f"rg-0.random-generator.{rg.namespace}.svc.cluster.local"


def test_a_second_up_changes_nothing(service: Callable[..., Service]) -> None:
    """Nothing to do, also after a refresh; a default that is written out is updated, and no Pod restarts."""
    rg = service(load_balancer={"port": 80}, storage_class={"provisioner": "rancher.io/local-path"}, partition=1)
    rg.deploy()
    pods = rg.uids()
    rg.unchanged()
    rg.refresh()
    rg.unchanged()
    assert "no Pod restarts" in rg.deploy(image_pull_policy="IfNotPresent")
    assert rg.uids() == pods
