"""What the unit tests share: the chapter's example."""

from collections.abc import Callable
from typing import Any

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
    """Deploys the chapter's random generator, with changes to its arguments."""

    def deploy_with(**changes: Any) -> Deployment:
        args: Any = {**CHAPTER, **changes}
        return deploy(lambda: StatefulService("rg", args))

    return deploy_with
