"""A service with groups in a user's unit tests."""

from typing import Any

import pytest
from pulumi_stateful_service import StatefulService
from pulumi_stateful_service.testing import DeployedService, deploy

ARGS: Any = {
    "image": "db:1",
    "volumes": [{"name": "data", "mount_path": "/data", "size": "1Gi"}],
    "groups": {"hot": {"replicas": 2, "canary": 1, "volumes": {"data": {"size": "5Gi"}}}, "warm": {}},
}


@pytest.fixture(scope="module")
def db() -> DeployedService:
    return deploy(lambda: StatefulService("db", ARGS)).service("db")


def test_the_service_has_what_its_groups_have(db: DeployedService) -> None:
    """Instances and claims of all of them, in order, and kept."""
    assert db.groups == ["hot", "warm"]
    db.assert_instances("db-hot-0", "db-hot-1", "db-warm-0")
    db.assert_claims({"data-db-hot-0": "5Gi", "data-db-hot-1": "5Gi", "data-db-warm-0": "1Gi"})
    db.assert_order()
    db.assert_claims_are_kept()


def test_a_group_by_itself(db: DeployedService) -> None:
    """Its StatefulSet, and which instances get a new version."""
    hot = db.group("hot")
    assert hot.stateful_set.metadata["name"] == "db-hot"
    hot.assert_instances("db-hot-0", "db-hot-1")
    hot.assert_updates(1)
    with pytest.raises(AssertionError, match="StatefulService db, group hot has the instances"):
        hot.assert_instances("db-hot-0")


def test_what_is_about_one_stateful_set_needs_a_group(db: DeployedService) -> None:
    """The message says how to choose one, and which there are."""
    with pytest.raises(LookupError, match=r"has the groups hot, warm; choose one: \.group\(NAME\)"):
        db.assert_updates(0)
    with pytest.raises(LookupError, match="has no group 'cold'; there are: hot, warm"):
        db.group("cold")
