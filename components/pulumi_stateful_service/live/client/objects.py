"""Reads and writes Kubernetes objects of any kind, from an event loop: requests are sent by a few threads."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.live.client.errors import ClusterError, ForbiddenError
from pulumi_stateful_service.live.client.resources import (
    PATCH_TYPES,
    RESOURCES,
    KubernetesObjects,
    field_selector,
    label_selector,
    with_query,
)
from pulumi_stateful_service.live.client.server_clock import ServerClock
from pulumi_stateful_service.live.client.threads import Threads
from pulumi_stateful_service.outside_text import cleaned

if TYPE_CHECKING:
    from pulumi_stateful_service.live.client.api import Api
    from pulumi_stateful_service.live.client.transport import Answer

_OK = 200
_MULTIPLE_CHOICES = 300
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _CONFLICT, _GONE = 401, 403, 404, 409, 410
BUSY = {429, 500, 502, 503, 504}
"""The API server, or what is before it, cannot answer now."""
_BUSY_AND_NOT_DONE = {429}
"""For requests that must not be carried out twice."""
_PAUSES = (0.5, 1, 2, 4)
"""Seconds to wait for an API server that has too much to do."""
_PAGE = 500
"""Objects in one answer to a list."""
_MAX_MESSAGE = 2000
"""Characters of the API server's message: it lists everything that is wrong with an object."""
_VERBS = {"GET": "get", "POST": "create", "PATCH": "patch", "DELETE": "delete"}


class Objects:
    """The objects of one API server.

    Every method raises ClusterError where the API cannot be used, and ForbiddenError, at once, where it refuses the
    credentials or the right to do this. Where it is busy, it is asked again a few times.
    """

    def __init__(self, api: "Api", threads: int) -> None:
        self._api = api
        self._threads = Threads(threads)
        self._clock = ServerClock()
        self.description = api.description
        """Short, for messages: ``context 'prod'``."""
        self.default_namespace = api.namespace
        """Of objects that name none."""

    def now(self) -> datetime:
        """The time by the API server's clock."""
        return self._clock.now()

    async def get(self, kind: str, namespace: str | None, name: str) -> KubernetesObject | None:
        """An object; None where it does not exist."""
        resource = RESOURCES[kind]
        path = resource.path(namespace, name)
        return await self._ask("GET", path, resource.described(namespace, name), missing_ok=True)

    async def list(
        self,
        kind: str,
        namespace: str | None,
        *,
        labels: Mapping[str, str | Sequence[str]] | None = None,
        fields: Mapping[str, str] | None = None,
    ) -> KubernetesObjects:
        """The objects of a namespace, or of all namespaces where it is None; only those with the labels and fields."""
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
        dry_run: bool = False,
        field_manager: str | None = None,
    ) -> KubernetesObject:
        """Creates an object and returns it; with ``dry_run`` the API server only says whether and how it would."""
        resource = RESOURCES[kind]
        path = with_query(resource.path(namespace), _writing(dry_run, field_manager))
        what = resource.described(namespace, (body.get("metadata") or {}).get("name"))
        sent = {"apiVersion": resource.api_version, "kind": kind, **body}
        return await self._ask("POST", path, what, body=sent) or {}

    async def patch(
        self,
        kind: str,
        namespace: str | None,
        name: str,
        body: Any,
        *,
        patch_type: str = "merge",
        subresource: str | None = None,
        dry_run: bool = False,
        field_manager: str | None = None,
        force: bool = False,
    ) -> KubernetesObject:
        """Changes an object and returns it. ``patch_type`` is ``merge``, ``strategic``, ``json`` or ``apply``."""
        resource = RESOURCES[kind]
        query = {**_writing(dry_run, field_manager), "force": "true" if force else None}
        return (
            await self._ask(
                "PATCH",
                with_query(resource.path(namespace, name, subresource), query),
                resource.described(namespace, name, subresource),
                body=body,
                content_type=PATCH_TYPES[patch_type],
            )
            or {}
        )

    async def delete(
        self, kind: str, namespace: str | None, name: str, *, uid: str | None = None, propagation: str = "Background"
    ) -> bool:
        """Deletes an object; False where it does not exist, or where the one of that name has another uid.

        ``propagation`` says what becomes of the objects that it owns: ``Background``, ``Foreground`` or ``Orphan``.
        """
        resource = RESOURCES[kind]
        options: dict[str, Any] = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
        if uid is not None:
            options["preconditions"] = {"uid": uid}
        path, what = resource.path(namespace, name), resource.described(namespace, name)
        try:
            return await self._ask("DELETE", path, what, body=options, missing_ok=True) is not None
        except ClusterError as error:
            if error.status == _CONFLICT and uid is not None:
                return False
            raise

    async def close(self) -> None:
        """Ends the connections."""
        self._api.close()

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
        pauses: Sequence[float] | None = None,
    ) -> KubernetesObject | None:
        """The answer to a request; None for an object that does not exist, where that is no error."""
        verb = verb or _VERBS[method]

        def send() -> KubernetesObject | None:
            answer = self._api.request(method, path, body, content_type)
            self._clock.set(answer.headers.get("Date"))
            if answer.status == _NOT_FOUND and missing_ok:
                return None
            if _OK <= answer.status < _MULTIPLE_CHOICES:
                return _decoded(answer, what)
            raise self._refused(answer, verb, what)

        for pause in _PAUSES if pauses is None else pauses:
            try:
                return await self._threads.run(send)
            except ClusterError as error:
                if error.status not in (BUSY if method != "POST" else _BUSY_AND_NOT_DONE):
                    raise
            await asyncio.sleep(pause)
        return await self._threads.run(send)

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
        return ClusterError(problem, cluster=self.description, status=status, transient=status in BUSY)


def _writing(dry_run: bool, field_manager: str | None) -> dict[str, str | None]:
    return {"dryRun": "All" if dry_run else None, "fieldManager": field_manager}


def _decoded(answered: "Answer", what: str) -> KubernetesObject:
    content = answered.content
    if answered.is_cut:
        raise ClusterError(f"the answer about {what} is larger than {len(content) // 1024**2} MiB")
    try:
        # Older API servers write some fields that are absent as null.
        answer = json.loads(content, object_pairs_hook=_without_nulls) if b":null" in content else json.loads(content)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise ClusterError("what answers is not a Kubernetes API server")
    return answer


def _without_nulls(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {key: value for key, value in pairs if value is not None}


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
