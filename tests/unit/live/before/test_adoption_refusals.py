"""Adoption of a StatefulSet, and existing objects that cannot become the component's."""

from typing import Any

import pytest
from pulumi_stateful_service.live.before.refusals.adoption import adoption_terms
from pulumi_stateful_service.live.before.refusals.conflicts import disruption_budget_refusals, service_refusals
from pulumi_stateful_service.live.before.refusals.owners import owner_warnings

LABELS = {"app": "db"}
PORT = {"name": "client", "port": 5432, "targetPort": "client"}
DESIRED = {"metadata": {"name": "db"}, "spec": {"selector": LABELS, "ports": [PORT]}}


def a_set(**spec: Any) -> dict[str, Any]:
    template = {"metadata": {"name": "data"}, "spec": {"resources": {"requests": {"storage": "1Gi"}}}}
    fields = {
        "replicas": 2,
        "selector": {"matchLabels": LABELS},
        "serviceName": "db",
        "podManagementPolicy": "OrderedReady",
        "volumeClaimTemplates": [template],
        **spec,
    }
    present = {key: value for key, value in fields.items() if value is not None}
    return {"metadata": {"name": "db", "namespace": "prod"}, "spec": present}


def test_a_stateful_set_of_others_is_refused() -> None:
    """Even where it is the same, with both ways out, and an address that users of the package can open."""
    terms = adoption_terms(a_set(), a_set(), adopt=False)
    assert terms.refusals == [
        (
            "StatefulSet prod/db already exists and is not managed by this component. To adopt it, set adopt=True "
            "(https://github.com/pulumi-stateful-service/pulumi-stateful-service/blob/main/docs/adoption.md). If the "
            "component, its parent, the project or the stack was renamed, add an alias: "
            'aliases=[pulumi.Alias(name="old")] or Alias(stack="old").'
        )
    ]
    assert not terms.recreate


def test_a_stateful_set_that_fits_is_adopted() -> None:
    """It is recreated, which is announced. A Pod management policy that cannot be changed in place may differ."""
    terms = adoption_terms(a_set(), a_set(podManagementPolicy="Parallel"), adopt=True)
    assert not terms.refusals
    assert terms.recreate
    assert terms.warnings == [
        (
            "StatefulSet prod/db is adopted: the StatefulSet object is deleted with --cascade=orphan "
            "and created again; its "
            "Pods keep running and its PersistentVolumeClaims are kept. Pods whose template changes "
            "are then replaced in "
            "turn."
        )
    ]


@pytest.mark.parametrize(
    ("live", "refusal"),
    [
        ({"replicas": 3}, "has replicas 3, and the program has 2. Adopt it as it is, and change replicas in a later"),
        ({"replicas": None, "ordinals": {"start": 1}}, "has replicas 1, and the program has 2"),
        ({"replicas": None, "ordinals": {"start": 1}}, "has ordinals.start 1, and the program has 0"),
        ({"volumeClaimTemplates": []}, "has volumes [], and the program has ['data']"),
        ({"serviceName": "other"}, "Keep service_name='other'"),
        ({"selector": {"matchLabels": {"app": "x"}}}, "Keep selector={'app': 'x'}"),
        ({"selector": {"matchLabels": LABELS, "matchExpressions": [{}]}}, "selects its Pods by matchExpressions"),
    ],
)
def test_what_does_not_fit_is_refused(live: Any, refusal: str) -> None:
    """With both values."""
    assert refusal in " ".join(adoption_terms(a_set(**live), a_set(), adopt=True).refusals)


def a_service(annotations: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    fields = {"selector": LABELS, "clusterIP": "None", "ports": [PORT], **spec}
    return {"metadata": {"name": "db", "namespace": "prod", "annotations": annotations or {}}, "spec": fields}


OURS = {"pulumi.com/patchFieldManager": "pulumi-stateful-service.db"}
OTHER_NUMBER = [{"name": "client", "port": 80}]


def test_a_service_that_fits_may_exist() -> None:
    """So may none."""
    assert not service_refusals(None, DESIRED, "db")
    assert not service_refusals(a_service(), DESIRED, "db")


@pytest.mark.parametrize(
    ("live", "refusal"),
    [
        (
            a_service(selector={"app": "other"}),
            (
                "Service prod/db already exists and selects Pods by {'app': 'other'}, not by {'app': "
                "'db'}: its clients would "
                "be sent to other Pods. To resolve this, set another service_name, or change the Service's "
                "selector first."
            ),
        ),
        (
            a_service(selector={**LABELS, "release": "x"}),
            "Service prod/db already exists and selects Pods by {'app': 'db', 'release': 'x'}",
        ),
        (
            a_service(clusterIP="10.96.0.7"),
            (
                "Service prod/db already exists and is not headless: clusterIP is 10.96.0.7, must be None, "
                "and cannot be "
                "changed. To resolve this, set another service_name, or delete the Service, which pulumi "
                "up then creates as "
                "a headless one: kubectl --namespace prod delete service db."
            ),
        ),
        (
            a_service(ports=OTHER_NUMBER),
            (
                "Service prod/db already exists with port 'client' as 80/TCP, and the program has "
                "5432/TCP: Kubernetes would "
                "keep both, and two ports must not have one name."
            ),
        ),
        (
            a_service(ports=[{**PORT, "protocol": "UDP"}]),
            "with port 'client' as 5432/UDP, and the program has 5432/TCP",
        ),
    ],
)
def test_a_service_that_cannot_become_the_governing_one_is_refused(live: Any, refusal: str) -> None:
    """In the preview: the API server refuses it only in pulumi up."""
    [found] = service_refusals(live, DESIRED, "db")
    assert found.startswith(refusal) or refusal in found


def test_an_adopted_stateful_set_keeps_its_service_name() -> None:
    """So another service_name is no way out."""
    live = a_service(selector={}, clusterIP="10.96.0.7", ports=OTHER_NUMBER)
    refusals = service_refusals(live, DESIRED, "db", adopting=True)
    assert len(refusals) == 3
    assert "service_name" not in " ".join(refusals)


@pytest.mark.parametrize(
    "ports",
    [
        pytest.param([{"name": "web", "port": 80}], id="another port"),
        pytest.param([{"port": 80}], id="a port without a name"),
        pytest.param([{"name": "web", "port": 5432}], id="the same port by another name"),
    ],
)
def test_ports_that_can_be_merged_may_differ(ports: Any) -> None:
    """Server-side apply merges ports by number and protocol; names need only be unique."""
    assert not service_refusals(a_service(ports=ports), DESIRED, "db")


def test_ports_that_change_places_can_be_merged() -> None:
    """Each number gets its new name at the same time."""
    live = a_service(ports=[{"name": "a", "port": 1}, {"name": "b", "port": 2}])
    desired = {**DESIRED, "spec": {"selector": LABELS, "ports": [{"name": "b", "port": 1}, {"name": "a", "port": 2}]}}
    assert not service_refusals(live, desired, "db")


def test_the_components_own_service_may_change() -> None:
    """One of a lost state, or of an interrupted pulumi up: its ports are the component's fields."""
    assert not service_refusals(a_service(OURS, ports=OTHER_NUMBER), DESIRED, "db")
    assert service_refusals(a_service(OURS, ports=OTHER_NUMBER), DESIRED, "another-set")


def a_budget(annotations: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "db", "namespace": "prod", "annotations": annotations or {}}, "spec": spec}


def test_a_disruption_budget_with_max_unavailable_is_refused() -> None:
    """Kubernetes does not allow both, and server-side apply keeps what others have set."""
    [refusal] = disruption_budget_refusals(a_budget(maxUnavailable=1), "db")
    assert refusal.startswith(
        "PodDisruptionBudget prod/db already exists with maxUnavailable=1, which cannot be "
        "combined with the minAvailable"
    )
    assert "kubectl --namespace prod delete poddisruptionbudget db." in refusal
    assert not disruption_budget_refusals(a_budget(minAvailable=1), "db")
    assert not disruption_budget_refusals(a_budget(OURS, maxUnavailable=1), "db")
    assert not disruption_budget_refusals(None, "db")


OPERATOR = {"apiVersion": "db.example/v1", "kind": "Cluster", "name": "main", "uid": "1", "controller": True}


def owned(live: dict[str, Any], owner: dict[str, Any]) -> dict[str, Any]:
    return {**live, "metadata": {**live["metadata"], "ownerReferences": [owner]}}


class TestOwners:
    """An operator's objects stay the operator's."""

    def test_a_stateful_set_of_an_operator_is_not_adopted(self) -> None:
        """The owner is named, and how the StatefulSet is released."""
        [refusal] = adoption_terms(owned(a_set(), OPERATOR), a_set(), adopt=True).refusals
        assert refusal.startswith("StatefulSet prod/db is controlled by Cluster main (db.example/v1)")
        assert "kubectl --namespace prod patch statefulset db --type merge --patch" in refusal

    def test_what_has_no_controller_is_adopted(self) -> None:
        """Labels of Helm or Argo, and an owner that does not control, are what adoption is for."""
        live = owned(a_set(), {**OPERATOR, "controller": False})
        live["metadata"]["labels"] = {"app.kubernetes.io/managed-by": "Helm", "argocd.argoproj.io/instance": "db"}
        assert not adoption_terms(live, a_set(), adopt=True).refusals
        assert not owner_warnings(live)

    def test_services_and_budgets(self) -> None:
        """Nothing is merged into them either."""
        service = {"metadata": {"name": "db", "namespace": "prod"}, "spec": {"selector": LABELS, "clusterIP": "None"}}
        assert not service_refusals(service, DESIRED, "db", adopting=True)
        [refusal] = service_refusals(owned(service, OPERATOR), DESIRED, "db", adopting=True)
        assert refusal.startswith("Service prod/db is controlled by Cluster main")
        budget = {"metadata": {"name": "db", "namespace": "prod"}, "spec": {"minAvailable": 1}}
        assert not disruption_budget_refusals(budget, "db")
        [refusal] = disruption_budget_refusals(owned(budget, OPERATOR), "db")
        assert refusal.startswith("PodDisruptionBudget prod/db is controlled by Cluster main")

    def test_the_components_own_that_has_got_an_owner(self) -> None:
        """It is said; updates go on."""
        [warning] = owner_warnings(owned(a_set(), OPERATOR))
        assert warning.startswith("StatefulSet db has been given an owner, Cluster main (db.example/v1)")
