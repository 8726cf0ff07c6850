"""Changes to a set that is there: refused with the way out, made safe, or said for what they are."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi_stateful_service.foundation.names import SIZES_ANNOTATION
from pulumi_stateful_service.live.change_rules import (
    dropped_by_api_server,
    judge_change,
    judge_name,
    modified_outside_pulumi,
    sizes,
)
from pulumi_stateful_service.live.claim_growth import Growth, cannot_grow, claim_sizes, claims_to_grow, pending_resize


def a_set(**volumes: Any) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "selector": {"matchLabels": {"app.kubernetes.io/name": "rg"}},
        "serviceName": "random-generator",
        "podManagementPolicy": "OrderedReady",
        "volumeClaimTemplates": [
            {
                "metadata": {"name": name},
                "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}},
            }
            for name, size in volumes.items()
        ],
    }
    return {"metadata": {"name": "rg"}, "spec": spec}


def changed(of: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {**of, "spec": {**of["spec"], **fields}}


def with_template_field(of: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    [template] = of["spec"]["volumeClaimTemplates"]
    return changed(of, volumeClaimTemplates=[{**template, "spec": {**template["spec"], name: value}}])


def test_no_change_is_safe() -> None:
    """A set as it is, with what the API server filled in, is neither refused nor warned about."""
    live = with_template_field(a_set(logs="10Mi"), "volumeMode", "Filesystem")
    judgement = judge_change(live, a_set(logs="10Mi"), may_recreate=True)
    assert (judgement.refusals, judgement.warnings, judgement.recreate) == ([], [], False)


def scaled_by(manager: str, ours: str = "pulumi-stateful-service.rg") -> dict[str, Any]:
    """A set that was applied with three instances, then scaled by somebody to five and given another image."""
    live = changed(
        a_set(logs="10Mi"), replicas=5, template={"spec": {"containers": [{"name": "app", "image": "rg:hot-fix"}]}}
    )
    replicas: dict[str, Any] = {"f:replicas": {}}
    of_the_container: dict[str, Any] = {'k:{"name":"app"}': {".": {}, "f:image": {}}}
    image = {"f:template": {"f:spec": {"f:containers": of_the_container}}}
    partition: dict[str, Any] = {"f:updateStrategy": {"f:rollingUpdate": {"f:partition": {}}}}
    live["metadata"]["managedFields"] = [
        {"manager": ours, "operation": "Apply", "fieldsV1": {"f:spec": partition}},
        {"manager": manager, "operation": "Update", "subresource": "scale", "fieldsV1": {"f:spec": replicas}},
        {"manager": "kubectl-set", "operation": "Update", "fieldsV1": {"f:spec": {**image, **partition}}},
        {
            "manager": "other",
            "operation": "Update",
            "subresource": "status",
            "fieldsV1": {"f:spec": {"f:replicas": {}}},
        },
    ]
    return live


def test_what_others_changed_is_named() -> None:
    """Which field, its value and who changed it, and what to do; what is owned together is nobody's change."""
    assert modified_outside_pulumi(scaled_by("kubectl"), autoscaled=False) == [
        "replicas is 5 (by kubectl)",
        "image of app is rg:hot-fix (by kubectl-set)",
    ]
    [warning] = judge_change(scaled_by("kubectl"), a_set(logs="10Mi"), may_recreate=False).warnings
    assert "replicas is 5 (by kubectl)" in warning
    assert "run pulumi refresh and then pulumi up" in warning


def test_what_an_autoscaler_decides_is_no_change() -> None:
    """With autoscaled the number of instances is an autoscaler's; the image is not."""
    live = scaled_by("kube-controller-manager")
    assert modified_outside_pulumi(live, autoscaled=True) == ["image of app is rg:hot-fix (by kubectl-set)"]


def test_a_set_that_the_component_did_not_apply_has_no_changes() -> None:
    """Where all fields are somebody else's, nothing tells what was changed since."""
    assert modified_outside_pulumi(scaled_by("kubectl", ours="helm"), autoscaled=False) == []


@pytest.mark.parametrize(("before", "after"), [("20Mi", "10Mi"), ("20Mi", "20971519"), ("1Gi", "1G")])
def test_shrinking_is_refused(before: str, after: str) -> None:
    """A smaller size is refused, however it is written, and the message says what to keep."""
    [refusal] = judge_change(a_set(logs=before), a_set(logs=after), may_recreate=True).refusals
    assert f"volume 'logs': size shrinks from {before} to {after}" in refusal
    assert f"Keep {before}" in refusal


def test_shrinking_below_what_was_last_asked_is_refused() -> None:
    """The set's template keeps the first size; what counts is the size that was asked for last."""
    live = a_set(logs="10Mi")
    live["metadata"]["annotations"] = {SIZES_ANNOTATION: '{"logs": "30Mi"}'}
    assert sizes(live) == {"logs": "30Mi"}
    [refusal] = judge_change(live, a_set(logs="20Mi"), may_recreate=False).refusals
    assert "from 30Mi to 20Mi" in refusal
    assert not judge_change(live, a_set(logs="30720Ki"), may_recreate=False).refusals
    assert not judge_change(live, a_set(logs="40Mi"), may_recreate=False).refusals


@pytest.mark.parametrize(
    ("api_field", "value", "argument"),
    [
        ("storageClassName", "other", "storage_class_name"),
        ("accessModes", ["ReadWriteMany"], "access_modes"),
        ("volumeMode", "Block", "volume_mode"),
        ("volumeAttributesClassName", "gold", "volume_attributes_class_name"),
        ("selector", {"matchLabels": {"a": "b"}}, "selector"),
        ("dataSource", {"kind": "PersistentVolumeClaim", "name": "a"}, "data_source"),
    ],
)
def test_what_a_claim_keeps_for_life_is_refused(api_field: str, value: Any, argument: str) -> None:
    """Even with recreate: the claims that are there would stay as they are."""
    wanted = with_template_field(a_set(logs="10Mi"), api_field, value)
    [refusal] = judge_change(a_set(logs="10Mi"), wanted, may_recreate=True).refusals
    assert f"volume 'logs': {argument} changes from" in refusal
    assert "docs/storage.md" in refusal


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (a_set(logs="10Mi", more="1Gi"), "the volume 'more' is added"),
        (a_set(), "the volume 'logs' is removed (its claims stay)"),
    ],
)
def test_adding_or_removing_a_volume_needs_a_word(wanted: Any, message: str) -> None:
    """Refused with the way out, or made safe by making the set anew around its Pods."""
    [refusal] = judge_change(a_set(logs="10Mi"), wanted, may_recreate=False).refusals
    assert message in refusal
    assert "Set recreate to true for one pulumi up" in refusal
    judgement = judge_change(a_set(logs="10Mi"), wanted, may_recreate=True)
    assert judgement.recreate
    assert not judgement.refusals
    assert message in judgement.warnings[0]


@pytest.mark.parametrize(
    ("api_field", "value", "message"),
    [
        ("selector", {"matchLabels": {"a": "b"}}, "the selector changes"),
        ("serviceName", "other", "service_name changes from 'random-generator' to 'other'"),
    ],
)
def test_identity_is_kept(api_field: str, value: Any, message: str) -> None:
    """Selector and governing Service are refused in any case."""
    wanted = changed(a_set(logs="10Mi"), **{api_field: value})
    judgement = judge_change(a_set(logs="10Mi"), wanted, may_recreate=True)
    assert message in judgement.refusals[0]
    assert not judgement.recreate


def test_a_replacement_is_said_and_made_free_on_request() -> None:
    """Changing the policy stops all instances, unless the set may be made anew around them."""
    wanted = changed(a_set(logs="10Mi"), podManagementPolicy="Parallel")
    judgement = judge_change(a_set(logs="10Mi"), wanted, may_recreate=False)
    assert "replaces the StatefulSet: all instances stop" in judgement.warnings[0]
    assert not judgement.refusals
    assert judge_change(a_set(logs="10Mi"), wanted, may_recreate=True).recreate


def test_a_replacement_never_deletes_claims() -> None:
    """Where the policy deletes claims with the set, a replacement would: it is refused."""
    live = changed(a_set(logs="10Mi"), persistentVolumeClaimRetentionPolicy={"whenDeleted": "Delete"})
    wanted = changed(a_set(logs="10Mi"), podManagementPolicy="Parallel")
    [refusal] = judge_change(live, wanted, may_recreate=False).refusals
    assert "would delete the claims and the data" in refusal
    judgement = judge_change(live, wanted, may_recreate=True)
    assert judgement.recreate
    assert not judgement.refusals


def test_labels_of_claims_need_a_word() -> None:
    """A template's labels can't change in place; claims that are there keep theirs."""
    wanted = a_set(logs="10Mi")
    wanted["spec"]["volumeClaimTemplates"][0]["metadata"]["labels"] = {"tier": "gold"}
    [refusal] = judge_change(a_set(logs="10Mi"), wanted, may_recreate=False).refusals
    assert "the labels of new claims of the volume 'logs' change" in refusal
    assert judge_change(a_set(logs="10Mi"), wanted, may_recreate=True).recreate


def test_a_server_without_max_unavailable_is_said() -> None:
    """The API server drops a field that it does not know; the message names the feature."""
    live = changed(a_set(), updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 0}})
    assert "MaxUnavailableStatefulSet" in (dropped_by_api_server(live, "50%") or "")
    assert dropped_by_api_server(live, None) is None
    live["spec"]["updateStrategy"]["rollingUpdate"]["maxUnavailable"] = "50%"
    assert dropped_by_api_server(live, "50%") is None


def test_a_set_keeps_its_name() -> None:
    """A new name means empty disks: refused, with the claims that would be left behind."""
    [refusal] = judge_name(["rg"], "db", ["logs"])
    assert "name changes from 'rg' to 'db'" in refusal
    assert "logs-rg-0" in refusal
    assert not judge_name([], "db", ["logs"])
    assert not judge_name(["rg"], "db", [])


def a_claim(name: str, size: str, *, capacity: str | None = None, **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "spec": {"storageClassName": "standard", "resources": {"requests": {"storage": size}}},
        "status": {"phase": "Bound", "capacity": {"storage": capacity or size}, **status},
    }


def test_only_smaller_claims_grow() -> None:
    """A claim that somebody made larger is left alone, and so is one that is not the set's."""
    asked = claim_sizes("rg", {"logs": "20Mi"}, range(3))
    claims = [a_claim("logs-rg-0", "10Mi"), a_claim("logs-rg-1", "1Gi"), a_claim("logs-rg-2", "20480Ki")]
    assert claims_to_grow([*claims, a_claim("other-rg-0", "1Mi")], asked) == [Growth("logs-rg-0", "10Mi", "20Mi")]


def test_a_class_that_does_not_expand_is_named() -> None:
    """The message names the claims, the class, and what to do."""
    claims = [a_claim("logs-rg-0", "10Mi"), a_claim("logs-rg-1", "10Mi")]
    planned = claims_to_grow(claims, claim_sizes("rg", {"logs": "20Mi"}, range(2)))
    [refusal] = cannot_grow(planned, claims, {"standard": False})
    assert "logs-rg-0, logs-rg-1 cannot grow: the storage class 'standard' does not allow it" in refusal
    assert not cannot_grow(planned, claims, {"standard": True})
    del claims[0]["spec"]["storageClassName"]
    assert "without a storage class" in cannot_grow(planned[:1], claims, {})[0]


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        (a_claim("c", "20Mi"), None),
        (a_claim("c", "20Mi", capacity="10Mi"), "c (10Mi of 20Mi): waits for the storage driver"),
        (
            a_claim("c", "20Mi", capacity="10Mi", conditions=[{"type": "FileSystemResizePending", "status": "True"}]),
            "its file system is resized when a Pod mounts it",
        ),
        (
            a_claim(
                "c",
                "20Mi",
                capacity="10Mi",
                conditions=[{"type": "ControllerResizeError", "status": "True", "message": "no space"}],
            ),
            "c (10Mi of 20Mi): no space",
        ),
        (a_claim("c", "20Mi", capacity="0", phase="Pending"), "c: it has no volume yet"),
    ],
)
def test_what_a_claim_waits_for(claim: Any, expected: str | None) -> None:
    """The message tells the driver's part from the kubelet's."""
    said = pending_resize(claim, "20Mi")
    assert said is None if expected is None else expected in (said or "")


VOLUMES = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(1, 5).map(lambda n: f"{n}Mi"), max_size=3)


@given(st.lists(VOLUMES, min_size=2, max_size=6), st.booleans())
def test_no_sequence_of_accepted_changes_loses_a_claim(steps: list[dict[str, str]], may_recreate: bool) -> None:
    """Whatever volume lists follow each other: a claim that was made stays, and never gets smaller."""
    live = a_set(**steps[0])
    claims: dict[str, int] = {}

    def mounted(sizes_now: dict[str, str]) -> None:
        made = [a_claim(name, f"{size}Mi") for name, size in claims.items()]
        asked = claim_sizes("rg", sizes_now, range(2))
        claims.update({name: int(size[:-2]) for name, size in asked.items() if name not in claims})
        claims.update({growth.claim: int(growth.wanted[:-2]) for growth in claims_to_grow(made, asked)})

    mounted(steps[0])
    for step in steps[1:]:
        wanted = a_set(**step)
        judgement = judge_change(live, wanted, may_recreate=may_recreate)
        if judgement.refusals:
            continue
        before = dict(claims)
        same_volumes = sizes(live).keys() == sizes(wanted).keys()
        assert same_volumes or judgement.recreate, "a replacement must not be left to the provider"
        # In place the templates keep their first sizes; a set made anew has the wanted ones. Both note what was asked.
        live = live if same_volumes else wanted
        live["metadata"]["annotations"] = {SIZES_ANNOTATION: json.dumps(step)}
        mounted(step)
        assert all(claims[claim] >= size for claim, size in before.items())
