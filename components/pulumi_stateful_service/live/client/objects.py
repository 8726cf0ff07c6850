"""Reads and writes Kubernetes objects of any kind."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.live.client.access import Action, require_read
from pulumi_stateful_service.live.client.errors import ClusterError, ForbiddenError
from pulumi_stateful_service.live.client.large_json import read_json
from pulumi_stateful_service.live.client.repeating import BUSY, Repeat, with_time
from pulumi_stateful_service.live.client.resources import (
    PATCH_TYPES,
    RESOURCES,
    KubernetesObjects,
    field_selector,
    label_selector,
    with_query,
)
from pulumi_stateful_service.live.client.shared_reads import Labels
from pulumi_stateful_service.outside_text import cleaned

if TYPE_CHECKING:
    from pulumi_stateful_service.live.client.api import Api
    from pulumi_stateful_service.live.client.transport import Answer

_OK = 200
_MULTIPLE_CHOICES = 300
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _CONFLICT, _GONE = 401, 403, 404, 409, 410
_PAGE = 500
"""Objects in one answer to a list."""
_MAX_MESSAGE = 2000
"""Characters of the API server's message: it lists everything that is wrong with an object."""
_VERBS = {"GET": "get", "POST": "create", "PATCH": "patch", "DELETE": "delete"}


class Objects:
    """The objects of one API server.

    Every method raises ClusterError where the API cannot be used, and ForbiddenError, at once, where it refuses the
    credentials or the right to do this. Where it is away or busy, it is asked again for a while, where that is safe.
    What is not in ``access`` is not sent: LookupError.
    """

    def __init__(self, api: "Api", namespace: str | None = None) -> None:
        """``namespace`` is that of objects that name none; the kubeconfig's where it is None."""
        self._api = api
        self.description = api.description
        """Short, for messages: ``context 'prod'``."""
        self.default_namespace = namespace or api.namespace
        """Of objects that name none."""

    def now(self) -> datetime:
        """The time by the API server's clock."""
        return self._api.clock.now()

    async def get(
        self, kind: str, namespace: str | None, name: str, *, labels: Labels | None = None
    ) -> KubernetesObject | None:
        """An object; None where it does not exist. Those who ask for it at the same time share the request.

        ``labels`` are those that it has where it is what the caller expects: one list serves all who ask for several
        within a few milliseconds. An object that lacks them is found all the same.
        """
        require_read("get", kind)
        resource = RESOURCES[kind]

        async def read() -> KubernetesObject | None:
            path = resource.path(namespace, name)
            return await self._ask("GET", path, resource.described(namespace, name), missing_ok=True)

        async def read_list(of_many: Labels) -> KubernetesObjects:
            return await self._list(kind, namespace, labels=of_many)

        if labels is None:
            return await self._api.reads.one((kind, namespace, name), read)
        key = (kind, namespace, frozenset(labels))
        return await self._api.reads.one_of_many(key, name, labels, read, read_list)

    async def list(
        self,
        kind: str,
        namespace: str | None,
        *,
        labels: Labels | None = None,
        fields: Mapping[str, str] | None = None,
    ) -> KubernetesObjects:
        """The objects of a namespace, or of all namespaces where it is None; only those with the labels and fields.

        Those who list by the same labels at the same time share the request, also where the values are others.
        """
        require_read("list", kind)
        if fields or not labels:
            return await self._list(kind, namespace, labels=labels, fields=fields)

        async def read_list(of_many: Labels) -> KubernetesObjects:
            return await self._list(kind, namespace, labels=of_many)

        return await self._api.reads.list((kind, namespace), labels, read_list)

    async def _list(
        self,
        kind: str,
        namespace: str | None,
        *,
        labels: Labels | None = None,
        fields: Mapping[str, str] | None = None,
    ) -> KubernetesObjects:
        resource = RESOURCES[kind]
        query = {"labelSelector": label_selector(labels or {}), "fieldSelector": field_selector(fields or {})}
        what, position = resource.described(namespace), ""
        items: KubernetesObjects = []
        while True:
            page = {"limit": str(_PAGE), "continue": position}
            try:
                answer = await self._ask("GET", with_query(resource.path(namespace), query | page), what, verb="list")
            except ClusterError as error:
                if error.status != _GONE:
                    raise
                # The list changed too much since its first page: all at once then.
                answer = await self._ask("GET", with_query(resource.path(namespace), query), what, verb="list")
                return list((answer or {}).get("items") or [])
            items += (answer or {}).get("items") or []
            position = ((answer or {}).get("metadata") or {}).get("continue") or ""
            if not position:
                return items

    async def create(
        self,
        kind: str,
        namespace: str | None,
        body: Mapping[str, Any],
        *,
        action: Action,
        field_manager: str | None = None,
    ) -> KubernetesObject:
        """Creates an object and returns it; for ``FORECAST`` the API server only says whether and how it would.

        Where the connection breaks, it may have been created: the error says so, and it is not sent again.
        """
        action.require("create", kind)
        resource = RESOURCES[kind]
        path = with_query(resource.path(namespace), _writing(action, field_manager))
        what = resource.described(namespace, (body.get("metadata") or {}).get("name"))
        sent = {"apiVersion": resource.api_version, "kind": kind, **body}
        repeat = Repeat.NOT_DONE if action.row.changes else Repeat.ALWAYS
        return await self._ask("POST", path, what, body=sent, repeat=repeat) or {}

    async def patch(
        self,
        kind: str,
        namespace: str | None,
        name: str,
        body: Any,
        *,
        action: Action,
        patch_type: str = "merge",
        field_manager: str | None = None,
        force: bool = False,
    ) -> KubernetesObject:
        """Changes an object and returns it. ``patch_type`` is ``merge`` or ``apply``: twice is the same as once.

        With a ``resourceVersion``, one of several is carried out, and the others are conflicts (409).
        """
        action.require("patch", kind)
        resource = RESOURCES[kind]
        query = {**_writing(action, field_manager), "force": "true" if force else None}
        return (
            await self._ask(
                "PATCH",
                with_query(resource.path(namespace, name), query),
                resource.described(namespace, name),
                body=body,
                content_type=PATCH_TYPES[patch_type],
            )
            or {}
        )

    async def delete(
        self,
        kind: str,
        namespace: str | None,
        name: str,
        *,
        action: Action,
        uid: str | None = None,
        propagation: str = "Background",
        grace_period_seconds: int | None = None,
    ) -> bool:
        """Deletes an object; False where it does not exist, or where the one of that name has another uid.

        ``propagation`` says what becomes of the objects that it owns: ``Background``, ``Foreground`` or ``Orphan``.
        With a grace period of 0 a Pod is gone at once, whether its node has ended it or not. Default: its own.
        """
        action.require("delete", kind)
        resource = RESOURCES[kind]
        options: dict[str, Any] = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
        if grace_period_seconds is not None:
            options["gracePeriodSeconds"] = grace_period_seconds
        if uid is not None:
            options["preconditions"] = {"uid": uid}
        # Without a uid, a second request might delete another object of that name.
        repeat = Repeat.NOT_DONE if uid is None else Repeat.ALWAYS
        path, what = resource.path(namespace, name), resource.described(namespace, name)
        try:
            return await self._ask("DELETE", path, what, body=options, missing_ok=True, repeat=repeat) is not None
        except ClusterError as error:
            if error.status == _CONFLICT and uid is not None:
                return False
            raise

    async def _ask(
        self,
        method: str,
        path: str,
        what: str,
        *,
        verb: str | None = None,
        body: Any = None,
        content_type: str = "application/json",
        missing_ok: bool = False,
        repeat: Repeat = Repeat.ALWAYS,
    ) -> KubernetesObject | None:
        """The answer to a request; None for an object that does not exist, where that is no error."""
        answer = await self._api.ask(method, path, body, content_type, repeat=repeat)
        if answer.status == _NOT_FOUND and missing_ok:
            return None
        if _OK <= answer.status < _MULTIPLE_CHOICES:
            return await _decoded(answer, what)
        raise self._refused(answer, verb or _VERBS[method], what)

    def _refused(self, answer: "Answer", verb: str, what: str) -> ClusterError:
        status = answer.status
        said = _message(answer)
        because = f": {said}" if said else ""
        if status == _UNAUTHORIZED:
            user = f" of user {self._api.user!r}" if self._api.user else ""
            problem = f"cannot {verb} {what}: the credentials{user} were refused (401 Unauthorized){because}"
            return ForbiddenError(problem, cluster=self.description, status=status)
        if status == _FORBIDDEN:
            problem = f"no right to {verb} {what} (403 Forbidden){because}"
            return ForbiddenError(problem, cluster=self.description, status=status)
        problem = f"cannot {verb} {what}{because or f': the API server answered with {status}'}"
        problem = with_time(problem, answer.tried)
        return ClusterError(problem, cluster=self.description, status=status, transient=status in BUSY)


def _writing(action: Action, field_manager: str | None) -> dict[str, str | None]:
    return {"dryRun": "All" if action.row.is_dry_run else None, "fieldManager": field_manager}


async def _decoded(answered: "Answer", what: str) -> KubernetesObject:
    content = answered.content
    if answered.is_cut:
        raise ClusterError(f"the answer about {what} is larger than {len(content) // 1024**2} MiB")
    try:
        answer = await read_json(content)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise ClusterError("what answers is not a Kubernetes API server")
    return answer


def is_status(content: bytes) -> bool:
    """Whether an answer is the API server's own word on a failed request, and not that of something behind it."""
    try:
        answer = json.loads(content)
    except ValueError:
        return False
    return isinstance(answer, dict) and (answer.get("kind"), answer.get("apiVersion")) == ("Status", "v1")


def _message(answered: "Answer") -> str:
    """What the API server says of a request that it did not carry out."""
    if location := answered.headers.get("Location"):
        return f"the answer is {answered.status}, a redirect to {cleaned(location)}, and redirects are not followed"
    try:
        answer = json.loads(answered.content)
    except ValueError:
        return ""
    return cleaned(answer.get("message") or "", _MAX_MESSAGE) if isinstance(answer, dict) else ""
