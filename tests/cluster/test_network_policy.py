"""``network_policy`` with real traffic: what is admitted, what is not, and what always is."""

from collections.abc import Callable

import pytest
from harness import CommandError, Service, eventually
from lightkube.models.core_v1 import Container, PodSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Pod

CLIENTS = ("chosen", "other")


@pytest.fixture
def guarded(service: Callable[..., Service]) -> Service:
    """The service and two clients."""
    rg = service()
    rg.deploy()
    for name in CLIENTS:
        container = Container(name="client", image="random-generator:1.0")
        spec = PodSpec(containers=[container], terminationGracePeriodSeconds=1)
        rg.client.create(Pod(metadata=ObjectMeta(name=name, namespace=rg.namespace, labels={"app": name}), spec=spec))
    eventually("the clients are ready", lambda: all(rg.is_ready(name) for name in CLIENTS))
    return rg


def gets_in(rg: Service, source: str, target: str) -> bool:
    """Whether a request from one Pod to another is answered, before a timeout."""
    try:
        rg.get_from(source, f"http://{rg.pod(target).status.podIP}:8080/healthz")
    except CommandError as failed:
        if "Client.Timeout" not in str(failed):
            raise
        return False
    return True


def let_in(rg: Service, source: str, target: str) -> None:
    """Waits until one Pod reaches another."""
    eventually(f"{source} reaches {target}", lambda: gets_in(rg, source, target))


def kept_out(rg: Service, source: str, target: str) -> None:
    """Waits until one Pod does not reach another."""
    eventually(f"{source} does not reach {target}", lambda: not gets_in(rg, source, target))


def choose(rg: Service, *apps: str) -> None:
    """Admits only the instances themselves and these clients."""
    rg.deploy(network_policy={"clients": [{"pod_labels": {"app": app}, "ports": ["http"]} for app in apps]})


def test_only_peers_and_chosen_clients_get_in(guarded: Service) -> None:
    """Under a policy the peers, a chosen client and the node reach an instance, and another client does not."""
    rg = guarded
    for client in CLIENTS:
        let_in(rg, client, "rg-0")

    choose(rg, "chosen")
    for instance in ("rg-0", "rg-1"):
        kept_out(rg, "other", instance)
        let_in(rg, "chosen", instance)
    let_in(rg, "rg-0", "rg-1")
    let_in(rg, "rg-1", "rg-0")
    let_in(rg, "rg-0", "other")
    assert rg.http("rg-0").status_code == 200

    choose(rg, "other")
    let_in(rg, "other", "rg-0")
    kept_out(rg, "chosen", "rg-0")

    rg.deploy(network_policy={"clients": [{"namespace": rg.namespace}]})
    let_in(rg, "chosen", "rg-0")
    rg.deploy(network_policy=None)
    let_in(rg, "other", "rg-1")


def test_the_kubelet_still_looks_under_a_policy(guarded: Service) -> None:
    """Probes come from the node, which no policy denies: an instance changes from ready to not ready and back."""
    rg = guarded
    choose(rg)
    kept_out(rg, "chosen", "rg-0")
    rg.http("rg-0", "/ready?state=off", "PUT").raise_for_status()
    eventually("rg-0 is not ready", lambda: not rg.is_ready("rg-0"))
    rg.http("rg-0", "/ready?state=on", "PUT").raise_for_status()
    eventually("rg-0 is ready again", lambda: rg.is_ready("rg-0"))
    rg.replace_pod("rg-0")
    kept_out(rg, "chosen", "rg-0")
