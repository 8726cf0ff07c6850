"""Values that may be Outputs: what they hold, what is secret in them, what is unknown, and what they are made from."""

import asyncio
from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
import pytest
from pulumi.output import UNKNOWN
from pulumi.runtime.rpc import wrap_rpc_secret
from pulumi_stateful_service.foundation.outputs import (
    Independent,
    Resolved,
    apply_inputs,
    contains_output,
    on_open_properties,
    output_of,
    resolve,
    without_dependencies,
)
from pulumi_stateful_service.foundation.typed_inputs import as_dictionaries
from pulumi_stateful_service.testing import deploy


def unknown() -> pulumi.Output[Any]:
    async def value() -> Any:
        return UNKNOWN

    async def no() -> bool:
        return False

    return pulumi.Output(set(), value(), no(), no())


def resolved(value: Callable[[], Any]) -> Any:
    """What ``resolve`` tells of a value that is made inside of a program."""
    told: dict[str, Any] = {}

    async def look() -> None:
        told["all"] = await resolve(value())

    deploy(lambda: pulumi.Output.from_input(look()))
    return told["all"]


def test_outputs_are_found_at_any_depth() -> None:
    """Also in what an Output holds, and a secret among them makes the whole secret."""
    inner = {"sizes": [{"logs": lambda: pulumi.Output.secret("10Mi")}]}
    told = resolved(lambda: ["rg", {"sizes": [{"logs": inner["sizes"][0]["logs"]()}]}, pulumi.Output.from_input(None)])
    assert told.value == ["rg", {"sizes": [{"logs": "10Mi"}]}, None]
    assert told.secret
    assert told.known
    assert not resolved(lambda: pulumi.Output.from_input("rg")).secret


def test_what_is_unknown_stays_in_its_place() -> None:
    """The rest is known."""
    told = resolved(lambda: {"replicas": 3, "image": unknown()})
    assert told.value == {"replicas": 3, "image": UNKNOWN}
    assert not told.known


def test_plain_values_are_computed_at_once() -> None:
    """Without an Output nothing waits."""
    assert apply_inputs(lambda one, two: one + two["of"], 1, {"of": 2}) == 3


def test_an_output_makes_an_output() -> None:
    """With the secret, and with what the function itself returns as an Output."""

    def program() -> Any:
        made = apply_inputs(
            lambda size: pulumi.Output.from_input(f"{size}!"), {"size": pulumi.Output.secret("10Mi")}["size"]
        )
        return {"value": made, "secret": pulumi.Output.from_input(made.is_secret())}

    assert deploy(program).result == {"value": "10Mi!", "secret": True}


def test_nothing_is_computed_of_what_is_unknown() -> None:
    """The function is not called, and the Output is unknown."""

    def program() -> Any:
        made = apply_inputs(pytest.fail, unknown())
        return pulumi.Output.from_input(made.is_known())

    assert deploy(program, preview=True).result is False


def test_an_error_is_raised_where_the_output_is_used() -> None:
    """Nothing else is left behind."""

    def broken(_: Any) -> None:
        raise LookupError("broken")

    with pytest.raises(LookupError, match="broken"):
        deploy(lambda: apply_inputs(broken, pulumi.Output.from_input(1)))


def test_dependencies_are_told_apart_from_values() -> None:
    """The values are the same; the resources are returned by themselves."""

    def program() -> Any:
        secret = kubernetes.core.v1.Secret("s", metadata={"name": "s"}, string_data={"a": "b"})
        value, dependencies = without_dependencies({"name": secret.metadata.apply(lambda of: of.name), "plain": [1]})

        async def urns() -> list[Any]:
            return [await each.urn.future() for each in (await resolve(dependencies)).resources]

        async def resources() -> int:
            return len(await value["name"].resources())

        return {"value": value, "urns": urns(), "left": resources()}

    told = deploy(program).result
    assert told["value"] == {"name": "s", "plain": [1]}
    assert [urn.rpartition("::")[2] for urn in told["urns"]] == ["s"]
    assert told["left"] == 0


def test_typed_inputs_become_dictionaries() -> None:
    """At any depth, with the API's own names, without what is not set; Outputs stay."""

    def program() -> Any:
        image = pulumi.Output.from_input("proxy:1")
        container = kubernetes.core.v1.ContainerArgs(
            name="proxy",
            image=image,
            image_pull_policy="Never",
            ports=[kubernetes.core.v1.ContainerPortArgs(container_port=80)],
        )
        made = as_dictionaries({"containers": [container]})
        assert contains_output(made)
        return made

    assert deploy(program).result == {
        "containers": [
            {"name": "proxy", "image": "proxy:1", "imagePullPolicy": "Never", "ports": [{"containerPort": 80}]}
        ]
    }


def test_a_transform_sees_what_secret_properties_hold() -> None:
    """The engine hands them over wrapped; afterwards they are secret again, and the others as they were."""
    wrapped = wrap_rpc_secret({"replicas": 1})
    seen: dict[str, Any] = {}

    async def transform(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult:
        seen.update(args.props)
        spec: Any = args.props["spec"]
        props = {**args.props, "spec": {**spec, "replicas": 2}}
        return pulumi.ResourceTransformResult(props, args.opts)

    async def run() -> Any:
        args = pulumi.ResourceTransformArgs(
            custom=True, type_="t", name="n", props={"spec": wrapped, "metadata": {}}, opts=pulumi.ResourceOptions()
        )
        result = await on_open_properties(transform)(args)
        return result.props, await resolve(result.props["spec"])

    props, spec = asyncio.run(run())
    assert seen == {"spec": {"replicas": 1}, "metadata": {}}
    assert props["metadata"] == {}
    assert (spec.value, spec.secret) == ({"replicas": 2}, True)


def test_what_has_no_dependencies_costs_no_outputs() -> None:
    """Plain values, and Outputs that come from no resource, stay as they are, and there is nothing to depend on."""

    async def text() -> Resolved:
        return Resolved("text")

    def program() -> Any:
        label = output_of(text(), Independent)
        value, dependencies = without_dependencies({"label": label, "plain": [1]})
        return {"same": value["label"] is label, "plain": value["plain"], "dependencies": len(dependencies)}

    assert deploy(program).result == {"same": True, "plain": [1], "dependencies": 0}
