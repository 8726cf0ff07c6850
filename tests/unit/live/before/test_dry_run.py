"""Which Pods run what a change makes already: told from the revisions that Kubernetes keeps."""

import asyncio
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest
from instances import NEW, OLD, a_pod
from pulumi_stateful_service.live.before.dry_run import predict
from pulumi_stateful_service.live.client.errors import ForbiddenError

LABELS = {"app": "rg"}


def template(image: str) -> dict[str, Any]:
    return {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "app", "image": image}]}}


def spec(image: str) -> dict[str, Any]:
    return {"replicas": 2, "selector": {"matchLabels": LABELS}, "template": template(image)}


REVISIONS = [
    {"metadata": {"name": name}, "revision": number, "data": {"spec": {"template": template(image)}}}
    for number, (name, image) in enumerate([(OLD, "rg:1"), (NEW, "rg:2")])
]


@pytest.mark.parametrize(
    ("revisions", "replaced"),
    [
        ({"return_value": REVISIONS}, ["rg-1"]),
        ({"side_effect": ForbiddenError("no right to list controllerrevisions")}, ["rg-1", "rg-0"]),
    ],
)
def test_a_roll_back_is_forecast_by_the_revisions(revisions: Any, replaced: list[str]) -> None:
    """A Pod that runs the earlier one already is not replaced; without the right to list them it is said to be."""
    live = {"metadata": {"name": "rg", "namespace": "default"}, "spec": spec("rg:2"), "status": {"updateRevision": NEW}}
    cluster: Any = Mock(
        create=AsyncMock(side_effect=lambda _, __, body, **___: body),
        list_pods=AsyncMock(return_value=[a_pod(0, OLD), a_pod(1, NEW)]),
        list_claims=AsyncMock(return_value=[]),
        list=AsyncMock(**revisions),
    )
    predicted = asyncio.run(predict(cluster, "default", {"name": "rg"}, spec("rg:1"), live, recreate=False))
    assert predicted is not None
    assert predicted.order == replaced
