"""A slow API server, many services in one program, many checks at once, and a namespace that others fill.

What is compared is how often and how much the API server is asked, in place of seconds.
"""

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from api_server_proxy import Answered, Troubled, troubled
from faults import Make
from harness import Service
from lightkube.models.core_v1 import (
    Container,
    PersistentVolumeClaimSpec,
    PodSpec,
    VolumeResourceRequirements,
)
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.apps_v1 import StatefulSet
from lightkube.resources.core_v1 import PersistentVolumeClaim, Pod
from own_requests import OURS

LATENCY = 0.3
"""Seconds that each request takes longer."""
UP = ("up", "--yes", "--skip-preview")
PLAIN = """\
import json
from pathlib import Path
import pulumi
import pulumi_kubernetes as kubernetes

args = json.loads(Path("args.json").read_text())
labels = {"app": "plain"}
metadata = {"namespace": args["namespace"], "name": "plain"}
container = {"name": "app", "image": args["image"], "ports": [{"containerPort": 8080}]}
template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
governing = kubernetes.core.v1.Service(
    "governing", metadata=metadata, spec={"clusterIP": "None", "selector": labels, "ports": [{"port": 8080}]}
)
kubernetes.apps.v1.StatefulSet(
    "set",
    metadata=metadata,
    spec={"serviceName": "plain", "replicas": 0, "selector": {"matchLabels": labels}, "template": template},
    opts=pulumi.ResourceOptions(depends_on=[governing]),
)
"""
ALONE = """\
import json
from pathlib import Path
from pulumi_stateful_service import StatefulService

StatefulService("rg", json.loads(Path("args.json").read_text()))
"""


def longest_chain(answered: Iterable[Answered]) -> int:
    """The most requests of which each was begun after the one before was answered: what latency is multiplied by.

    While something is waited for, the same is asked again: that counts once.
    """
    first = {(each.agent, each.method, each.path): each for each in reversed(list(answered))}
    chain, until = 0, 0.0
    for each in sorted(first.values(), key=lambda each: each.ended):
        if each.begun >= until:
            chain, until = chain + 1, each.ended
    return chain


def chains(rg: Service, between: Troubled) -> dict[str, int]:
    """The longest chain of each operation of a program."""
    found = {}
    for what, command in {"preview": ("preview",), "first up": UP, "unchanged up": UP}.items():
        between.answered.clear()
        rg.must(*command)
        found[what] = longest_chain(between.answered)
    return found


@pytest.mark.long
def test_few_requests_wait_for_each_other(service: Make, record_property: Callable[[str, object], None]) -> None:
    """With 300 ms for each request, one service takes little longer than the same objects in plain Pulumi."""
    plain, ours = service(replicas=0), service(replicas=0)
    found = {}
    for rg, program in ((plain, PLAIN), (ours, ALONE)):
        (rg.folder / "__main__.py").write_text(program)
        with troubled(rg, lambda *_: None) as between:
            between.latency = LATENCY
            found["plain" if rg is plain else "component"] = chains(rg, between)
    record_property("longest chains", found)
    most = {what: chain + MORE[what] for what, chain in found["plain"].items()}
    assert {what: chain for what, chain in found["component"].items() if chain > most[what]} == {}, found


MORE = {"preview": 4, "first up": 7, "unchanged up": 2}
"""How many requests longer the chains may be than those of plain Pulumi. A first ``up`` also looks while it waits."""

MANY = """\
import json
from pathlib import Path
from pulumi_stateful_service import StatefulService

args = json.loads(Path("args.json").read_text())
for number in range(args.pop("number")):
    StatefulService(f"rg-{number}", {**args, "service_name": f"rg-{number}"})
"""


@contextmanager
def many(service: Make, number: int, **args: Any) -> Iterator[Service]:
    """So many services in one program."""
    rg = service(**args)
    (rg.folder / "__main__.py").write_text(MANY)
    rg.set(number=number)
    yield rg


@pytest.mark.long
def test_two_hundred_services_in_one_program(service: Make, record_property: Callable[[str, object], None]) -> None:
    """All are created, and unchanged they share their looks."""
    with many(service, 200, replicas=0) as rg:
        rg.must("preview")
        rg.up()
        assert len(list(rg.client.list(StatefulSet, namespace=rg.namespace))) == 200
        with troubled(rg, lambda *_: None) as between:
            rg.must("preview", "--expect-no-changes")
            asked = [each for each in between.answered if each.agent.startswith(OURS)]
        record_property("requests", len(asked))
        assert len(asked) < 400, "by themselves, each would send two requests"


SIMULATED = {
    "spec": {
        "nodeSelector": {"type": "kwok"},
        "tolerations": [{"key": "kwok.x-k8s.io/node", "operator": "Exists"}],
    }
}


@pytest.mark.alone
@pytest.mark.long
@pytest.mark.usefixtures("three_simulated_nodes")
def test_forty_checks_at_once(service: Make) -> None:
    """The checks of forty services run side by side: no instance answers before all forty are asked."""
    number, all_asked = 40, threading.Event()
    asked: set[str] = set()
    answered_before: list[str] = []

    def answer(_number: int, _method: str, path: str) -> int | None:
        if "/proxy/" not in path:
            return None
        asked.add(path)
        if len(asked) == number:
            all_asked.set()
        return 200

    def hold(path: str) -> None:
        if "/proxy/" in path and not all_asked.wait(90):
            answered_before.append(path)

    check = {"http_get": {"path": "/check", "port": "http"}, "timeout_seconds": 300}
    with many(service, number, replicas=1, volumes=None, pod_template=SIMULATED) as rg:
        rg.up()
        rg.set(image="random-generator:2.0", rollout={"steps": [1], "checks": [check]})
        with troubled(rg, answer) as between:
            between.hold = hold
            rg.up()
    assert len(asked) == number
    assert not answered_before


OTHERS = int(os.environ.get("OTHERS", "10000"))
"""Pods of others in the namespace; a fifth as many claims."""


def others(rg: Service) -> None:
    """Pods that nobody schedules, and claims that nobody binds: what lists have is the same as of running ones."""
    container = Container(name="app", image="nothing", env=[])
    pod = PodSpec(containers=[container], nodeSelector={"there-is": "none"}, automountServiceAccountToken=False)
    asked = VolumeResourceRequirements(requests={"storage": "1Gi"})
    claim = PersistentVolumeClaimSpec(accessModes=["ReadWriteOnce"], storageClassName="none", resources=asked)
    for number in range(OTHERS):
        rg.client.create(Pod(metadata=ObjectMeta(name=f"other-{number}", namespace=rg.namespace), spec=pod))
        if number % 5 == 0:
            metadata = ObjectMeta(name=f"other-{number}", namespace=rg.namespace)
            rg.client.create(PersistentVolumeClaim(metadata=metadata, spec=claim))


@pytest.mark.long
def test_what_others_have_in_the_namespace_is_not_read(
    service: Make, record_property: Callable[[str, object], None]
) -> None:
    """With thousands of Pods and claims beside it, the API server's answers to the component are as large as before."""
    rg = service(replicas=2)
    rg.up()
    sizes: list[int] = []
    for image in ("random-generator:2.0", "random-generator:1.0"):
        if sizes:
            others(rg)
        rg.set(image=image)
        with troubled(rg, lambda *_: None) as between:
            rg.must("preview")
            asked = {each.path.partition("?")[0]: each.size for each in between.answered if each.agent.startswith(OURS)}
            rg.up()
        sizes.append(sum(asked.values()))
    record_property("bytes", sizes)
    assert sizes[1] < 1.2 * sizes[0], sizes
