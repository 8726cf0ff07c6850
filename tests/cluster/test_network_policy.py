"""A NetworkPolicy with real traffic: who gets in, who does not, and who always does."""

import subprocess
from collections.abc import Callable

import pytest
from harness import Service, eventually
from lightkube.models.core_v1 import Container, PodSpec
from lightkube.models.meta_v1 import LabelSelector, ObjectMeta
from lightkube.models.networking_v1 import (
    NetworkPolicyIngressRule,
    NetworkPolicyPeer,
    NetworkPolicyPort,
    NetworkPolicySpec,
)
from lightkube.resources.core_v1 import Pod
from lightkube.resources.networking_v1 import NetworkPolicy

CLIENTS = ("chosen", "other")
SELECTOR = {"app.kubernetes.io/instance": "rg"}


@pytest.fixture
def guarded(service: Callable[..., Service]) -> Service:
    """The service, and two clients beside it."""
    rg = service()
    rg.deploy()
    for name in CLIENTS:
        container = Container(name="client", image="random-generator:1.0")
        spec = PodSpec(containers=[container], terminationGracePeriodSeconds=1)
        rg.client.create(Pod(metadata=ObjectMeta(name=name, namespace=rg.namespace, labels={"app": name}), spec=spec))
    eventually("the clients are ready", lambda: all(rg.is_ready(name) for name in CLIENTS))
    return rg


def gets_in(rg: Service, source: str, host: str) -> bool:
    """Whether a request from inside a Pod is answered; one that is kept out never is, and gives up."""
    result = subprocess.run(
        ["kubectl", "exec", "--namespace", rg.namespace, source, "--"]
        + ["/random-generator", "get", f"http://{host}:8080/healthz"],
        env=rg.env,
        check=False,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0 or "Client.Timeout" in result.stderr, result.stderr
    return result.returncode == 0


def let_in(rg: Service, *apps: str) -> None:
    """Lets only the instances themselves and these clients in, at the named port."""
    peers = [SELECTOR, *({"app": app} for app in apps)]
    rule = NetworkPolicyIngressRule(
        from_=[NetworkPolicyPeer(podSelector=LabelSelector(matchLabels=labels)) for labels in peers],
        ports=[NetworkPolicyPort(port="http")],
    )
    spec = NetworkPolicySpec(podSelector=LabelSelector(matchLabels=SELECTOR), ingress=[rule])
    policy = NetworkPolicy(metadata=ObjectMeta(name="rg", namespace=rg.namespace), spec=spec)
    rg.client.apply(policy, field_manager="test")


def test_only_peers_and_chosen_clients_get_in(guarded: Service) -> None:
    """Under a policy the peers and a chosen client reach an instance, another client does not, and the node does."""
    rg = guarded
    instances = [f"rg-{ordinal}.random-generator" for ordinal in range(2)]
    for client in CLIENTS:
        eventually(f"{client} gets in without a policy", lambda client=client: gets_in(rg, client, instances[0]))

    let_in(rg, "chosen")
    for instance in instances:
        eventually(f"other is kept out of {instance}", lambda host=instance: not gets_in(rg, "other", host))
        assert gets_in(rg, "chosen", instance)
    assert gets_in(rg, "rg-0", instances[1])
    assert gets_in(rg, "rg-1", instances[0])
    assert rg.http("rg-0").status_code == 200

    let_in(rg, "other")
    eventually("other gets in", lambda: gets_in(rg, "other", instances[0]))
    eventually("chosen is kept out", lambda: not gets_in(rg, "chosen", instances[0]))

    rg.client.delete(NetworkPolicy, "rg", namespace=rg.namespace)
    eventually("chosen gets in without a policy", lambda: gets_in(rg, "chosen", instances[0]))


def test_the_kubelet_still_looks_under_a_policy(guarded: Service) -> None:
    """Probes come from the node, which no policy keeps out: an instance goes from ready to not ready and back."""
    rg = guarded
    let_in(rg)
    eventually("chosen is kept out", lambda: not gets_in(rg, "chosen", "rg-0.random-generator"))
    rg.http("rg-0", "/ready?state=off", "PUT").raise_for_status()
    eventually("rg-0 is not ready", lambda: not rg.is_ready("rg-0"))
    rg.http("rg-0", "/ready?state=on", "PUT").raise_for_status()
    eventually("rg-0 is ready again", lambda: rg.is_ready("rg-0"))
    rg.replace_pod("rg-0")
    eventually("chosen is kept out of the new one", lambda: not gets_in(rg, "chosen", "rg-0.random-generator"))
