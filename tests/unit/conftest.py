"""What the unit tests share: the chapter's example."""

from collections.abc import Callable
from typing import Any

import pulumi
import pytest
from pulumi_stateful_service import StatefulService
from pulumi_stateful_service.testing import Deployment, deploy

CHAPTER = {
    "image": "random-generator:1.0",
    "replicas": 2,
    "service_name": "random-generator",
    "ports": {"http": 8080},
    "env": {"LOG_FILE": "/opt/logs/random.log"},
    "volumes": [{"name": "logs", "mount_path": "/opt/logs", "size": "10Mi"}],
}


@pytest.fixture
def chapter() -> Callable[..., Deployment]:
    """Deploys the chapter's random generator, with changes to its arguments; an Output is given as a function.

    Outputs belong to the event loop of the program, so they are made in it.
    """

    def deploy_with(opts: pulumi.ResourceOptions | None = None, **changes: Any) -> Deployment:
        return deploy(lambda: StatefulService("rg", made({**CHAPTER, **changes}), opts))

    return deploy_with


def made(value: Any) -> Any:
    """A value with all functions in it called."""
    if isinstance(value, dict):
        return {key: made(each) for key, each in value.items()}
    if isinstance(value, list):
        return [made(each) for each in value]
    return value() if callable(value) else value
