"""What the kit foretells of a change of resources: it has no API server to ask whether Pods are resized in place."""

from collections.abc import Mapping
from typing import Any

import pytest
from pulumi_stateful_service import StatefulService, StatefulServiceArgs
from pulumi_stateful_service.testing import DeployedService, deploy

SMALL, LARGE = {"requests": {"cpu": "50m"}}, {"requests": {"cpu": "100m"}}


def db(resize: str, resources: Mapping[str, Any]) -> DeployedService:
    args: StatefulServiceArgs = {"image": "db:1", "replicas": 2, "resize": resize, "resources": dict(resources)}  # type: ignore[typeddict-item]
    return deploy(lambda: StatefulService("db", args)).service("db")


def live(of: DeployedService) -> dict[str, Any]:
    """As the API server has it: all its fields are the component's."""
    metadata, spec = of.stateful_set.metadata, of.stateful_set.spec
    fields = {"manager": "pulumi-stateful-service.db", "operation": "Apply", "fieldsV1": owned({"spec": spec})}
    return {"metadata": {**metadata, "namespace": "prod", "managedFields": [fields]}, "spec": spec}


def owned(value: Any) -> dict[str, Any]:
    return {f"f:{key}": owned(each) for key, each in value.items()} if isinstance(value, Mapping) else {}


@pytest.mark.parametrize("resize", ["Replace", "InPlace", "InPlaceOrReplace"])
def test_other_resources_replace_the_pods(resize: str) -> None:
    """Whatever ``resize`` says."""
    predicted = db(resize, LARGE).forecast(live(db(resize, SMALL)))
    assert predicted["instances"] == {"db-0": "Replaced", "db-1": "Replaced"}
    assert predicted["reasons"] == ["resources"]
    with pytest.raises(AssertionError, match="replaces or removes db-0, db-1"):
        db(resize, LARGE).assert_restarts_nobody(live(db(resize, SMALL)))


def test_resize_alone_changes_nothing() -> None:
    """It says how later changes are made."""
    predicted = db("InPlace", SMALL).forecast(live(db("Replace", SMALL)))
    assert predicted["instances"] == {"db-0": "Kept", "db-1": "Kept"}
