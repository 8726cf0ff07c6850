"""Values and files that earlier versions of the Pods refer to: they stay until no Pod needs them."""

from collections.abc import Iterable, Iterator, Mapping

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.live.client.cluster import Cluster


async def earlier_data(
    cluster: Cluster, kind: str, metadata: KubernetesObject, new: Mapping[str, object]
) -> dict[str, str]:
    """What the live Secret or ConfigMap has beside the new keys and is to keep, as the API has it.

    An instance that is held back must find the values of its version when its Pod is created again. What is not needed
    any more goes with the next change of a value, not before: otherwise an ``up`` without a change would have one.
    """
    namespace, name = metadata.get("namespace") or cluster.default_namespace, metadata["name"]
    live = await cluster.get(kind, namespace, name)
    data: Mapping[str, str] = (live or {}).get("data") or {}
    earlier = {key: value for key, value in data.items() if key not in new}
    if not earlier or new.keys() <= data.keys():
        return earlier
    needed = set(_keys_of(await cluster.list("Pod", namespace), kind, name))
    return {key: value for key, value in earlier.items() if key in needed}


def _keys_of(pods: Iterable[KubernetesObject], kind: str, name: str) -> Iterator[str]:
    """The keys of the object that Pods refer to, in environment variables and in volumes."""
    variable_source, volume_source, named = {
        "Secret": ("secretKeyRef", "secret", "secretName"),
        "ConfigMap": ("configMapKeyRef", "configMap", "name"),
    }[kind]
    for pod in pods:
        for container in [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]:
            for variable in container.get("env") or []:
                reference = (variable.get("valueFrom") or {}).get(variable_source) or {}
                if reference.get("name") == name:
                    yield reference["key"]
        for volume in pod["spec"].get("volumes") or []:
            source = volume.get(volume_source) or {}
            if source.get(named) == name:
                yield from (item["key"] for item in source.get("items") or [])
