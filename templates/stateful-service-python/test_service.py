"""Unit tests of the stacks, by mocks: neither a cluster nor the Pulumi CLI is needed."""

from pathlib import Path

import pytest
from pulumi_stateful_service.testing import deploy_stack

HERE = Path(__file__).parent


@pytest.mark.parametrize(
    ("stack", "claims"),
    [
        ("dev", {"data-cache-0": "1Gi"}),
        ("prod", {"data-cache-0": "10Gi", "data-cache-1": "10Gi", "data-cache-2": "10Gi"}),
    ],
)
def test_each_instance_has_a_disk(stack: str, claims: dict[str, str]) -> None:
    deploy_stack(stack, HERE).service("cache").assert_claims(claims)


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_destroy_keeps_the_data(stack: str) -> None:
    deploy_stack(stack, HERE).service("cache").assert_claims_are_kept()
