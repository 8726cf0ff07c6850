"""Nothing is done that the engine has not decided: each mode of Pulumi, with a pending change of the StatefulSet.

Afterwards the StatefulSet, its Pods, its Services and its claims are what the engine's own word says they are.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from harness import CHAPTER, Service, eventually, only, watching
from lightkube.resources.core_v1 import Service as KubernetesService

Make = Callable[..., Service]

SET = "urn:pulumi:test::test::stateful-service:index:StatefulService$kubernetes:apps/v1:StatefulSet::rg"
GOVERNING = "urn:pulumi:test::test::stateful-service:index:StatefulService$kubernetes:core/v1:Service::rg-governing"
OTHER = "urn:pulumi:test::test::kubernetes:core/v1:ConfigMap::other"
BROKEN = "no-such-image:1"

PROGRAM = """\
import base64
import json
import os
from pathlib import Path

import pulumi
import pulumi_kubernetes as kubernetes
import yaml
from pulumi_stateful_service import StatefulService

args = json.loads(Path("args.json").read_text())
more = json.loads(Path("more.json").read_text())
kubernetes.core.v1.ConfigMap(
    "other", metadata={"name": "other", "namespace": args["namespace"]}, data={"version": more["other"]}
)
opts = pulumi.ResourceOptions(protect=more["protect"])
if more["server"]:
    kubeconfig = yaml.safe_load(Path(os.environ["KUBECONFIG"]).read_text().replace("127.0.0.1", more["server"]))
    cluster = kubeconfig["clusters"][0]["cluster"]
    if "certificate-authority" in cluster:
        authority = Path(cluster.pop("certificate-authority")).read_bytes()
    else:
        authority = base64.b64decode(cluster["certificate-authority-data"])
    cluster["certificate-authority-data"] = base64.b64encode(authority * more["authorities"]).decode()
    opts.provider = kubernetes.Provider("cluster", kubeconfig=yaml.safe_dump(kubeconfig))
rg = StatefulService("rg", args, opts)
pulumi.export("update_revision", rg.update_revision)
rg.update_revision.apply(lambda revision: pulumi.log.info(f"the revision is {revision}"))
"""


def program(rg: Service, **more: Any) -> None:
    """A program with the service and a ConfigMap, with further changes."""
    (rg.folder / "__main__.py").write_text(PROGRAM)
    (rg.folder / "more.json").write_text(
        json.dumps({"other": "1", "protect": False, "server": "", "authorities": 1, **more})
    )


def requested(rg: Service) -> dict[str, str]:
    return {name: claim.spec.resources.requests["storage"] for name, claim in rg.claims().items()}


def everything(rg: Service) -> dict[str, Any]:
    """What must not change: identities and generation of the StatefulSet, Pods, Services and claims."""
    live = rg.stateful_set()
    services: Any = rg.client.list(KubernetesService, namespace=rg.namespace)
    return {
        "set": (live.metadata.uid, live.metadata.generation),
        "pods": rg.uids(),
        "services": {each.metadata.name: each.metadata.uid for each in services},
        "claims": {name: claim.metadata.uid for name, claim in rg.claims().items()},
        "sizes": requested(rg),
    }


def logs(size: str) -> list[dict[str, Any]]:
    return [{"name": "logs", "mount_path": "/opt/logs", "size": size}]


PENDING: dict[str, dict[str, Any]] = {
    "a larger size": {"volumes": logs("20Mi")},
    "a recreation": {"recreate_keeping_pods": True, "pod_management_policy": "Parallel"},
    "a change that is refused": {"volumes": logs("5Mi")},
    "an image that does not exist": {"image": BROKEN, "rollout_timeout_seconds": 30},
}


def test_a_replacement_of_a_set_that_is_gone(service: Make) -> None:
    """As after a `pulumi up --replace` that was killed when it had deleted the set: the new one stays."""
    rg = service()
    program(rg)
    rg.up()
    lines = rg.write("rg-0", 2)
    rg.must("state", "taint", SET, "--yes")
    rg.kubectl("delete", "statefulset", "rg")
    rg.up()
    eventually("both instances are back", lambda: rg.is_ready("rg-0") and rg.is_ready("rg-1"))
    assert set(lines) <= set(rg.log("rg-0"))
    rg.unchanged()


def in_test_long(first: str, others: Iterable[Any]) -> list[Any]:
    """Pairs that `make test` leaves to `make test-long`: it has each half in another pair."""
    return [pytest.param(first, other, marks=pytest.mark.long) for other in others]


@pytest.mark.parametrize(
    ("mode", "pending"),
    [
        ("--target", "a recreation"),
        ("--target", "an image that does not exist"),
        ("--exclude", "a larger size"),
        *in_test_long("--target", ["a larger size", "a change that is refused"]),
        *in_test_long("--exclude", list(PENDING)[1:]),
    ],
)
def test_what_is_not_targeted_is_not_touched(service: Make, mode: str, pending: str) -> None:
    """Neither changed, nor waited for, nor refused; afterwards an up makes or refuses the change."""
    rg = service()
    program(rg)
    rg.up()
    before = everything(rg)
    rg.set(**PENDING[pending])
    program(rg, other="2")
    if mode == "--target":
        rg.up("--target", OTHER)
    else:
        rg.up("--exclude", SET, "--exclude", GOVERNING)
    assert everything(rg) == before


@pytest.mark.parametrize(
    "pending", [*list(PENDING)[:2], *(pytest.param(each, marks=pytest.mark.long) for each in list(PENDING)[2:])]
)
def test_a_refresh_with_the_program_changes_nothing(service: Make, pending: str) -> None:
    """Whatever the program asks for."""
    rg = service()
    program(rg)
    rg.up()
    before = everything(rg)
    rg.set(**PENDING[pending])
    rg.must("refresh", "--yes", "--skip-preview", "--run-program")
    assert everything(rg) == before


@pytest.mark.parametrize(
    ("how", "pending"),
    [
        ("--run-program", "nothing"),
        ("--run-program", "an image that does not exist"),
        ("", "nothing"),
        *in_test_long("--run-program", list(PENDING)[:-1]),
        *in_test_long("", PENDING),
    ],
)
def test_a_destroy_neither_waits_nor_judges(service: Make, how: str, pending: str) -> None:
    """Also for a service that never became ready: destroy ends, no Pod is left, and the claims stay."""
    rg = service()
    program(rg)
    rg.up()
    rg.set(**PENDING.get(pending, {}))
    if pending == "an image that does not exist":
        rg.must_fail("up", "--yes", "--skip-preview")
    claims = set(rg.claims())
    rg.must("destroy", "--yes", "--skip-preview", *filter(None, [how]))
    eventually("no Pod is left", lambda: not rg.pods())
    assert set(rg.claims()) == claims


def test_a_destroy_after_a_recreation_leaves_no_pod(service: Make) -> None:
    """With the argument still in the program."""
    rg = service()
    rg.up()
    rg.deploy(recreate_keeping_pods=True, pod_management_policy="Parallel")
    rg.destroy()
    eventually("no Pod is left", lambda: not rg.pods())


@pytest.mark.parametrize("preview", [True, pytest.param(False, marks=pytest.mark.long)])
def test_what_is_protected_is_not_recreated(service: Make, preview: bool) -> None:
    """Refused before anything is deleted, in the preview and without one."""
    rg = service()
    program(rg, protect=True)
    rg.up()
    before = everything(rg)
    rg.set(**PENDING["a recreation"])
    said = rg.must_fail(*(["preview"] if preview else ["up", "--yes", "--skip-preview"]))
    assert "the StatefulSet is protected" in said
    assert everything(rg) == before
    program(rg)
    rg.set(pod_management_policy=None, recreate_keeping_pods=None)
    rg.up()


def forced(rg: Service, how: str) -> Callable[..., str]:
    """The ``up`` in which the engine replaces the StatefulSet, or all objects, without a change of the program."""
    if how == "--replace":
        return lambda *options: rg.must("up", "--yes", *options, "--replace", SET, "--replace", GOVERNING)
    if how == "taint":
        for urn in (SET, GOVERNING):
            rg.must("state", "taint", "--yes", urn)
    elif how == "another address":
        program(rg, server="localhost")
    else:
        program(rg, server="127.0.0.1", authorities=2)
    return lambda *options: rg.must("up", "--yes", *options)


@pytest.mark.parametrize(
    "how",
    [
        *("--replace", "another address"),
        *(pytest.param(how, marks=pytest.mark.long) for how in ("taint", "another certificate authority")),
    ],
)
def test_a_forced_replacement_comes_back_on_its_claims(service: Make, how: str) -> None:
    """All Pods stop, then they start on their claims, with the data, and the next up has nothing to do."""
    rg = service()
    program(rg, server="127.0.0.1")
    rg.up()
    lines = rg.write("rg-0", 2)
    claims = everything(rg)["claims"]
    with watching(rg) as seen:
        forced(rg, how)()
        eventually("both instances are back", lambda: rg.is_ready("rg-0") and rg.is_ready("rg-1"))
        eventually("both were seen", lambda: len(only(seen, "added")) == 2)
    assert [event for event, _ in only(seen, "ending", "added")] == ["ending", "ending", "added", "added"]
    assert everything(rg)["claims"] == claims
    assert set(lines) <= set(rg.log("rg-0"))
    assert rg.client.get(KubernetesService, "random-generator", namespace=rg.namespace)
    rg.unchanged()
    assert rg.is_ready("rg-0")


def test_a_forced_replacement_during_a_canary_is_warned_of(service: Make) -> None:
    """The new StatefulSet has no earlier revision, so the instance that is held back starts with the new one."""
    rg = service()
    rg.up()
    rg.set(image="random-generator:2.0", canary=1)
    rg.up()
    assert "2.0" not in rg.pod("rg-0").spec.containers[0].image
    options = ("--replace", SET)
    warning = "start again on their claims, all with the new revision, those that are held back included"
    assert warning in rg.must("preview", *options)
    rg.must("up", "--yes", *options)
    eventually("both are back", lambda: rg.is_ready("rg-0") and rg.is_ready("rg-1"))
    assert "2.0" in rg.pod("rg-0").spec.containers[0].image


@pytest.mark.parametrize(
    ("how", "options"),
    [
        ("--replace", ()),
        ("taint", ("--skip-preview",)),
        ("another address", ("--skip-preview", "--continue-on-error")),
        *in_test_long("--replace", [("--skip-preview",), ("--skip-preview", "--continue-on-error")]),
        *in_test_long("taint", [(), ("--skip-preview", "--continue-on-error")]),
        *in_test_long("another address", [(), ("--skip-preview",)]),
    ],
)
def test_a_forced_replacement_that_would_delete_claims_is_refused(
    service: Make, how: str, options: tuple[str, ...]
) -> None:
    """With when_deleted Delete: the message says what to do, and nothing is deleted."""
    rg = service(persistent_volume_claim_retention_policy={"when_deleted": "Delete"})
    program(rg, server="127.0.0.1")
    rg.up()
    lines, claims = rg.write("rg-0", 2), everything(rg)["claims"]
    with pytest.raises(AssertionError, match=r"Kubernetes deletes .*PersistentVolumeClaims"):
        forced(rg, how)(*options)
    assert everything(rg)["claims"] == claims
    eventually("both instances are there", lambda: rg.is_ready("rg-0") and rg.is_ready("rg-1"))
    assert set(lines) <= set(rg.log("rg-0"))


def test_a_refusal_with_continue_on_error_deletes_nothing(service: Make) -> None:
    """The other resources are updated, the StatefulSet stays as it is."""
    rg = service()
    program(rg)
    rg.up()
    before = everything(rg)
    rg.set(**PENDING["a change that is refused"])
    program(rg, other="2")
    said = rg.must_fail("up", "--yes", "--skip-preview", "--continue-on-error")
    assert "from 10Mi to 5Mi" in said
    assert everything(rg) == before


def test_a_saved_plan_is_carried_out(service: Make) -> None:
    """The up does what the preview planned."""
    rg = service()
    rg.env = {**rg.env, "PULUMI_EXPERIMENTAL": "true"}
    rg.up()
    rg.set(**PENDING["a larger size"])
    rg.must("preview", "--save-plan", "plan.json")
    rg.must("up", "--yes", "--skip-preview", "--plan", "plan.json")
    assert set(requested(rg).values()) == {"20Mi"}


@pytest.mark.long
def test_an_up_continues_what_the_previous_one_did_not_complete(service: Make) -> None:
    """Without a change of the program: up fails while the rollout is incomplete, and the preview says so."""
    rg = service()
    rg.up()
    rg.set(image=BROKEN, rollout_timeout_seconds=20)
    rg.must_fail("up", "--yes", "--skip-preview")
    assert "~  kubernetes:apps/v1:StatefulSet rg update" in rg.must("preview")
    assert "rg-1" in rg.must_fail("up", "--yes", "--skip-preview")
    rg.deploy(image=CHAPTER["image"])
    rg.unchanged()


def test_what_only_the_change_will_tell_is_unknown(service: Make) -> None:
    """Revisions are unknown in the preview of a first up and of a change, and known without a change."""
    rg = service()
    program(rg)
    short = 'pulumi.export("short", rg.update_revision.apply(lambda r: r[:8]))\n'
    (rg.folder / "__main__.py").write_text(PROGRAM + short)
    assert "the revision is" not in rg.must("preview")
    rg.up()
    assert rg.outputs()["short"]
    assert "the revision is rg-" in rg.must("preview")
    rg.set(env={"A": "b"})
    assert "the revision is" not in rg.must("preview")


CONTENTS = 'Path(os.environ["KUBECONFIG"]).read_text()'
PROVIDERS = {
    "kubeconfig contents": f"kubernetes.Provider('c', kubeconfig={CONTENTS})",
    "kubeconfig path": "kubernetes.Provider('c', kubeconfig=os.environ['KUBECONFIG'])",
    "context": f"kubernetes.Provider('c', context=yaml.safe_load({CONTENTS})['current-context'])",
    "namespace": "kubernetes.Provider('c', namespace=args.pop('namespace'))",
    "nothing": "kubernetes.Provider('c')",
    "an output of a resource": "kubernetes.Provider('c', kubeconfig=kubernetes.core.v1.ConfigMap('k', metadata="
    f"{{'name': 'k', 'namespace': args['namespace']}}, data={{'k': {CONTENTS}}}).data.apply(lambda d: d['k']))",
}
EXPLICIT = """\
import json, os, yaml
from pathlib import Path
import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_stateful_service import StatefulService
args = json.loads(Path("args.json").read_text())


def unknown():
    async def unknown():
        return pulumi.output.UNKNOWN

    async def no():
        return False

    return pulumi.Output(set(), unknown(), no(), no())


provider = PROVIDER
rg = StatefulService("rg", args, pulumi.ResourceOptions(provider=provider))
"""
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"volumes": logs("5Mi")}, "size cannot be reduced from 10Mi to 5Mi"),
    ({"volumes": [{**logs("10Mi")[0], "storage_class_name": "other"}]}, "storage_class_name"),
    ({"volumes": [*logs("10Mi"), {"name": "more", "mount_path": "/opt/more", "size": "5Mi"}]}, "'more'"),
    ({"service_name": "other"}, "service_name"),
    ({"name": "db"}, "name cannot be changed from 'rg' to 'db'"),
    ({"selector": {"app": "x"}}, "selector"),
    ({"pod_management_policy": "Parallel"}, "pod_management_policy"),
]


@pytest.mark.parametrize(
    "kind",
    [
        *("kubeconfig contents", "namespace", "an output of a resource"),
        *(pytest.param(kind, marks=pytest.mark.long) for kind in ("kubeconfig path", "context", "nothing")),
    ],
)
def test_previews_refuse_with_every_kind_of_provider(service: Make, kind: str) -> None:
    """Each change that would strand or lose data, in the preview already."""
    rg = service()
    (rg.folder / "__main__.py").write_text(EXPLICIT.replace("PROVIDER", PROVIDERS[kind]))
    rg.up()
    before = everything(rg)
    for change, message in REFUSED:
        original = dict(rg.args)
        rg.set(**change)
        assert message in rg.must_fail("preview"), change
        rg.args = original
    rg.set()
    assert everything(rg) == before


def test_a_preview_of_a_cluster_that_does_not_exist_yet_says_what_was_not_checked(
    service: Make,
) -> None:
    """A kubeconfig that comes from a resource that does not exist yet."""
    rg = service()
    (rg.folder / "__main__.py").write_text(
        EXPLICIT.replace("PROVIDER", "kubernetes.Provider('c', kubeconfig=unknown())")
    )
    said = rg.must("preview")
    assert said.count("this change was not checked against the cluster") == 2  # as it goes on, and at the end
