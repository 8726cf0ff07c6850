"""Updates of the component's own StatefulSet: refused with what to do instead, made safe, or announced."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi_stateful_service.foundation.names import IDENTITY_ANNOTATION, SIZES_ANNOTATION
from pulumi_stateful_service.live.before.refusals.identity import name_refusals
from pulumi_stateful_service.live.before.refusals.terms import Terms
from pulumi_stateful_service.live.before.refusals.update import update_terms
from pulumi_stateful_service.live.state.claim_changes import claims_to_grow, shrink_refusals
from pulumi_stateful_service.live.state.field_managers import changes_outside_pulumi, owned_after_creation
from pulumi_stateful_service.live.state.stateful_set_fields import volume_sizes

RECREATED = (
    "the StatefulSet object is deleted with --cascade=orphan and created again; its Pods keep running and its "
    "PersistentVolumeClaims are kept"
)


def update(live: dict[str, Any], desired: dict[str, Any], *, recreate: bool = False, autoscaled: bool = False) -> Terms:
    return update_terms(live, desired, recreate_keeping_pods=recreate, autoscaled=autoscaled)


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


def changed(stateful_set: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {**stateful_set, "spec": {**stateful_set["spec"], **fields}}


def with_template_field(stateful_set: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    [template] = stateful_set["spec"]["volumeClaimTemplates"]
    return changed(stateful_set, volumeClaimTemplates=[{**template, "spec": {**template["spec"], name: value}}])


def test_an_update_without_changes_is_safe() -> None:
    """What the API server has filled in is no change."""
    live = changed(with_template_field(a_set(logs="10Mi"), "volumeMode", "Filesystem"), revisionHistoryLimit=10)
    assert update(live, a_set(logs="10Mi"), recreate=True) == Terms([], [], recreate=False)


def edited_by(manager: str, component: str = "pulumi-stateful-service.rg") -> dict[str, Any]:
    """A live StatefulSet that the component has applied; then another manager has changed replicas and an image."""
    live = changed(
        a_set(logs="10Mi"), replicas=5, template={"spec": {"containers": [{"name": "app", "image": "rg:hot-fix"}]}}
    )
    replicas: dict[str, Any] = {"f:replicas": {}}
    container: dict[str, Any] = {'k:{"name":"app"}': {"f:image": {}}}
    image = {"f:template": {"f:spec": {"f:containers": container}}}
    partition: dict[str, Any] = {"f:updateStrategy": {"f:rollingUpdate": {"f:partition": {}}}}
    own: dict[str, Any] = {"f:template": {"f:spec": {"f:containers": {'k:{"name":"app"}': {".": {}}}}}}
    applied = {"f:podManagementPolicy": {}, **partition, **own}
    live["metadata"]["managedFields"] = [
        {"manager": component, "operation": "Apply", "fieldsV1": {"f:spec": applied}},
        {"manager": manager, "operation": "Update", "subresource": "scale", "fieldsV1": {"f:spec": replicas}},
        {"manager": "kubectl-set", "operation": "Update", "fieldsV1": {"f:spec": {**image, **partition}}},
        {"manager": "other", "operation": "Update", "subresource": "status", "fieldsV1": {"f:spec": replicas}},
    ]
    return live


IMAGE_CHANGE = 'spec.template.spec.containers[name="app"].image = rg:hot-fix (field manager kubectl-set)'


def test_changes_outside_pulumi_are_named() -> None:
    """Field, value and field manager, and what to do. A field that the component owns too is not changed."""
    assert list(map(str, changes_outside_pulumi(edited_by("kubectl"), autoscaled=False))) == [
        "spec.replicas = 5 (field manager kubectl)",
        IMAGE_CHANGE,
    ]
    assert update(edited_by("kubectl"), changed(a_set(logs="10Mi"), replicas=3)).warnings == [
        (
            f"StatefulSet rg was modified outside Pulumi: spec.replicas = 5 (field manager kubectl), "  # noqa: S608 - no SQL
            f"{IMAGE_CHANGE}. The "
            "next update restores the program's value; if pulumi up shows no changes, run pulumi refresh first. If an "
            "autoscaler manages replicas, set autoscaled=True."
        )
    ]


def test_the_strategy_is_watched_too() -> None:
    """It decides which Pods get a new revision."""
    live = changed(a_set(), updateStrategy={"type": "OnDelete", "rollingUpdate": {"partition": 2}})
    strategy: dict[str, Any] = {"f:updateStrategy": {"f:type": {}, "f:rollingUpdate": {"f:partition": {}}}}
    live["metadata"]["managedFields"] = [
        {"manager": "pulumi-stateful-service.rg", "fieldsV1": {"f:spec": {}}},
        {"manager": "kubectl-edit", "fieldsV1": {"f:spec": strategy}},
    ]
    assert list(map(str, changes_outside_pulumi(live, autoscaled=False))) == [
        "spec.updateStrategy.rollingUpdate.partition = 2 (field manager kubectl-edit)",
        "spec.updateStrategy.type = OnDelete (field manager kubectl-edit)",
    ]


def test_fields_of_a_creation_become_the_components() -> None:
    """Those of the POST alone; nothing where the component has applied the object since, or nobody has posted it."""
    posted = {"manager": "pulumi-kubernetes", "operation": "Update", "fieldsV1": {"f:spec": {}}}
    status = {"manager": "kube-controller-manager", "operation": "Update", "subresource": "status"}
    applied = {"manager": "stateful-service-rg", "operation": "Apply", "fieldsV1": {"f:spec": {}}}
    assert owned_after_creation([posted, status], "stateful-service-rg") == [applied, status]
    assert owned_after_creation([posted, applied], "stateful-service-rg") is None
    assert owned_after_creation([status], "stateful-service-rg") is None


def test_replicas_are_an_autoscalers() -> None:
    """With autoscaled its changes are none; a change of the image is one, and the hint is left out."""
    live = edited_by("kube-controller-manager")
    assert list(map(str, changes_outside_pulumi(live, autoscaled=True))) == [IMAGE_CHANGE]
    [warning] = update(live, a_set(logs="10Mi"), autoscaled=True).warnings
    assert "autoscaler" not in warning


def test_a_stateful_set_that_the_component_has_not_applied_has_no_changes() -> None:
    """Nothing tells which of its fields were changed later."""
    assert changes_outside_pulumi(edited_by("kubectl", component="helm"), autoscaled=False) == []


def test_changes_before_the_first_update_are_named() -> None:
    """A set that Pulumi's provider has created by a POST is the provider's until the first update."""
    live = edited_by("kubectl", component="pulumi-kubernetes")
    assert [change.manager for change in changes_outside_pulumi(live, autoscaled=False)] == ["kubectl", "kubectl-set"]


@pytest.mark.parametrize(
    ("api_field", "value", "argument"),
    [
        ("storageClassName", "other", "storage_class_name"),
        ("accessModes", ["ReadWriteMany"], "access_modes"),
        ("volumeMode", "Block", "volume_mode"),
        ("selector", {"matchLabels": {"a": "b"}}, "selector"),
        ("dataSource", {"kind": "PersistentVolumeClaim", "name": "a"}, "data_source"),
    ],
)
def test_what_existing_claims_keep_cannot_be_changed(api_field: str, value: Any, argument: str) -> None:
    """Only with recreate_keeping_pods, for new claims: the existing ones stay as they are."""
    desired = with_template_field(a_set(logs="10Mi"), api_field, value)
    terms = update(a_set(logs="10Mi"), desired, recreate=True)
    assert terms.recreate
    assert f"volume 'logs': {argument} (" in terms.warnings[0]
    [refusal] = update(a_set(logs="10Mi"), desired).refusals
    assert f"volume 'logs': {argument} cannot be changed from" in refusal
    assert f"to {value!r}: existing PersistentVolumeClaims keep" in refusal
    assert "docs/storage.md" in refusal


def test_a_smaller_size_recreates_the_templates() -> None:
    """New claims would begin larger than asked for otherwise; a size above the templates' needs nothing."""
    noted = {"metadata": {"name": "rg", "annotations": {SIZES_ANNOTATION: json.dumps({"logs": "40Mi"})}}}
    live = a_set(logs="20Mi") | noted
    terms = update(live, a_set(logs="10Mi"), recreate=True)
    assert terms.recreate
    assert "volume 'logs': size ('20Mi' → '10Mi')" in terms.warnings[0]
    assert not update(live, a_set(logs="30Mi"), recreate=True).recreate
    assert not update(live, a_set(logs="10Mi")).recreate


@pytest.mark.parametrize(
    ("desired", "message"),
    [
        (a_set(logs="10Mi", more="1Gi"), "volume 'more' is added"),
        (a_set(), "volume 'logs' is removed (its PersistentVolumeClaims are kept)"),
    ],
)
def test_volumes_are_added_and_removed_with_recreate_keeping_pods(desired: Any, message: str) -> None:
    """Refused without it."""
    [refusal] = update(a_set(logs="10Mi"), desired, recreate=False).refusals
    assert refusal == (
        f"{message}: Kubernetes accepts this only in a new StatefulSet. To make it, set "
        f"recreate_keeping_pods=True for one "
        f"pulumi up: {RECREATED}."
    )
    terms = update(a_set(logs="10Mi"), desired, recreate=True)
    assert terms.recreate
    assert not terms.refusals
    assert terms.warnings == [f"{message}: {RECREATED}. Pods whose template changes are then replaced in turn."]


@pytest.mark.parametrize(
    ("api_field", "value", "message"),
    [
        ("selector", {"matchLabels": {"a": "b"}}, "selector cannot be changed from"),
        ("serviceName", "other", "service_name cannot be changed from 'random-generator' to 'other'"),
    ],
)
def test_identity_is_kept(api_field: str, value: Any, message: str) -> None:
    """Another selector or governing Service is refused, with recreate_keeping_pods too."""
    desired = changed(a_set(logs="10Mi"), **{api_field: value})
    terms = update(a_set(logs="10Mi"), desired, recreate=True)
    assert message in terms.refusals[0]
    assert not terms.recreate


def test_a_new_policy_needs_a_new_stateful_set() -> None:
    """Kubernetes refuses another Pod management policy in place; recreated around its Pods, none of them stops."""
    desired = changed(a_set(logs="10Mi"), podManagementPolicy="Parallel")
    [refusal] = update(a_set(logs="10Mi"), desired).refusals
    assert refusal.startswith("pod_management_policy (OrderedReady → Parallel): Kubernetes accepts this only in a new")
    assert update(a_set(logs="10Mi"), desired, recreate=True).recreate


def test_a_default_that_is_written_out_is_no_change() -> None:
    """Neither is one that is taken away again: the API server has the same value."""
    live = changed(a_set(logs="10Mi"), revisionHistoryLimit=10, podManagementPolicy="OrderedReady")
    desired = a_set(logs="10Mi")
    for spec in ({}, {"revisionHistoryLimit": 10}, {"podManagementPolicy": "OrderedReady"}):
        terms = update(live, changed(desired, **spec))
        assert not terms.refusals
        assert not terms.recreate


def numbered(start: int, replicas: int = 2, **volumes: str) -> dict[str, Any]:
    return changed(a_set(**(volumes or {"logs": "10Mi"})), replicas=replicas, ordinals={"start": start})


@pytest.mark.parametrize(
    ("live", "desired", "left_behind"),
    [
        (numbered(0), numbered(10), "rg-0, rg-1, which would be left behind in logs-rg-0, logs-rg-1"),
        (numbered(0), numbered(1), "rg-0, which would be left behind in logs-rg-0"),
        (numbered(5), numbered(4), "rg-6, which would be left behind in logs-rg-6"),
        (numbered(0, replicas=0), numbered(10), "rg-0, which would be left behind in logs-rg-0"),
        (numbered(0, replicas=9), numbered(10, replicas=9), "rg-0, rg-1, rg-2, rg-3 and so on, which would be"),
    ],
)
def test_the_ordinals_keep_their_start(live: Any, desired: Any, left_behind: str) -> None:
    """Claims are named after the ordinals: refused, like another name, with the claims that would be left behind."""
    for recreate in (False, True):
        [refusal] = update(live, desired, recreate=recreate).refusals
        before, after = live["spec"]["ordinals"]["start"], desired["spec"]["ordinals"]["start"]
        assert refusal.startswith(f"ordinals.start cannot be changed from {before} to {after}: ")
        assert left_behind in refusal
        assert f"Keep ordinals.start at {before}" in refusal


@pytest.mark.parametrize(
    ("live", "desired", "autoscaled"),
    [
        pytest.param(numbered(5), numbered(4, replicas=3), False, id="an instance is added at the beginning"),
        pytest.param(numbered(5), numbered(5, replicas=1), False, id="scaled down"),
        pytest.param(changed(numbered(0), volumeClaimTemplates=[]), numbered(9), False, id="no volumes"),
        pytest.param(numbered(1, replicas=3), numbered(0, replicas=4), False, id="all are kept"),
    ],
)
def test_ordinals_that_leave_no_claim_behind_may_change(live: Any, desired: Any, autoscaled: bool) -> None:
    """As when instances move from one cluster to another, one ordinal at a time."""
    desired = changed(desired, volumeClaimTemplates=live["spec"]["volumeClaimTemplates"])
    assert update(live, desired, autoscaled=autoscaled).refusals == []


def test_an_autoscalers_replicas_count_when_the_ordinals_change() -> None:
    """The program's number is not sent: five instances from 1 on would leave rg-0 behind and add rg-5."""
    live, desired = numbered(0, replicas=5), numbered(1, replicas=2)
    [refusal] = update(live, desired, autoscaled=True).refusals
    assert "no instance would use the data of rg-0, which" in refusal


@pytest.mark.parametrize("key", ["labels", "annotations"])
def test_labels_and_annotations_of_claims_need_no_new_stateful_set(key: str) -> None:
    """Those of a template cannot be changed: the claims themselves are."""
    desired = a_set(logs="10Mi")
    desired["spec"]["volumeClaimTemplates"][0]["metadata"][key] = {"tier": "gold"}
    terms = update(a_set(logs="10Mi"), desired)
    assert not terms.refusals
    assert not terms.recreate


def test_an_attributes_class_changes_but_does_not_go() -> None:
    """From none, from one to another; Kubernetes takes none from a claim."""
    gold = with_template_field(a_set(logs="10Mi"), "volumeAttributesClassName", "gold")
    silver = with_template_field(a_set(logs="10Mi"), "volumeAttributesClassName", "silver")
    assert not update(a_set(logs="10Mi"), gold).refusals
    assert not update(gold, silver).refusals
    [refusal] = update(gold, a_set(logs="10Mi")).refusals
    assert "volume_attributes_class_name cannot be removed" in refusal
    # The template keeps the first one, or none; the last one is noted.
    noted = a_set(logs="10Mi")
    note = json.dumps({"volumeClaimTemplates": silver["spec"]["volumeClaimTemplates"]})
    noted["metadata"]["annotations"] = {IDENTITY_ANNOTATION: note}
    [refusal] = update(noted, a_set(logs="10Mi")).refusals
    assert "Keep 'silver'" in refusal


def test_a_stateful_set_keeps_its_name() -> None:
    """Claims are named after it: refused, with the claims that would be left behind."""
    [refusal] = name_refusals(["rg"], "db", ["logs"])
    assert refusal.startswith("name cannot be changed from 'rg' to 'db': PersistentVolumeClaims are named after the")
    assert "left behind in logs-rg-0 and so on. Keep name='rg', or move the data" in refusal
    assert not name_refusals([], "db", ["logs"])
    assert not name_refusals(["rg"], "db", [])
    assert not name_refusals(["db"], "db", ["logs"])


VOLUMES = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(1, 5).map(lambda n: f"{n}Mi"), max_size=3)


def a_claim(name: str, size: str) -> dict[str, Any]:
    requests = {"requests": {"storage": size}}
    return {"metadata": {"name": name}, "spec": {"resources": requests}, "status": {"capacity": {"storage": size}}}


@given(st.lists(VOLUMES, min_size=2, max_size=6), st.booleans())
def test_no_sequence_of_accepted_updates_loses_a_claim(steps: list[dict[str, str]], recreate: bool) -> None:
    """Whatever volumes follow each other: an existing claim stays, and never gets smaller."""
    live = a_set(**steps[0])
    claims: dict[str, int] = {}

    def mount(volumes: dict[str, str]) -> None:
        existing = [a_claim(name, f"{size}Mi") for name, size in claims.items()]
        sizes = {f"{volume}-rg-{ordinal}": size for volume, size in volumes.items() for ordinal in range(2)}
        claims.update({name: int(size[:-2]) for name, size in sizes.items() if name not in claims})
        claims.update({growth.claim: int(growth.target[:-2]) for growth in claims_to_grow(existing, sizes)})

    mount(steps[0])
    for step in steps[1:]:
        desired = a_set(**step)
        terms = update(live, desired, recreate=recreate)
        existing = [a_claim(name, f"{size}Mi") for name, size in claims.items()]
        by_volume = {volume: [each for each in existing if each["metadata"]["name"][0] == volume] for volume in "abc"}
        if terms.refusals or shrink_refusals(volume_sizes(live), volume_sizes(desired), by_volume):
            continue
        before = dict(claims)
        same_volumes = volume_sizes(live).keys() == volume_sizes(desired).keys()
        assert same_volumes or terms.recreate, "a replacement must not be left to the provider"
        # In place the templates keep their first sizes; a recreated StatefulSet has the desired ones.
        live = live if same_volumes else desired
        live["metadata"]["annotations"] = {SIZES_ANNOTATION: json.dumps(step)}
        mount(step)
        assert all(claims[claim] >= size for claim, size in before.items())
