"""The application's cluster is formed once: when the first instances run, and never again beside data that there are.

The application is a list on the disk of ``rg-0`` of who has formed its cluster.
"""

import base64
import signal
from collections.abc import Callable
from typing import Any

import pytest
from faults import MOMENTS, Running, Witness, recovered
from harness import Service, absent_as_none
from lightkube.resources.core_v1 import Secret
from lightkube.resources.core_v1 import Service as KubernetesService
from test_members import SHELL

Make = Callable[..., Service]

NOTE = "pulumi-stateful-service/cluster"
LIST = "/opt/logs/formed"
FORMED = ["sh", "-c", f"[ -e {LIST} ]"]
FORM: dict[str, Any] = {
    "command": ["sh", "-c", f"echo {{pod}} {{address}} >> {LIST}; echo key of {{ordinal}}; echo noise >&2"],
    "check": FORMED,
    "timeout_seconds": 5,
}
ON_TWO: dict[str, Any] = {**SHELL, "pod_management_policy": "Parallel", "publish_not_ready_addresses": True}


def formed_by(rg: Service) -> list[str]:
    """Who has formed the cluster, each time."""
    return rg.kubectl("exec", "rg-0", "--", "busybox", "cat", LIST).splitlines()


def noted(rg: Service) -> dict[str, str]:
    """The first words of the notes."""
    service: Any = rg.client.get(KubernetesService, "random-generator", namespace=rg.namespace)
    notes = {"Service": service.metadata.annotations.get(NOTE, "")}
    notes |= {name: (each.metadata.annotations or {}).get(NOTE, "") for name, each in rg.claims().items()}
    return {name: note.split(" ")[0] for name, note in notes.items()}


def test_p08_the_cluster_is_formed_once(service: Make) -> None:
    """Before any instance is ready; its output is in a Secret; and not again on claims that a service has left."""
    ready = {"exec": {"command": ["sh", "-c", f"[ -e {LIST} ] || [ $HOSTNAME != rg-0 ]"]}, "period_seconds": 1}
    form = {**FORM, "secret_name": "keys"}
    rg = service(**{**ON_TWO, "readiness_probe": ready}, form_cluster=form)
    assert "form_cluster runs when the first instances run" in rg.must("preview")
    said = rg.up()
    assert "form_cluster has formed the application's cluster in rg-0. What it printed is in Secret keys." in said
    assert "key of 0" not in said
    [formed] = formed_by(rg)
    assert formed == f"rg-0 rg-0.random-generator.{rg.namespace}.svc.cluster.local"
    secret: Any = rg.client.get(Secret, "keys", namespace=rg.namespace)
    assert base64.b64decode(secret.data["output"]) == b"key of 0\n"
    assert noted(rg) == {"Service": "formed", "logs-rg-0": "formed", "logs-rg-1": "formed"}
    rg.unchanged()

    rg.destroy()
    rg.set(form_cluster={**form, "check": ["false"]}, replicas=3)
    assert "form_cluster" not in rg.must("preview")
    rg.up()
    assert formed_by(rg) == [formed]
    assert noted(rg) == {"Service": "formed", "logs-rg-0": "formed", "logs-rg-1": "formed", "logs-rg-2": "formed"}
    rg.unchanged()
    again: Any = rg.client.get(Secret, "keys", namespace=rg.namespace)
    assert again.metadata.uid == secret.metadata.uid


@pytest.mark.long
def test_p08_a_first_up_that_is_killed_forms_the_cluster_once(service: Make) -> None:
    """At moments spread over it (``FAULT_MOMENTS``): the next one continues, and the command has run once."""
    rg = service(**ON_TWO, form_cluster=FORM)
    witness = Witness(rg)  # of when: this test deletes claims, which it would not forgive

    def afresh() -> None:
        assert len(formed_by(rg)) == 1
        rg.destroy()
        rg.kubectl("delete", "pvc", "--all")

    witness.start(writes=False)
    try:
        undisturbed = Running(rg, witness, "up")
        assert undisturbed.end() == 0, undisturbed.said
        for moment in range(MOMENTS):
            afresh()
            running = Running(rg, witness, "up")
            enough = round(undisturbed.happenings * (moment + 0.5) / MOMENTS)
            running.reach(lambda running=running, enough=enough: running.happenings >= enough)  # type: ignore[misc]
            running.send(signal.SIGKILL)
            recovered(rg)
            running.clear()
            assert set(noted(rg).values()) == {"formed"}
        afresh()
    finally:
        witness.stop()


@pytest.mark.long
def test_p08_a_first_up_that_is_killed_around_the_command_forms_the_cluster_once(service: Make) -> None:
    """Before it, while it runs, and before each note; what it has saved is in its Secret each time."""
    slow = ["sh", "-c", f"busybox sleep 1; echo {{pod}} >> {LIST}; busybox sleep 1"]
    form = {**FORM, "command": slow, "timeout_seconds": 8, "secret_name": "keys", "output": ["busybox", "cat", LIST]}
    rg = service(**ON_TWO, form_cluster=form)

    def has_formed() -> bool:
        return "formed" in rg.kubectl("exec", "rg-0", "--", "sh", "-c", "busybox ls /opt/logs || true")

    def stored() -> Any:
        secret: Any = rg.client.get(Secret, "keys", namespace=rg.namespace)
        return secret.data and base64.b64decode(secret.data["output"])

    moments: dict[str, Callable[[], object]] = {
        "the first instance runs": lambda: rg.is_ready("rg-0"),
        "the command begins": lambda: noted(rg)["Service"] == "forming",
        "the command has formed": lambda: rg.is_ready("rg-0") and has_formed(),
        "the output is stored": stored,
        "a claim is noted": lambda: noted(rg).get("logs-rg-0") == "formed",
        "the Service is noted": lambda: noted(rg)["Service"] == "formed",
    }
    for moment, condition in moments.items():
        rg.kill_up_when(moment, lambda condition=condition: absent_as_none(condition))  # type: ignore[misc]
        rg.up()
        assert formed_by(rg) == ["rg-0"], moment
        assert stored() == b"rg-0\n"
        rg.unchanged()
        rg.destroy()
        rg.kubectl("delete", "pvc", "--all")
        rg.kubectl("delete", "secret", "keys")
