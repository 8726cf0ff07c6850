"""The Kubernetes API as the component uses it: what is on the cluster, and the few changes made there.

A program that needs no look imports no HTTP client: those modules are imported when a cluster is connected to.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject, held_by
from pulumi_stateful_service.foundation.names import GROUP_LABEL, field_manager
from pulumi_stateful_service.live.client.access import Action
from pulumi_stateful_service.live.client.connection import Connection
from pulumi_stateful_service.live.client.errors import ClusterError, ForbiddenError, PodError, TimedOutError
from pulumi_stateful_service.live.client.objects import Objects, is_status
from pulumi_stateful_service.live.client.repeating import BUSY, Repeat
from pulumi_stateful_service.live.client.resources import PATCH_TYPES, RESOURCES
from pulumi_stateful_service.live.client.shared_clients import client_of
from pulumi_stateful_service.live.client.shared_reads import Labels
from pulumi_stateful_service.outside_text import cleaned

if TYPE_CHECKING:
    from pulumi_stateful_service.live.client.exec import Ended
    from pulumi_stateful_service.live.client.transport import Answer

_NOT_FOUND, _CONFLICT, _TOO_MANY = 404, 409, 429
_OK, _BAD_REQUEST = 200, 400
_CORE_API = "/api/v1"
"""Where the API server lists what its core API has."""
MAX_POD_ANSWER = 4 * 1024**2
"""Bytes of an instance's answer that are read; more is cut."""
_PROBE_SECONDS = 5.0
"""How long the API server has to show that it works when an instance has not answered."""
_NO_CONNECTION = "error trying to reach service"
"""How the API server begins to say that an instance takes no connection."""
_QUEUE_FULL = b"Too many requests, please try again later."
"""What the API server answers, in plain text, when it has too much to do."""
_OF_PROMETHEUS = {200, 400, 422}
"""With what Prometheus answers a query: with its result, or that it cannot be evaluated."""
_FIRST_LOOK, _LAST_LOOK = 0.1, 1.0
"""Seconds between looks at something that is being deleted."""


class Cluster(Objects):
    """The API server that Pulumi's provider deploys to."""

    @property
    def users(self) -> int:
        """How many use its API server now."""
        return self._api.users

    async def get_stateful_set(
        self, namespace: str, name: str, *, labels: Labels | None = None
    ) -> KubernetesObject | None:
        """A StatefulSet; None where it does not exist. ``labels`` as with ``get``."""
        return await self.get("StatefulSet", namespace, name, labels=labels)

    async def get_service(self, namespace: str, name: str) -> KubernetesObject | None:
        """A Service; None where it does not exist."""
        return await self.get("Service", namespace, name)

    async def list_pods(self, stateful_set: KubernetesObject) -> list[KubernetesObject]:
        """The Pods that a StatefulSet owns."""
        metadata = stateful_set["metadata"]
        pods = await self.list("Pod", metadata["namespace"], labels=stateful_set["spec"]["selector"]["matchLabels"])
        return [pod for pod in pods if _is_owned(pod, metadata["uid"])]

    async def list_orphans(self, namespace: str, stateful_set: KubernetesObject) -> list[KubernetesObject]:
        """The Pods that no object owns and that a StatefulSet would adopt."""
        labels = stateful_set["spec"]["selector"]["matchLabels"]
        pods = without_other_groups(await self.list("Pod", namespace, labels=labels), labels)
        return [pod for pod in pods if not pod["metadata"].get("ownerReferences")]

    async def list_warning_events(self, namespace: str, uids: Collection[str]) -> list[KubernetesObject]:
        """The Warning events about the objects with these uids, the latest last."""
        found = await asyncio.gather(
            *(
                self.list("Event", namespace, fields={"involvedObject.uid": uid, "type": "Warning"})
                for uid in sorted(uids)
            )
        )
        events = [event for each in found for event in each]
        return sorted(events, key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or ""))

    async def find_stateful_sets(self, namespace: str, labels: Labels) -> list[KubernetesObject]:
        """The StatefulSets of a namespace with these labels."""
        return await self.list("StatefulSet", namespace, labels=labels)

    async def list_claims(
        self, namespace: str, names: AbstractSet[str], labels: Mapping[str, str]
    ) -> list[KubernetesObject]:
        """Those of the named claims that exist; ``labels`` are the ones that a StatefulSet gives its claims."""
        if not names:
            return []
        claims = {each["metadata"]["name"]: each for each in await self.list_set_claims(namespace, names, labels)}
        return [claims[name] for name in names if name in claims]

    async def list_set_claims(
        self, namespace: str, names: AbstractSet[str], labels: Mapping[str, str]
    ) -> list[KubernetesObject]:
        """The claims with these labels, and those of the named ones that lack them and exist."""
        found = without_other_groups(await self.list("PersistentVolumeClaim", namespace, labels=labels), labels)
        # Claims made in advance, or when a backup was restored, may lack the labels.
        # One by one: others may have thousands of claims in the namespace.
        missing = names - {each["metadata"]["name"] for each in found}
        reads = (self.get("PersistentVolumeClaim", namespace, name) for name in sorted(missing))
        return [*found, *filter(None, await asyncio.gather(*reads))]

    async def get_expandable(self, classes: Collection[str]) -> dict[str, bool | None]:
        """Whether volumes of each storage class can grow; None where storage classes may not be read."""
        expandable: dict[str, bool | None] = {}
        for name in filter(None, classes):
            try:
                found = await self.get("StorageClass", None, name)
            except ForbiddenError:
                expandable[name] = None
            else:
                expandable[name] = bool(found and found.get("allowVolumeExpansion"))
        return expandable

    async def patch_claim(
        self, namespace: str, name: str, patch: KubernetesObject, *, action: Action, field_manager: str
    ) -> KubernetesObject:
        """Changes a claim by a merge patch, and returns it."""
        kind = "PersistentVolumeClaim"
        return await self.patch(kind, namespace, name, patch, action=action, field_manager=field_manager)

    async def patch_stateful_set(
        self,
        stateful_set: KubernetesObject,
        *,
        action: Action,
        annotations: Mapping[str, str | None] | None = None,
        spec: Mapping[str, Any] | None = None,
    ) -> KubernetesObject:
        """Changes annotations and spec of this very StatefulSet: another one of its name has another uid."""
        metadata = stateful_set["metadata"]
        noted = {"annotations": dict(annotations)} if annotations else {}
        patch = {"metadata": {"uid": metadata["uid"], **noted}, **({"spec": dict(spec)} if spec else {})}
        name, namespace = metadata["name"], metadata["namespace"]
        manager = field_manager(name)
        return await self.patch("StatefulSet", namespace, name, patch, action=action, field_manager=manager)

    async def apply_stateful_set(
        self, namespace: str, metadata: KubernetesObject, spec: KubernetesObject, *, action: Action
    ) -> KubernetesObject:
        """Applies the StatefulSet as the component's field manager, as the provider does, and returns it as stored."""
        name = metadata["name"]
        body = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata, "spec": spec}
        manager = field_manager(name)
        return await self.patch(
            "StatefulSet", namespace, name, body, action=action, patch_type="apply", field_manager=manager, force=True
        )

    async def delete_orphaning(self, namespace: str, name: str, uid: str, *, timeout: float = 60) -> None:
        """Deletes the StatefulSet with this uid, but not its Pods, and waits until it is gone and they have no owner.

        Raises ClusterError after ``timeout`` seconds, and names the finalizers that keep it.
        """
        action = Action.DELETE_STATEFUL_SET
        await self.delete("StatefulSet", namespace, name, action=action, uid=uid, propagation="Orphan")
        await self.wait_until_deleted(namespace, name, uid, timeout=timeout)

    async def wait_until_deleted(self, namespace: str, name: str, uid: str, *, timeout: float) -> None:
        """Waits until the StatefulSet with this uid is gone.

        Raises ClusterError after ``timeout`` seconds, and names the finalizers that keep it.
        """
        started = asyncio.get_running_loop().time()
        while (live := await self.get_stateful_set(namespace, name)) and live["metadata"]["uid"] == uid:
            waited = asyncio.get_running_loop().time() - started
            if waited > timeout:
                raise ClusterError(_stays(f"StatefulSet {namespace}/{name}", live, timeout), cluster=self.description)
            await asyncio.sleep(min(max(_FIRST_LOOK, waited / 5), _LAST_LOOK))

    async def evict_pod(self, namespace: str, name: str, uid: str, *, action: Action) -> bool:
        """Evicts the Pod with this uid, as ``kubectl drain`` does.

        False where a disruption budget does not allow it now, or where the Pod is gone or another of that name.
        """
        action.require("create", "Pod", "eviction")
        resource = RESOURCES["Pod"]
        eviction = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": name, "namespace": namespace},
            "deleteOptions": {"preconditions": {"uid": uid}},
        }
        path, what = resource.path(namespace, name, "eviction"), resource.described(namespace, name, "eviction")
        try:
            await self._ask("POST", path, what, body=eviction, repeat=Repeat.NOT_SENT)
        except ClusterError as error:
            if error.status in {_NOT_FOUND, _CONFLICT, _TOO_MANY}:
                return False
            raise
        return True

    async def resizes_pods(self) -> bool:
        """Whether the API server has the subresource by which the resources of a running Pod change."""
        answer = await self._api.ask("GET", _CORE_API, repeat=Repeat.ALWAYS)
        try:
            resources = json.loads(answer.content)["resources"] if answer.status == _OK else []
        except (ValueError, KeyError, TypeError):
            raise ClusterError("what answers is not a Kubernetes API server", cluster=self.description) from None
        return any(each.get("name") == "pods/resize" for each in resources)

    async def resize_pod(self, pod: KubernetesObject, spec: KubernetesObject, *, action: Action) -> KubernetesObject:
        """Changes the resources of this very Pod, and returns it; for ``FORECAST_RESIZE`` as it would be."""
        metadata = pod["metadata"]
        namespace, name = metadata["namespace"], metadata["name"]
        action.require("patch", "Pod", "resize")
        resource = RESOURCES["Pod"]
        path = resource.path(namespace, name, "resize")
        return (
            await self._ask(
                "PATCH",
                f"{path}?dryRun=All" if action.row.is_dry_run else path,
                resource.described(namespace, name, "resize"),
                body={"metadata": {"uid": metadata["uid"]}, "spec": spec},
                content_type=PATCH_TYPES["strategic"],
            )
            or {}
        )

    async def label_pod(self, pod: KubernetesObject, labels: Mapping[str, str], *, action: Action) -> None:
        """Sets labels of this very Pod as it was read: one that has changed since is a conflict (409)."""
        metadata = pod["metadata"]
        patch = {"metadata": {"resourceVersion": metadata["resourceVersion"], "labels": dict(labels)}}
        await self.patch("Pod", metadata["namespace"], metadata["name"], patch, action=action)

    async def may(self, namespace: str, verb: str, group: str, resource: str, subresource: str = "") -> bool:
        """Whether the API server would answer this request, as ``kubectl auth can-i`` asks."""
        attributes = {"namespace": namespace, "verb": verb, "group": group, "resource": resource}
        review = {"spec": {"resourceAttributes": {**attributes, "subresource": subresource}}}
        answer = await self.create("SelfSubjectAccessReview", None, review, action=Action.REVIEW_RIGHTS)
        return bool((answer.get("status") or {}).get("allowed", True))

    async def get_from_pod(
        self, namespace: str, pod: str, port: int, path: str, scheme: str, timeout: float
    ) -> tuple[int, bytes]:
        """Status and content of a Pod's answer to an HTTP request, which the API server passes on.

        No network from here to the Pods is needed. Needs the right to get ``pods/proxy``. Raises PodError where the Pod
        takes no connection or does not answer in time, and ClusterError where it was not asked. A redirect answers too.
        """
        Action.GET_FROM_POD.require("get", "Pod", "proxy")
        resource = RESOURCES["Pod"]
        target = f"{resource.path(namespace, f'{scheme}:{pod}:{port}', 'proxy')}/{path.lstrip('/')}"
        try:
            async with self._api.to_pods:
                answer = await self._api.request("GET", target, seconds=timeout, most=MAX_POD_ANSWER)
        except TimedOutError as error:
            raise await self._whose_time(error, f"no answer within {timeout:g} s") from None
        if answer.status >= _BAD_REQUEST and (instead := self._instead_of_pod(answer, namespace, pod)):
            raise instead
        return answer.status, answer.content

    def _instead_of_pod(self, answer: "Answer", namespace: str, pod: str) -> ClusterError | None:
        """What an answer that is not the Pod's own says.

        The API server's own are Statuses; and what is before it, such as a load balancer, knows no audit ID.
        """
        if is_status(answer.content):
            refused = self._refused(answer, "get", RESOURCES["Pod"].described(namespace, pod, "proxy"))
            _, found, why = refused.problem.partition(_NO_CONNECTION)
            return PodError(f"it cannot be reached{why}", cluster=self.description) if found else refused
        is_before_pod = "Audit-Id" not in answer.headers or answer.content.startswith(_QUEUE_FULL)
        if answer.status in BUSY and is_before_pod:
            said = f"the API server answered with {answer.status}"
            return ClusterError(said, cluster=self.description, status=answer.status, transient=True)
        return None

    async def run_in_pod(
        self, namespace: str, pod: str, container: str, command: Sequence[str], timeout: float, *, action: Action
    ) -> tuple[int, str]:
        """Exit status and output of a command in a container, as ``ended_in_pod`` has them."""
        ended = await self.ended_in_pod(namespace, pod, container, command, timeout, action=action)
        return ended.status, ended.output

    async def ended_in_pod(
        self, namespace: str, pod: str, container: str, command: Sequence[str], timeout: float, *, action: Action
    ) -> "Ended":
        """How a command in a container has ended. Needs the right to create and get ``pods/exec``.

        Raises PodError where the node cannot start it or it does not end in time, and ClusterError where that is not
        known: it was not passed on, or its end was not.
        """
        action.require("create", "Pod", "exec")
        resource = RESOURCES["Pod"]
        query = [("container", container), *(("command", each) for each in command), ("stdout", "1"), ("stderr", "1")]
        path = f"{resource.path(namespace, pod, 'exec')}?{urlencode(query)}"
        try:
            async with self._api.to_pods:
                return await self._api.run_command(path, timeout)
        except TimedOutError as error:
            raise await self._whose_time(error, f"no answer within {timeout:g} s") from None
        except ForbiddenError as error:
            what = resource.described(namespace, pod, "exec")
            problem = f"no right to create {what} ({error.status}): {error.problem}"
            raise ForbiddenError(problem, cluster=self.description, status=error.status) from None

    async def _whose_time(self, error: TimedOutError, problem: str) -> ClusterError:
        """Whose time was over: the Pod's where the API server answers, whatever it answers."""
        try:
            answer = await self._api.request("GET", "/version", seconds=_PROBE_SECONDS)
        except ClusterError:
            return error
        return error if answer.status in BUSY else PodError(problem, cluster=self.description)

    async def query_prometheus(self, url: str, query: str, timeout: float) -> tuple[int, bytes]:
        """Status and content of Prometheus's answer to an instant query, sent from here.

        Raises ClusterError where there is none in time, or another server's.
        """
        async with self._api.to_pods:
            answer = await self._api.elsewhere.get(
                url, f"/api/v1/query?{urlencode({'query': query})}", seconds=timeout, most=MAX_POD_ANSWER
            )
        if answer.status not in _OF_PROMETHEUS:
            location = answer.headers.get("Location")
            where = f" (to {location}; redirects are not followed)" if location else ""
            said = cleaned(answer.content.decode(errors="replace"))
            raise ClusterError(f"{url} answered with {answer.status}{where}{': ' if said else ''}{said}")
        return answer.status, answer.content


@asynccontextmanager
async def connected(connection: Connection) -> AsyncIterator[Cluster]:
    """The cluster of a connection: one client for all who use it in this program, from the first use to its end."""
    api = await client_of(connection)
    api.users += 1
    try:
        yield Cluster(api, connection.namespace)
    finally:
        api.users -= 1


def _is_owned(pod: KubernetesObject, uid: str) -> bool:
    return any(owner["uid"] == uid for owner in pod["metadata"].get("ownerReferences", []))


def without_other_groups(objects: Sequence[KubernetesObject], labels: Labels) -> list[KubernetesObject]:
    """Those with these labels of a StatefulSet that are not of another group.

    The selector of a StatefulSet that a group has kept from a service without groups names no group.
    """
    return [
        each for each in objects if GROUP_LABEL in labels or GROUP_LABEL not in (each["metadata"].get("labels") or {})
    ]


def _stays(what: str, live: KubernetesObject, timeout: float) -> str:
    because = held_by(live) or ", and the cluster's garbage collector has not released its Pods yet"
    return f"{what} was deleted and is still there after {timeout:g} seconds{because}"
