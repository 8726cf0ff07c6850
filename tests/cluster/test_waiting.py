"""P08, P10: what up waits for, what is known before, and Pods that would block the version that fixes them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness import CHAPTER, SOON, Service, eventually
from lightkube.resources.core_v1 import Service as KubernetesService
from test_rollouts import NEW, images

Make = Callable[..., Service]

NEVER_READY = {"http_get": {"path": "/nothing-here", "port": "http"}, "period_seconds": 1}

_WITH_AN_INIT_JOB = """\
import json
import pulumi
import pulumi_kubernetes as kubernetes
from pathlib import Path
from pulumi_stateful_service import StatefulService

args = json.loads(Path("args.json").read_text())
rg = StatefulService("rg", args)
address = rg.instances[0]["address"]
kubernetes.batch.v1.Job(
    "init",
    metadata={"name": "init", "namespace": args["namespace"]},
    spec={
        "backoffLimit": 4,
        "template": {
            "spec": {
                "restartPolicy": "Never",
                "containers": [
                    {
                        "name": "init",
                        "image": args["image"],
                        "command": ["/random-generator", "get", pulumi.Output.concat("http://", address, ":8080/")],
                    }
                ],
            },
        },
    },
    opts=pulumi.ResourceOptions(depends_on=[rg]),
)
pulumi.export("address", rg.ready_address)
"""


def test_p08_instances_that_something_else_initializes(service: Make) -> None:
    """As Vault and CockroachDB start: a Job that depends on the component reaches instances that are not ready."""
    rg = service(
        pod_management_policy="Parallel",
        wait_for="Running",
        publish_not_ready_addresses=True,
        readiness_probe=NEVER_READY,
        load_balancer={"port": 80},
        rollout_timeout_seconds=60,
    )
    (rg.folder / "__main__.py").write_text(_WITH_AN_INIT_JOB)
    rg.up()
    assert rg.outputs()["address"].startswith("random-generator.")
    assert not rg.is_ready("rg-0")
    # The provider has waited for the Job: it has had its number.
    assert len(rg.log("rg-0")) == 1
    rg.unchanged()


def test_p08_nothing_is_waited_for_on_request(service: Make) -> None:
    """An image that does not exist: up ends at once, and a later one that waits says what is wrong."""
    rg = service(wait_for="Created", image="nothing-of-this-name:1.0", image_pull_policy="Never")
    rg.up()
    assert rg.outputs()["instances"][0]["pod"] == "rg-0"
    rg.set(wait_for=None, rollout_timeout_seconds=SOON)
    said = rg.must_fail("up", "--yes", "--skip-preview")
    assert "rg-0: container app: ErrImageNeverPull" in said


@pytest.mark.long
def test_p08_running_is_enough_where_it_is_asked_for(service: Make) -> None:
    """Instances that never become ready: up ends when their containers run."""
    rg = service(pod_management_policy="Parallel", wait_for="Running", readiness_probe=NEVER_READY)
    rg.up()
    assert all(status.state.running for pod in rg.pods().values() for status in pod.status.containerStatuses)
    rg.deploy(image=NEW)
    assert "2.0" in images(rg).values()


def test_services_for_clients_come_first_on_request(service: Make) -> None:
    """An instance that is not ready resolves its own Service, which reaches it."""
    exposed = {"before_instances": True, "publish_not_ready_addresses": True}
    rg = service(
        load_balancer={"port": 80, **exposed},
        instance_services=exposed,
        pod_management_policy="Parallel",
        readiness_probe=NEVER_READY,
        rollout_timeout_seconds=SOON,
    )
    rg.must_fail("up", "--yes", "--skip-preview")
    found: Any = rg.client.list(KubernetesService, namespace=rg.namespace)
    assert {each.metadata.name for each in found} == {"random-generator", "random-generator-lb", "rg-0", "rg-1"}
    eventually("the instance answers", lambda: rg.get_from("rg-0", "http://random-generator-lb/version"))
    rg.deploy(readiness_probe=CHAPTER["readiness_probe"], rollout_timeout_seconds=None)
    assert rg.outputs()["load_balancer_address"].startswith("random-generator-lb.")
    rg.unchanged()


def test_p08_an_instance_that_is_not_ready_any_more_is_replaced_on_request(service: Make) -> None:
    """kubernetes#67250 in its second form: it was ready once, so up does not delete it without replace_unready."""
    rg = service(replicas=2)
    rg.up()
    before = rg.uids()
    rg.http("rg-0", "/ready?state=off", "PUT").raise_for_status()
    eventually("rg-0 is not ready", lambda: not rg.is_ready("rg-0"))
    rg.set(image=NEW, rollout_timeout_seconds=SOON)
    said = rg.must_fail("up", "--yes", "--skip-preview")
    assert "rg-0: running but not ready" in said
    # Nor is rg-1 evicted, which is ready and waits for its turn.
    assert rg.uids() == before
    said = rg.deploy(replace_unready=True, rollout_timeout_seconds=None)
    assert "rg-0 has an outdated revision and is not ready any more, so it is replaced" in said
    assert images(rg) == {"rg-0": "2.0", "rg-1": "2.0"}
    rg.unchanged()


@pytest.mark.long
def test_p08_an_instance_that_crashes_again_and_again_is_replaced(service: Make) -> None:
    """Ready for a while, then in a crash loop: up with the next version deletes it."""
    rg = service(replicas=2, liveness_probe={**CHAPTER["readiness_probe"], "period_seconds": 1})
    rg.up()
    claim = rg.claims()["logs-rg-0"]
    # A folder where the program writes its file: it ends at every start.
    folder = Path(rg.client.get(_volume_type(), str(claim.spec.volumeName)).spec.hostPath.path)
    (folder / "random.log").unlink(missing_ok=True)
    (folder / "random.log").mkdir()
    rg.http("rg-0", "/ready?state=off", "PUT").raise_for_status()
    eventually("rg-0 crashes", lambda: _is_crash_looping(rg, "rg-0"))
    said = rg.deploy(image=NEW, env={**CHAPTER["env"], "LOG_FILE": "/opt/logs/other.log"}, rollout_timeout_seconds=None)
    assert "rg-0 has an outdated revision and crashes again and again, so it is replaced" in said
    assert images(rg) == {"rg-0": "2.0", "rg-1": "2.0"}


def _is_crash_looping(rg: Service, name: str) -> bool:
    [status] = rg.pods()[name].status.containerStatuses
    return bool(status.state.waiting and status.state.waiting.reason == "CrashLoopBackOff")


def _volume_type() -> Any:
    from lightkube.resources.core_v1 import PersistentVolume  # noqa: PLC0415 - read once

    return PersistentVolume
