"""Writes annotations of claims, which may go meanwhile, and of the governing Service."""

from collections.abc import Mapping
from http import HTTPStatus

from pulumi_stateful_service.foundation.names import field_manager
from pulumi_stateful_service.live.client.access import Action
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.client.errors import ClusterError


async def note_on_claim(
    cluster: Cluster,
    namespace: str,
    name: str,
    annotations: Mapping[str, str | None],
    set_name: str,
    *,
    action: Action,
) -> None:
    """Annotates a claim of a StatefulSet; None removes an annotation. One that is gone by now needs no note."""
    patch = {"metadata": {"annotations": dict(annotations)}}
    try:
        await cluster.patch_claim(namespace, name, patch, action=action, field_manager=field_manager(set_name))
    except ClusterError as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise


async def note_on_service(
    cluster: Cluster,
    namespace: str,
    name: str,
    annotations: Mapping[str, str | None],
    set_name: str,
    *,
    action: Action,
) -> None:
    """Annotates the governing Service of a StatefulSet; None removes an annotation."""
    patch = {"metadata": {"annotations": dict(annotations)}}
    manager = field_manager(set_name)
    await cluster.patch("Service", namespace, name, patch, action=action, field_manager=manager)
