"""The testing kit itself: a test that uses it must be able to fail."""

import pulumi
import pytest
from pulumi_stateful_service import StatefulService
from pulumi_stateful_service.testing import deploy


def test_an_assertion_in_an_apply_is_not_lost() -> None:
    """Where an assertion inside an apply fails, the deployment does."""

    def program() -> None:
        rg = StatefulService("rg", {"image": "random-generator:1.0"})

        def must_be_other(name: str) -> None:
            assert name == "other"

        rg.stateful_set_name.apply(must_be_other)

    with pytest.raises(AssertionError, match="rg"):
        deploy(program)


def test_what_the_program_returns_is_plain() -> None:
    """Outputs, nested ones too, come back as values to assert on."""

    def program() -> dict[str, object]:
        rg = StatefulService("rg", {"image": "random-generator:1.0"})
        return {"set": rg.stateful_set_name, "list": [rg.namespace]}

    assert deploy(program).result == {"set": "rg", "list": ["default"]}


def test_each_deployment_starts_from_nothing() -> None:
    """Neither resources nor configuration of one deployment are seen by the next."""
    first = deploy(lambda: pulumi.Config("a").get("key"), config={"a:key": "value"})
    second = deploy(lambda: pulumi.Config("a").get("key"))
    assert (first.result, second.result) == ("value", None)
    deploy(lambda: StatefulService("rg", {"image": "a"}))
    assert len(deploy(lambda: StatefulService("rg", {"image": "a"})).resources) == 3


def test_a_failed_deployment_leaves_nothing_behind() -> None:
    """After a program that raised, the next one runs as if it were the first."""

    def fails() -> None:
        StatefulService("rg", {"image": "a"})
        raise LookupError("on purpose")

    with pytest.raises(LookupError, match="on purpose"):
        deploy(fails)
    assert len(deploy(lambda: StatefulService("rg", {"image": "a"})).resources) == 3


def test_a_missing_resource_is_named() -> None:
    """Asking for what is not there says what is."""
    with pytest.raises(LookupError, match="StatefulSet rg"):
        deploy(lambda: StatefulService("rg", {"image": "a"})).one("Ingress")
