"""What a transform must leave alone: identity where the StatefulSet is created, the component's notes always."""

from typing import Any

import pytest
from pulumi_stateful_service.foundation.names import COMPONENT_LABEL, IDENTITY_ANNOTATION
from pulumi_stateful_service.foundation.outputs import UNKNOWN
from pulumi_stateful_service.live.before.refusals.transforms import transform_refusals

NOTES = {IDENTITY_ANNOTATION: "{}", "pulumi.com/waitFor": "x", "example.org/team": "storage"}


def a_set(annotations: dict[str, Any] | None = None, label: str = "c", **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "db", "labels": {COMPONENT_LABEL: label}, "annotations": annotations or NOTES},
        "spec": {"serviceName": "db", "volumeClaimTemplates": [{"metadata": {"name": "data"}}], **spec},
    }


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        ({"serviceName": "x"}, "serviceName from 'db' to 'x': use the argument service_name"),
        ({"podManagementPolicy": "Parallel"}, "use the argument pod_management_policy"),
        ({"volumeClaimTemplates": [{"metadata": {"name": "data", "labels": {"a": "b"}}}]}, "use the argument volumes"),
        ({"selector": {"matchLabels": {}}}, "use the argument selector"),
    ],
)
def test_identity_is_compared_where_the_set_is_created(spec: Any, named: str) -> None:
    """Later the engine sends what its state has of these fields."""
    [refusal] = transform_refusals(a_set(), a_set(**spec), created=True)
    assert named in refusal
    assert transform_refusals(a_set(), a_set(**spec), created=False) == []


def test_the_namespace_of_the_provider_is_no_transform() -> None:
    """It fills it in where the arguments have none."""
    sent, other = a_set(), a_set()
    sent["metadata"]["namespace"] = "prod"
    other["metadata"]["namespace"] = "dev"
    assert transform_refusals(a_set(), sent, created=True) == []
    assert len(transform_refusals(sent, other, created=True)) == 1


@pytest.mark.parametrize(("size", "sent"), [("10240Ki", "10Mi"), ("1.5Gi", "1536Mi"), ("1000M", "1G"), ("1Gi", "1Gi")])
def test_a_quantity_that_the_provider_writes_in_its_own_way_is_the_same(size: str, sent: str) -> None:
    """And what it leaves out because it is empty; another size is another one."""

    def with_size(storage: str, **metadata: Any) -> dict[str, Any]:
        spec = {"resources": {"requests": {"storage": storage}}}
        return a_set(volumeClaimTemplates=[{"metadata": {"name": "data", **metadata}, "spec": spec}])

    assert transform_refusals(with_size(size, labels={}), with_size(sent), created=True) == []
    assert len(transform_refusals(with_size(size), with_size("2Gi"), created=True)) == 1


def test_what_is_not_known_yet_is_not_compared() -> None:
    """In a preview."""
    assert transform_refusals(a_set(), a_set(serviceName=UNKNOWN), created=True) == []


@pytest.mark.parametrize("created", [True, False])
def test_the_components_notes_stay(created: bool) -> None:
    """Removed or changed they would tell something wrong later; other annotations are the user's."""
    without = {key: value for key, value in NOTES.items() if key != "pulumi.com/waitFor"}
    [removed] = transform_refusals(a_set(), a_set(without), created=created)
    assert "removes the annotation pulumi.com/waitFor" in removed
    [changed] = transform_refusals(a_set(), a_set({**NOTES, IDENTITY_ANNOTATION: "[]"}), created=created)
    assert f"changes the annotation {IDENTITY_ANNOTATION}" in changed
    [label] = transform_refusals(a_set(), a_set(label="x"), created=created)
    assert COMPONENT_LABEL in label
    assert not transform_refusals(a_set(), a_set({**NOTES, "example.org/team": "other"}), created=created)


def test_images_replicas_and_labels_are_for_transforms() -> None:
    """They are judged as they are sent."""
    assert transform_refusals(a_set(), a_set(replicas=5, template={"spec": {}}), created=True) == []
