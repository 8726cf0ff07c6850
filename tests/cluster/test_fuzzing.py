"""What the component accepts, the API server accepts: random arguments against the server's validation."""

from typing import Any

import fuzzing
from hypothesis import given
from lightkube import ApiError, Client
from lightkube.codecs import from_dict
from pulumi_stateful_service import ArgumentError, StatefulService
from pulumi_stateful_service.testing import Registered, deploy


def sent(registered: Registered, namespace: str) -> Any:
    """The object as the provider sends it."""
    content: dict[str, Any] = {**registered.inputs, "metadata": dict(registered.metadata)}
    if content["kind"] != "StorageClass":
        content["metadata"]["namespace"] = namespace
    return from_dict(content)


def test_what_is_accepted_is_valid_to_the_api_server(client: Client, namespace: str) -> None:
    """No object from accepted arguments is refused by the API server in a dry run."""
    accepted = 0

    @fuzzing.AT_VOLUME
    @given(fuzzing.likely())
    def dry_run(args: Any) -> None:
        nonlocal accepted
        try:
            deployed = deploy(lambda: StatefulService("rg", args))
        except ArgumentError:
            return
        accepted += 1
        for made in deployed.resources[1:]:
            try:
                client.create(sent(made, namespace), dry_run=True)
            except ApiError as error:
                raise AssertionError(f"{made.type} of {args}: {error}") from error

    dry_run()
    assert accepted > fuzzing.AT_VOLUME.max_examples / 4
