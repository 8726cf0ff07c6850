"""The settings of the Kubernetes provider that a component's resources use, as the connection to its cluster."""

import os
from importlib import metadata
from typing import Any
from weakref import WeakKeyDictionary

import pulumi

from pulumi_stateful_service.foundation.outputs import contains_unknown
from pulumi_stateful_service.live.client.connection import Connection

_FIRST_WITH_POST = (4, 29)
_SERVER_SIDE_APPLY = "PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY"
_UPSERT = "PULUMI_K8S_UPSERT_EXISTING_OBJECTS"
_SETTINGS = ("kubeconfig", "context", "cluster", "namespace")
_connections: WeakKeyDictionary[pulumi.ProviderResource, Connection | None] = WeakKeyDictionary()


async def connection_of(provider: pulumi.ProviderResource | None) -> Connection | None:
    """The connection of an explicit provider, or of the default one; None if a setting is not known yet (previews)."""
    if not reads_cluster():
        return Connection(renders=True)
    if provider is None:
        return _of_default_provider()
    if provider not in _connections:
        _connections[provider] = await _of_explicit_provider(provider)
    return _connections[provider]


def reads_cluster() -> bool:
    """Whether the component may read the cluster: ``pulumi config set stateful-service:readCluster false`` says no."""
    return pulumi.Config("stateful-service").get_bool("readCluster") is not False


def _of_default_provider() -> Connection:
    settings = pulumi.Config("kubernetes")
    given: dict[str, Any] = {name: settings.get(name) for name in _SETTINGS}
    return Connection(**given, renders=bool(settings.get("renderYamlToDirectory")))


async def _of_explicit_provider(provider: pulumi.ProviderResource) -> Connection | None:
    settings: dict[str, Any] = {}
    for name in _SETTINGS:
        output = getattr(provider, name, None)
        # In a preview the SDK says of a setting that was not given that it is unknown, but its value is None.
        settings[name] = await output.future(with_unknowns=True) if isinstance(output, pulumi.Output) else output
    if contains_unknown(settings):
        return None
    # The SDK does not pass on whether an explicit provider renders manifests.
    given: dict[str, Any] = {name: value or None for name, value in settings.items()}
    return Connection(**given)


def applies_on_the_server() -> bool:
    """Whether the default provider uses server-side apply."""
    return not (
        pulumi.Config("kubernetes").get_bool("enableServerSideApply") is False
        or _environment(_SERVER_SIDE_APPLY) == "false"
    )


def forecasts() -> bool:
    """Whether a change must be forecast: ``pulumi config set stateful-service:forecast false`` says no."""
    return pulumi.Config("stateful-service").get_bool("forecast") is not False


def setting_to_update_existing() -> str | None:
    """With what the provider updates an object that exists instead of failing to create it; None if it does anyway.

    It creates by a POST from 4.29 on, and without server-side apply.
    """
    settings, needed = pulumi.Config("kubernetes"), []
    if not applies_on_the_server():
        needed.append("the configuration kubernetes:enableServerSideApply=true")
    upserts = settings.get_bool("upsertExistingObjects") or _environment(_UPSERT) == "true"
    major, minor = map(int, metadata.version("pulumi-kubernetes").split(".")[:2])
    if (major, minor) >= _FIRST_WITH_POST and not upserts:
        needed.append(f"the environment variable {_UPSERT}=true")
    return " and ".join(needed) or None


def _environment(name: str) -> str:
    return os.environ.get(name, "").lower()
