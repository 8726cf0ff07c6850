"""Parts of the Pod template that a program has registered."""

from typing import Any

from pulumi_stateful_service.testing import Deployment


def pod_spec(deployed: Deployment) -> dict[str, Any]:
    """``spec`` of the Pod template."""
    return dict(deployed.stateful_set().spec["template"]["spec"])


def container(deployed: Deployment) -> dict[str, Any]:
    """The only container."""
    [only] = pod_spec(deployed)["containers"]
    return dict(only)
