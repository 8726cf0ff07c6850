"""P05, P11: the settings of Pulumi's provider that users have.

From 4.29 on the provider creates with a POST, which fails for what exists. Without server-side apply, older ones do so
too: here that stands in for the newer ones.
"""

import re
from collections.abc import Callable

import pytest
from faults import lose_the_state
from harness import Service, eventually

Make = Callable[..., Service]

SET = "urn:pulumi:test::test::stateful-service:index:StatefulService$kubernetes:apps/v1:StatefulSet::rg"
SERVER_SIDE_APPLY = "kubernetes:enableServerSideApply"


@pytest.fixture
def posting(service: Make) -> Make:
    """Creates the service for a provider that creates with a POST."""

    def make(**changes: object) -> Service:
        rg = service(**changes)
        rg.must("config", "set", SERVER_SIDE_APPLY, "false")
        return rg

    return make


def recover(rg: Service) -> None:
    """Runs one ``up`` with the setting that the preview names, and no other."""
    preview = rg.run("preview").stdout
    assert "already exists, and Pulumi's provider does not create what exists" in preview
    assert f"run pulumi up once with the configuration {SERVER_SIDE_APPLY}=true" in preview
    rg.must("config", "set", SERVER_SIDE_APPLY, "true")
    environment, rg.env = rg.env, {**rg.env, "PULUMI_K8S_UPSERT_EXISTING_OBJECTS": "true"}
    rg.up()
    rg.env = environment
    rg.must("config", "set", SERVER_SIDE_APPLY, "false")


def test_p05_the_whole_life_without_server_side_apply(posting: Make) -> None:
    """Manual edits are reported, also before the first update; updates, growth and a recreation succeed."""
    rg = posting()
    rg.up()
    claims = {name: claim.metadata.uid for name, claim in rg.claims().items()}
    written = {name: rg.write(name, 2) for name in rg.pods()}
    rg.kubectl("scale", "statefulset", "rg", "--replicas=3")
    eventually("the third is ready", lambda: rg.is_ready("rg-2"))
    rg.set(image="random-generator:2.0")
    assert "modified outside Pulumi: spec.replicas = 3 (field manager kubectl)" in rg.must("preview")
    rg.up()
    rg.refresh()
    rg.deploy(replicas=2)
    rg.deploy(volumes=[rg.args["volumes"][0] | {"size": "20Mi"}])
    assert {each.status.capacity["storage"] for name, each in rg.claims().items() if name in claims} == {"20Mi"}
    pods = rg.uids()
    rg.deploy(recreate_keeping_pods=True, pod_management_policy="Parallel")
    assert rg.uids() == pods
    rg.deploy(recreate_keeping_pods=None)
    rg.refresh()
    rg.unchanged()
    rg.destroy()
    rg.up()
    assert {name: claim.metadata.uid for name, claim in rg.claims().items() if name in claims} == claims
    assert {name: rg.log(name)[:2] for name in written} == written


CHANGES: list[dict[str, object]] = [
    # Pulumi's provider replaces a StatefulSet for a change of these; the component leaves them out of the comparison.
    {"pod_management_policy": "Parallel", "recreate_keeping_pods": True},
    {"revision_history_limit": 10},
    {"revision_history_limit": 5},
    {"volumes": [{"name": "logs", "mount_path": "/opt/logs", "size": "20Mi", "labels": {"a": "b"}}]},
    {"volumes": [], "recreate_keeping_pods": True},
    # And for none of these.
    {"image": "random-generator:2.0"},
    {"replicas": 3},
    {"update_strategy": "OnDelete"},
    {"min_ready_seconds": 0},
    {"persistent_volume_claim_retention_policy": {"when_scaled": "Delete"}},
    {"labels": {"a": "b"}, "annotations": {"a": "b"}},
    {"secret_env": {"PASSWORD": "new"}},
]


def test_p11_pulumi_replaces_the_stateful_set_for_no_change(service: Make) -> None:
    """A field added, removed or changed: an update in place, whatever the provider's own rules are."""
    rg = service(secret_env={"PASSWORD": "old"})
    rg.up()
    # Until the first update, a provider from 4.29 on does not own the fields that it created (docs/versions.md).
    rg.deploy(annotations={"updated": "once"})
    for change in CHANGES:
        original = dict(rg.args)
        rg.set(**change)
        said = rg.must("preview")
        assert not re.search(r"StatefulSet rg (replace|create|delete)", said), (change, said)
        # Pulumi does not tell some defaults that are written out from those that are not.
        assert "StatefulSet rg update" in said or change == {"min_ready_seconds": 0}, (change, said)
        rg.args = original


def test_p11_a_lost_state_is_recovered_with_the_setting_that_the_preview_names(posting: Make) -> None:
    """All objects of the component exist: none is changed, and an update succeeds afterwards."""
    rg = posting(load_balancer={"port": 80}, secret_env={"PASSWORD": "first"}, min_available=1, network_policy={})
    rg.up()
    pods, live = rg.uids(), rg.stateful_set().metadata.uid
    lose_the_state(rg)
    rg.must("config", "set", SERVER_SIDE_APPLY, "false")
    assert "already exists" in rg.must_fail("up", "--yes", "--skip-preview")
    assert (rg.uids(), rg.stateful_set().metadata.uid) == (pods, live)
    recover(rg)
    assert (rg.uids(), rg.stateful_set().metadata.uid) == (pods, live)
    rg.unchanged()
    rg.deploy(image="random-generator:2.0", load_balancer=None, network_policy=None)
    rg.unchanged()


def test_p11_a_creation_that_pulumi_does_not_know_of_is_recovered(posting: Make) -> None:
    """As after a pulumi up that was killed while it created the StatefulSet."""
    rg = posting()
    rg.up()
    pods = rg.uids()
    rg.must("state", "delete", "--yes", SET)
    recover(rg)
    assert rg.uids() == pods
    rg.unchanged()
