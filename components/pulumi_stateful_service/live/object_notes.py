"""Writes annotations of the objects around a StatefulSet: its claims, its governing Service, its VolumeSnapshots."""

from collections.abc import Mapping
from http import HTTPStatus

from pulumi_stateful_service.foundation.names import field_manager
from pulumi_stateful_service.live.client.access import Action
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.client.errors import ClusterError


async def annotate(
    cluster: Cluster,
    kind: str,
    namespace: str,
    name: str,
    annotations: Mapping[str, str | None],
    set_name: str,
    *,
    action: Action,
    may_be_gone: bool = False,
) -> None:
    """Annotates an object of a StatefulSet; None removes an annotation.

    One that ``may_be_gone``, as a claim may, needs no annotation then.
    """
    patch = {"metadata": {"annotations": dict(annotations)}}
    try:
        await cluster.patch(kind, namespace, name, patch, action=action, field_manager=field_manager(set_name))
    except ClusterError as error:
        if not (may_be_gone and error.status == HTTPStatus.NOT_FOUND):
            raise
