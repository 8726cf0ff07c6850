"""P02, P03, P04, P12: names that resolve inside Pods, peers, and the Services of the instances."""

import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from faults import lose_the_state, recovered
from harness import CommandError, Service, eventually
from lightkube.resources.apps_v1 import StatefulSetScale
from lightkube.resources.core_v1 import Service as KubernetesService

Make = Callable[..., Service]


def answer(rg: Service, source: str, host: str) -> str | None:
    """The instance that answers under a name, asked from another instance; None where none does."""
    try:
        return str(json.loads(rg.get_from(source, f"http://{host}:8080/"))["instance"])
    except CommandError:
        return None


def peers(rg: Service) -> set[str]:
    """The instances in the SRV records, as rg-0 resolves them."""
    return {peer["name"].partition(".")[0] for peer in rg.http("rg-0", "/peers").json()}


def services(rg: Service) -> dict[str, Any]:
    """The live Services by name."""
    found: Any = rg.client.list(KubernetesService, namespace=rg.namespace)
    return {str(service.metadata.name): service for service in found}


def test_p02_a_name_leads_to_the_new_pod(service: Make) -> None:
    """An instance's name resolves inside the cluster, and to the new Pod after a replacement."""
    rg = service()
    rg.deploy()
    name = rg.outputs()["instances"][0]["address"]
    assert name == f"rg-0.random-generator.{rg.namespace}.svc.cluster.local"
    eventually("the name leads to rg-0", lambda: answer(rg, "rg-1", name) == "rg-0")
    rg.replace_pod("rg-0")
    eventually("the name leads to the new rg-0", lambda: answer(rg, "rg-1", name) == "rg-0")
    eventually("the short name does too", lambda: answer(rg, "rg-1", "rg-0.random-generator") == "rg-0")


def test_p03_peers_are_those_that_are_ready(service: Make) -> None:
    """SRV records list every ready instance with its port; those that are not ready only on request."""
    rg = service(pod_management_policy="Parallel")
    rg.deploy()
    eventually("both are listed", lambda: peers(rg) == {"rg-0", "rg-1"})
    assert {peer["port"] for peer in rg.http("rg-0", "/peers").json()} == {8080}
    rg.http("rg-1", "/ready?state=off", "PUT")
    eventually("rg-1 is left out", lambda: peers(rg) == {"rg-0"})
    rg.set(publish_not_ready_addresses=True, rollout_timeout_seconds=1)
    rg.up()  # that rg-1 is not ready is no rollout's doing
    eventually("rg-1 is listed, not ready", lambda: peers(rg) == {"rg-0", "rg-1"} and not rg.is_ready("rg-1"))


def test_p02_p03_an_instance_learns_its_names_without_a_script(service: Make) -> None:
    """Its own name, number and address, its Service's and its peers' are in its environment, and they are right."""
    names = "$(POD_NAME) $(POD_ORDINAL) $(POD_NAMESPACE) $(POD_ADDRESS) $(FIRST_POD_ADDRESS)"
    told = f"{names} $(POD_IP) $(NODE_NAME) $(PEERS)"
    rg = service(
        discovery={"peers": {"PEERS": "{pod}@{address}:{ordinal}"}, "peer_separator": " "},
        env={"LOG_FILE": "/opt/logs/$(POD_NAME).log", "VERSION": told},
        ordinals={"start": 4},
    )
    rg.deploy()
    address = {ordinal: f"rg-{ordinal}.random-generator.{rg.namespace}.svc.cluster.local" for ordinal in (4, 5)}
    everyone = f"rg-4@{address[4]}:4 rg-5@{address[5]}:5"
    for ordinal in (4, 5):
        pod = rg.pod(f"rg-{ordinal}")
        own = f"rg-{ordinal} {ordinal} {rg.namespace} {address[ordinal]} {address[4]}"
        own += f" {pod.status.podIP} {pod.spec.nodeName}"
        assert rg.http(f"rg-{ordinal}", "/version").text.strip() == f"{own} {everyone}"
    # SERVICE_NAME is among them: without it there would be no peers to ask for.
    eventually("peers are found", lambda: len(rg.http("rg-4", "/peers").json()) == 2)


def test_p03_several_ports_and_protocols(service: Make) -> None:
    """Each port is on the governing Service and on the other one, with its protocol, and has an SRV name."""
    rg = service(
        ports={"http": 8080, "dns": 5353},
        port_protocols={"dns": "UDP"},
        app_protocols={"http": "kubernetes.io/ws"},
        ip_family_policy="PreferDualStack",
        load_balancer={"ports": {"http": 80, "dns": 53}, "session_affinity": "ClientIP"},
    )
    rg.deploy()
    for name, numbers in (("random-generator", (8080, 5353)), ("random-generator-lb", (80, 53))):
        ports = {port.name: port for port in services(rg)[name].spec.ports}
        assert [(ports[each].port, ports[each].protocol) for each in ("http", "dns")] == [
            (numbers[0], "TCP"),
            (numbers[1], "UDP"),
        ]
        assert ports["http"].appProtocol == "kubernetes.io/ws"
    assert services(rg)["random-generator-lb"].spec.sessionAffinity == "ClientIP"
    domain = f"random-generator.{rg.namespace}.svc.cluster.local"
    assert rg.outputs()["srv_names"] == {"http": f"_http._tcp.{domain}", "dns": f"_dns._udp.{domain}"}
    rg.refresh()
    rg.unchanged()


def test_p04_the_numbering_starts_elsewhere(service: Make) -> None:
    """With another first ordinal the instances have other names; a change that would leave claims behind is refused."""
    rg = service(ordinals={"start": 2})
    rg.deploy()
    assert sorted(rg.pods()) == ["rg-2", "rg-3"]
    assert "rg-3" in rg.http("rg-3").text
    assert [each["pod"] for each in rg.outputs()["instances"]] == ["rg-2", "rg-3"]
    assert sorted(rg.claims()) == ["logs-rg-2", "logs-rg-3"]
    rg.replace_pod("rg-2")
    rg.set(ordinals=None)
    assert "ordinals.start cannot be changed from 2 to 0" in rg.must_fail("preview")
    assert sorted(rg.pods()) == ["rg-2", "rg-3"]


def test_p12_each_instance_has_a_service_of_its_own(service: Make) -> None:
    """It selects that instance, also after its Pod was replaced, and there is one for each instance."""
    rg = service(instance_services={"type": "LoadBalancer"})
    rg.deploy()

    def reached() -> dict[str, str]:
        addresses = rg.outputs()["instance_service_addresses"]
        return {
            pod: httpx2.get(f"http://{address}:8080/", timeout=5).json()["instance"]
            for pod, address in addresses.items()
        }

    def leads_to_its_own(*pods: str) -> bool:
        try:
            return reached() == {pod: pod for pod in pods}
        except httpx2.TransportError:
            return False

    eventually("each leads to its own", lambda: leads_to_its_own("rg-0", "rg-1"))
    rg.replace_pod("rg-1")
    eventually("also to the new one", lambda: leads_to_its_own("rg-0", "rg-1"))
    rg.deploy(replicas=3)
    eventually("one more", lambda: leads_to_its_own("rg-0", "rg-1", "rg-2"))
    rg.deploy(replicas=1)
    assert sorted(services(rg)) == ["random-generator", "rg-0"]
    rg.deploy(replicas=3, instance_services={"ordinals": [2, 3]})
    assert sorted(services(rg)) == ["random-generator", "rg-2"]
    rg.refresh()
    rg.unchanged()


def test_p12_up_does_not_wait_for_a_load_balancer_that_never_comes(service: Make) -> None:
    """On request: no address, no error, and nothing to change at the next up."""
    nobody = {"type": "LoadBalancer", "load_balancer_class": "example.com/nobody", "wait_for_address": False}
    rg = service(load_balancer=nobody, instance_services=nobody)
    rg.deploy()
    assert "load_balancer_address" not in rg.outputs()
    assert rg.outputs()["instance_service_addresses"] == {}
    rg.refresh()
    rg.unchanged()


@pytest.mark.long
def test_p12_two_hundred_requests_reach_every_instance(service: Make) -> None:
    """The load-balancing Service, created after the set, spreads requests over all instances and loses none."""
    rg = service(replicas=3, pod_management_policy="Parallel", load_balancer={"type": "LoadBalancer", "port": 80})
    rg.deploy()
    address = rg.outputs()["load_balancer_address"]
    lb = services(rg)["random-generator-lb"]
    assert lb.metadata.creationTimestamp >= rg.stateful_set().metadata.creationTimestamp

    def everyone_is_behind_it() -> bool:
        try:
            return httpx2.get(f"http://{address}/", timeout=5).status_code == httpx2.codes.OK
        except httpx2.TransportError:
            return False

    eventually("the address answers", everyone_is_behind_it)
    seen = {httpx2.get(f"http://{address}/", timeout=10).raise_for_status().json()["instance"] for _ in range(200)}
    assert seen == {"rg-0", "rg-1", "rg-2"}


def test_an_autoscaler_owns_the_number_of_instances(service: Make) -> None:
    """The scaled number stays through an unchanged up, a refresh and a new version; outputs have new instances."""
    rg = service(autoscaled=True)
    rg.deploy()
    scale(rg, 3)
    eventually("the third is ready", lambda: rg.is_ready("rg-2"))
    rg.unchanged()
    rg.refresh()
    rg.unchanged()
    rg.deploy(image="random-generator:2.0")
    assert rg.stateful_set().spec.replicas == 3
    assert [each["pod"] for each in rg.outputs()["instances"]] == ["rg-0", "rg-1", "rg-2"]
    assert {rg.http(pod, "/version").text.strip() for pod in rg.pods()} == {"2.0"}
    scale(rg, 1)
    eventually("one is left", lambda: sorted(rg.pods()) == ["rg-0"])
    rg.deploy(env={"LOG_FILE": "/opt/logs/random.log", "A": "b"}, volumes=[rg.args["volumes"][0] | {"size": "20Mi"}])
    assert sorted(rg.pods()) == ["rg-0"]
    assert [each["pod"] for each in rg.outputs()["instances"]] == ["rg-0"]


@pytest.mark.long
def test_a_recreation_keeps_what_an_autoscaler_did(service: Make) -> None:
    """Recreated, created after a lost state, and replaced: the number of instances stays the autoscaler's."""
    rg = service(autoscaled=True, persistent_volume_claim_retention_policy={"when_scaled": "Delete"})
    rg.deploy()
    scale(rg, 4)
    eventually("the fourth is ready", lambda: rg.is_ready("rg-3"))
    pods, claims = rg.uids(), {name: claim.metadata.uid for name, claim in rg.claims().items()}
    rg.deploy(recreate_keeping_pods=True, pod_management_policy="Parallel")
    assert (rg.stateful_set().spec.replicas, rg.uids()) == (4, pods)
    rg.deploy(recreate_keeping_pods=None)
    lose_the_state(rg)
    recovered(rg)
    assert (rg.stateful_set().spec.replicas, rg.uids()) == (4, pods)
    scale(rg, 3)
    eventually("three are left", lambda: sorted(rg.pods()) == ["rg-0", "rg-1", "rg-2"])
    urn = "urn:pulumi:test::test::stateful-service:index:StatefulService$kubernetes:apps/v1:StatefulSet::rg"
    assert "If Pulumi replaces it" in rg.must("preview", "--replace", urn)
    rg.up("--replace", urn)
    assert rg.stateful_set().spec.replicas == 3
    assert {name: claim.metadata.uid for name, claim in rg.claims().items()} == {
        name: uid for name, uid in claims.items() if name != "logs-rg-3"
    }


def scale(rg: Service, replicas: int) -> None:
    """Scales as an autoscaler does."""
    rg.client.patch(StatefulSetScale, "rg", {"spec": {"replicas": replicas}}, namespace=rg.namespace)
