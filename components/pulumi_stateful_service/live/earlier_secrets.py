"""Values of ``secret_env`` that earlier versions of the Pods refer to: they stay until no Pod needs them."""

from collections.abc import Iterable, Mapping

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.live.client.cluster import Cluster


async def earlier_secret_data(
    cluster: Cluster, metadata: KubernetesObject, new: Mapping[str, object]
) -> dict[str, str]:
    """What the live Secret has beside the new keys and is to keep, in base64 as the API has it.

    An instance that is held back must find the values of its version when its Pod is created again. What is not needed
    any more goes with the next change of a value, not before: otherwise an ``up`` without a change would have one.
    """
    namespace, name = metadata.get("namespace") or cluster.default_namespace, metadata["name"]
    live = await cluster.get("Secret", namespace, name)
    data: Mapping[str, str] = (live or {}).get("data") or {}
    earlier = {key: value for key, value in data.items() if key not in new}
    if not earlier or new.keys() <= data.keys():
        return earlier
    needed = _keys_of(await cluster.list("Pod", namespace), name)
    return {key: value for key, value in earlier.items() if key in needed}


def _keys_of(pods: Iterable[KubernetesObject], secret: str) -> set[str]:
    keys = set()
    for pod in pods:
        for container in [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]:
            for variable in container.get("env") or []:
                reference = (variable.get("valueFrom") or {}).get("secretKeyRef") or {}
                if reference.get("name") == secret:
                    keys.add(reference["key"])
    return keys
