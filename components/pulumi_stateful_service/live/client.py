"""The cluster that Pulumi's provider deploys to, by the same kubeconfig: what is there, and the few things done.

Pulumi offers a program no way to look at an object more than once, and whether a rollout is done shows only over
time. The client's packages are imported here alone, and only when there is something to look at.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

import pulumi
import yaml

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import COMPONENT_LABEL

if TYPE_CHECKING:
    from lightkube import AsyncClient, SingleConfig

_T = TypeVar("_T")

_DEFAULT_KUBECONFIG = "~/.kube/config"
_AT_ONCE = 16
"""Requests under way at once, of all the services of a program: many services start with a look each."""


@dataclass(frozen=True)
class Connection:
    """How the provider reaches its cluster: its own settings, each with the provider's own default where absent."""

    kubeconfig: str | None = None
    """Contents of a kubeconfig, or the path of one."""
    context: str | None = None
    namespace: str | None = None
    """Of objects that name none."""
    renders: bool = False
    """Whether manifests are written to a folder, and there is no cluster."""


_connections: WeakKeyDictionary[pulumi.ProviderResource, pulumi.Output[Connection]] = WeakKeyDictionary()
"""Of each provider, for all its services: Pulumi's SDK goes through every unfinished Output again and again."""


def connection_of(provider: pulumi.ProviderResource | None) -> pulumi.Output[Connection]:
    """The connection of a provider that the program made, or of the default one."""
    if provider is None:
        default = pulumi.Config("kubernetes")
        # Of a provider that the program made, the SDK does not tell this one.
        renders = bool(default.get("renderYamlToDirectory"))
        return pulumi.Output.from_input(
            Connection(default.get("kubeconfig"), default.get("context"), default.get("namespace"), renders)
        )
    if provider not in _connections:
        settings = [getattr(provider, name, None) for name in ("kubeconfig", "context", "namespace")]
        _connections[provider] = pulumi.Output.all(*settings).apply(lambda known: Connection(*known))
    return _connections[provider]


class ClusterError(pulumi.RunError):
    """The cluster did not answer, or not what was asked."""

    def __init__(self, problem: str, *, passing: bool = False) -> None:
        super().__init__(
            f"The program cannot look at the cluster that Pulumi's Kubernetes provider deploys to: {problem}. It "
            "uses the provider's kubeconfig and context, else KUBECONFIG, else ~/.kube/config."
        )
        self.problem = problem
        self.passing = passing
        """Whether it had too much to do, and said so."""


class NoClusterError(ClusterError):
    """No kubeconfig names a cluster: manifests are rendered, or the provider will say itself what it lacks."""


class Cluster:
    """What there is on the cluster now. Every look raises ClusterError where the cluster does not answer."""

    def __init__(self, client: "AsyncClient", default_namespace: str) -> None:
        self._client = client
        self.default_namespace = default_namespace
        self.users = 0
        """How many look at it now."""
        # The first request goes alone: it may have to run a credential plugin, whose answer serves the others.
        self._turns = asyncio.Semaphore(1)
        self._has_answered = False

    async def stateful_set(self, namespace: str, name: str) -> KubernetesObject | None:
        """The set, if it is there."""
        from lightkube.resources.apps_v1 import StatefulSet

        return await self._one(StatefulSet, namespace, name)

    async def get_service(self, namespace: str, name: str) -> KubernetesObject | None:
        """A Service; None where it does not exist."""
        from lightkube.resources.core_v1 import Service

        return await self._one(Service, namespace, name)

    async def get_disruption_budget(self, namespace: str, name: str) -> KubernetesObject | None:
        """A PodDisruptionBudget; None where it does not exist."""
        from lightkube.resources.policy_v1 import PodDisruptionBudget

        return await self._one(PodDisruptionBudget, namespace, name)

    async def pods_of(self, stateful_set: KubernetesObject) -> list[KubernetesObject]:
        """The Pods that the set owns."""
        from lightkube.resources.core_v1 import Pod

        metadata, labels = stateful_set["metadata"], stateful_set["spec"]["selector"]["matchLabels"]
        pods = await self._all(Pod, metadata["namespace"], labels=labels)
        return [pod for pod in pods if _is_owned(pod, metadata["uid"])]

    async def list_warning_events(self, namespace: str) -> list[KubernetesObject]:
        """The Warning events of a namespace, the latest last."""
        from lightkube.resources.core_v1 import Event

        events = await self._all(Event, namespace, fields={"type": "Warning"})
        return sorted(events, key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or ""))

    async def stateful_sets_of(self, namespace: str, components: Sequence[str]) -> list[str]:
        """The names of the sets of the namespace that belong to a component, under whatever name it has or had."""
        from lightkube.resources.apps_v1 import StatefulSet

        found = await self._all(StatefulSet, namespace, labels={COMPONENT_LABEL: list(components)})
        return [each["metadata"]["name"] for each in found]

    async def claims(
        self, namespace: str, names: AbstractSet[str], labels: Mapping[str, str]
    ) -> list[KubernetesObject]:
        """Those of these claims that are there; ``labels`` are the ones that a set gives its claims."""
        from lightkube.resources.core_v1 import PersistentVolumeClaim

        claims: dict[str, KubernetesObject] = {}
        # Those made by somebody else, in advance or when restored, may lack the set's labels: all are listed for them.
        for selection in ({"labels": dict(labels)}, {}):
            if names <= claims.keys():
                break
            found = await self._all(PersistentVolumeClaim, namespace, **selection)
            claims = {each["metadata"]["name"]: each for each in found if each["metadata"]["name"] in names}
        return [claims[name] for name in names if name in claims]

    async def expandable(self, classes: Collection[str]) -> dict[str, bool]:
        """Whether the volumes of each of these storage classes can grow."""
        from lightkube.resources.storage_v1 import StorageClass

        found = {name: await self._one(StorageClass, None, name) for name in classes if name}
        return {name: bool(each and each.get("allowVolumeExpansion")) for name, each in found.items()}

    async def grow(self, namespace: str, claim: str, size: str) -> None:
        """Asks for a larger volume."""
        from lightkube.resources.core_v1 import PersistentVolumeClaim
        from lightkube.types import PatchType

        change = {"spec": {"resources": {"requests": {"storage": size}}}}
        await self._told(
            lambda: self._client.patch(
                PersistentVolumeClaim, claim, change, namespace=namespace, patch_type=PatchType.MERGE
            )
        )

    async def orphan(self, namespace: str, name: str, uid: str) -> None:
        """Deletes this very set, leaves its Pods and claims as they are, and waits until they are nobody's."""
        from lightkube.resources.apps_v1 import StatefulSet
        from lightkube.types import CascadeType

        await self._told(
            lambda: self._client.delete(StatefulSet, name, namespace=namespace, cascade=CascadeType.ORPHAN)
        )
        while (live := await self.stateful_set(namespace, name)) and live["metadata"]["uid"] == uid:  # noqa: ASYNC110
            await asyncio.sleep(0.1)

    async def evict(self, namespace: str, name: str, uid: str) -> bool:
        """Asks for this very Pod to end, as a drain does: within its grace period, and not below a quorum.

        False where that was refused, or where the Pod is no longer this one.
        """
        from lightkube import ApiError
        from lightkube.models.meta_v1 import DeleteOptions, ObjectMeta, Preconditions
        from lightkube.resources.core_v1 import PodEviction

        eviction = PodEviction(
            metadata=ObjectMeta(name=name, namespace=namespace),
            deleteOptions=DeleteOptions(preconditions=Preconditions(uid=uid)),
        )
        async with self._answers():
            try:
                await self._client.create(eviction, name)
            except ApiError as error:
                if error.status.code in _REFUSED:
                    return False
                raise
            return True

    async def close(self) -> None:
        """Ends the connections."""
        await self._client.close()

    @asynccontextmanager
    async def _answers(self) -> AsyncIterator[None]:
        async with self._turns:
            with _errors_named():
                yield
            if not self._has_answered:
                self._has_answered = True
                for _ in range(_AT_ONCE - 1):
                    self._turns.release()

    async def _told(self, ask: Callable[[], Awaitable[_T]]) -> _T:
        """What the API server answers; asked again a few times while it has too much to do."""
        for pause in _PAUSES:
            try:
                async with self._answers():
                    return await ask()
            except ClusterError as error:
                if not error.passing:
                    raise
            await asyncio.sleep(pause)
        async with self._answers():
            return await ask()

    async def _one(self, kind: Any, namespace: str | None, name: str) -> KubernetesObject | None:
        from lightkube import ApiError

        async def get() -> KubernetesObject | None:
            try:
                found = await self._client.get(kind, name, **({"namespace": namespace} if namespace else {}))
            except ApiError as error:
                if error.status.code == _NOT_FOUND:
                    return None
                raise
            return dict(found.to_dict())

        return await self._told(get)

    async def _all(self, kind: Any, namespace: str, **selection: Any) -> list[KubernetesObject]:
        async def listed() -> list[KubernetesObject]:
            return [found.to_dict() async for found in self._client.list(kind, namespace=namespace, **selection)]

        return await self._told(listed)


def _is_owned(pod: KubernetesObject, uid: str) -> bool:
    return any(owner["uid"] == uid for owner in pod["metadata"].get("ownerReferences", []))


@contextmanager
def _errors_named() -> Iterator[None]:
    from lightkube import ApiError

    try:
        yield
    except ApiError as error:
        raise ClusterError(error.status.message or str(error), passing=error.status.code in _BUSY) from error
    except Exception as error:
        # Whatever a transport, a certificate or a credential plugin raises: the cluster did not answer.
        raise ClusterError(str(error) or type(error).__name__) from error


_NOT_FOUND = 404
_BUSY = {429, 500, 502, 503, 504}
_PAUSES = (0.5, 1, 2, 4)
"""Seconds to wait for an API server that has too much to do."""
_REFUSED = {403, _NOT_FOUND, 409, 429}
"""Not allowed to evict, gone, another Pod of that name, a disruption budget."""


_connected: dict[tuple[asyncio.AbstractEventLoop, Connection], Cluster] = {}
"""The clusters that are being looked at: one client each, however many services a program has."""


@asynccontextmanager
async def connected(connection: Connection) -> AsyncIterator[Cluster]:
    """The cluster of a connection, shared by all who look at it at the same time."""
    key = (asyncio.get_running_loop(), connection)
    cluster = _connected.get(key)
    if cluster is None:
        cluster = _connected[key] = _connect(connection)
    cluster.users += 1
    try:
        yield cluster
    finally:
        cluster.users -= 1
        if not cluster.users:
            del _connected[key]
            await cluster.close()


def _connect(connection: Connection) -> Cluster:
    from lightkube import AsyncClient, ConfigError

    try:
        client = AsyncClient(config=_kubeconfig(connection))
    except ConfigError as error:
        raise ClusterError(str(error)) from error
    return Cluster(client, connection.namespace or client.namespace)


def _kubeconfig(connection: Connection) -> "SingleConfig | None":
    """The kubeconfig as the provider finds it: given, by KUBECONFIG, at its usual place, or of the Pod it runs in."""
    from lightkube import ConfigError, KubeConfig

    given = connection.kubeconfig or os.environ.get("KUBECONFIG") or _DEFAULT_KUBECONFIG
    if "\n" in given or given.lstrip().startswith("{"):
        return KubeConfig.from_dict(_usable(yaml.safe_load(given))).get(connection.context)
    files = [path for each in given.split(os.pathsep) if (path := Path(each).expanduser()).is_file()]
    if not files:
        try:
            return KubeConfig.from_service_account().get()
        except ConfigError as error:
            raise NoClusterError(str(error)) from error
    merged = _usable(_merged([yaml.safe_load(path.read_text()) for path in files]))
    return KubeConfig.from_dict(merged, fname=files[0]).get(connection.context)


def _merged(kubeconfigs: list[dict[str, Any]]) -> dict[str, Any]:
    """Several kubeconfigs as one, as kubectl does it: of two entries of one name, the first counts."""
    merged: dict[str, Any] = {}
    for kubeconfig in kubeconfigs:
        for kind in ("clusters", "contexts", "users"):
            known = merged.setdefault(kind, [])
            names = {entry["name"] for entry in known}
            known.extend(entry for entry in kubeconfig.get(kind) or [] if entry["name"] not in names)
        if "current-context" not in merged and kubeconfig.get("current-context"):
            merged["current-context"] = kubeconfig["current-context"]
    return merged


def _usable(kubeconfig: dict[str, Any]) -> dict[str, Any]:
    # The client knows the exec protocol by its beta names alone; what a plugin answers is the same in v1.
    for user in kubeconfig.get("users") or []:
        plugin = (user.get("user") or {}).get("exec")
        if plugin and plugin.get("apiVersion") == "client.authentication.k8s.io/v1":
            plugin["apiVersion"] = "client.authentication.k8s.io/v1beta1"
    return kubeconfig
