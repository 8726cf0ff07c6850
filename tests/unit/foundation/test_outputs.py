"""How inputs are brought together."""

from typing import Any

import pulumi
from pulumi_stateful_service.foundation.outputs import all_outputs


@pulumi.runtime.test  # type: ignore[untyped-decorator]
def test_what_is_brought_together_keeps_its_places_and_its_secrets() -> pulumi.Output[Any]:
    """Outputs are found at any depth, and a secret among them makes the whole one."""
    deep = {"sizes": [{"logs": pulumi.Output.secret("10Mi")}]}
    plain = {"replicas": [3]}
    found = all_outputs("rg", deep, plain, pulumi.Output.from_input(None))

    def check(known: list[Any]) -> None:
        assert known == ["rg", {"sizes": [{"logs": "10Mi"}]}, {"replicas": [3]}, None]
        assert known[2] is plain, "a plain value was taken apart"

    async def is_secret(_: Any) -> None:
        assert await found.is_secret()
        assert not await all_outputs("rg", plain).is_secret()

    return found.apply(check).apply(is_secret)


@pulumi.runtime.test  # type: ignore[untyped-decorator]
def test_an_output_in_what_an_output_gives_is_found_too() -> pulumi.Output[Any]:
    """As Pulumi finds it in the arguments of a resource."""
    inner = pulumi.Output.secret("10Mi")
    found = all_outputs("rg", pulumi.Output.from_input(None).apply(lambda _: {"logs": inner}), inner)

    def check(known: list[Any]) -> None:
        assert known == ["rg", {"logs": "10Mi"}, "10Mi"]

    async def is_secret(_: Any) -> None:
        assert await found.is_secret()

    return found.apply(check).apply(is_secret)


@pulumi.runtime.test  # type: ignore[untyped-decorator]
def test_plain_values_alone_are_known_at_once() -> pulumi.Output[Any]:
    """Also without a single Output, the values come as they are."""

    def check(known: list[Any]) -> None:
        assert known == [1, "two"]

    return all_outputs(1, "two").apply(check)
