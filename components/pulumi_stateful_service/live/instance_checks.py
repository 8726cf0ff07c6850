"""What is asked of an instance, one class for each kind: a request, a command, a Prometheus query, its labels.

A new kind is a class here, in ``KINDS`` under the key of its arguments; these are in ``arguments/types.py``.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import CONTAINER_NAME
from pulumi_stateful_service.live.client.access import Action
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.client.errors import ClusterError
from pulumi_stateful_service.outside_text import cleaned

_OK, _BAD_REQUEST = 200, 400
_MAX_SHOWN = 200


@dataclass(frozen=True)
class Instance:
    """The instance that is asked."""

    cluster: Cluster
    namespace: str
    pod: str
    """Its name; empty for a check that is about no instance in particular."""
    list_pods: Callable[[], Awaitable[Sequence[KubernetesObject]]]
    """The Pods of its StatefulSet, as they are now."""


class InstanceCheck(ABC):
    """One kind of check, with its settings."""

    is_of_one_instance: ClassVar[bool] = True
    """Whether each instance is asked by itself."""

    @classmethod
    @abstractmethod
    def of(cls, given: Mapping[str, Any], ports: Mapping[str, int]) -> Self:
        """The check of these arguments, whose values are known; ``ports`` has the numbers of named ports."""

    @property
    @abstractmethod
    def described(self) -> str:
        """What it does, for messages."""

    @abstractmethod
    async def failure(self, instance: Instance, seconds: float) -> str | None:
        """Why the instance does not pass now, in one line; None where it passes.

        The time begins when the request is sent. Raises PodError where the instance does not do what it is asked,
        ForbiddenError where the credentials do not allow to ask, and ClusterError where the question is not answered.
        """


@dataclass(frozen=True)
class HttpCheck(InstanceCheck):
    """A GET request through the API server. A status below 400 passes, as with the kubelet's probes."""

    port: int
    path: str = "/"
    scheme: str = "HTTP"
    contains: str = ""
    """What the answer must contain."""

    @classmethod
    def of(cls, given: Mapping[str, Any], ports: Mapping[str, int]) -> Self:
        """The check of ``http_get``."""
        request = given["http_get"]
        port = ports.get(request["port"], request["port"])
        return cls(port, request.get("path", "/"), request.get("scheme", "HTTP"), given.get("contains", ""))

    @property
    def described(self) -> str:
        """What it requests."""
        return f"http_get {self.path}"

    async def failure(self, instance: Instance, seconds: float) -> str | None:
        """Other than the kubelet's probes it follows no redirect."""
        status, content = await instance.cluster.get_from_pod(
            instance.namespace, instance.pod, self.port, self.path, self.scheme.lower(), seconds
        )
        if not _OK <= status < _BAD_REQUEST:
            return f"status {status}{_shown(content)}"
        return None if self.contains.encode() in content else f"the answer does not contain {self.contains!r}"


@dataclass(frozen=True)
class ExecCheck(InstanceCheck):
    """A command in the instance's container. Exit status 0 passes."""

    command: Sequence[str]
    contains: str = ""
    """What it must print."""

    @classmethod
    def of(cls, given: Mapping[str, Any], ports: Mapping[str, int]) -> Self:  # noqa: ARG003 - a command names no port
        """The check of ``exec``."""
        return cls(given["exec"]["command"], given.get("contains", ""))

    @property
    def described(self) -> str:
        """What it runs."""
        return f"exec {self.command[0]}"

    async def failure(self, instance: Instance, seconds: float) -> str | None:
        """Runs the command."""
        status, output = await instance.cluster.run_in_pod(
            instance.namespace, instance.pod, CONTAINER_NAME, self.command, seconds, action=Action.RUN_CHECK
        )
        if status != 0:
            return f"exit status {status}{_shown(output)}"
        return None if self.contains in output else f"the output does not contain {self.contains!r}"


@dataclass(frozen=True)
class PrometheusCheck(InstanceCheck):
    """A query. Each value of its result must be within the limits, and there must be one."""

    is_of_one_instance = False

    url: str
    query: str
    at_least: float | None = None
    at_most: float | None = None

    @classmethod
    def of(cls, given: Mapping[str, Any], ports: Mapping[str, int]) -> Self:  # noqa: ARG003 - a query names no port
        """The check of ``prometheus``."""
        return cls(**given["prometheus"])

    @property
    def described(self) -> str:
        """That it is a query: a long one is not shown."""
        return "prometheus"

    async def failure(self, instance: Instance, seconds: float) -> str | None:
        """Sends the query."""
        status, content = await instance.cluster.query_prometheus(self.url, self.query, seconds)
        if status != _OK:
            return f"status {status}{_shown(content)}"
        try:
            values = _values(json.loads(content))
        except (ValueError, KeyError, TypeError, IndexError):
            raise ClusterError(f"the answer of {self.url} is not Prometheus's{_shown(content)}") from None
        if not values:
            return "the query has no result"
        for value in values:
            # Not a number compares as false, so it is neither.
            if self.at_least is not None and not value >= self.at_least:
                return f"the value is {value:g}, less than {self.at_least:g}"
            if self.at_most is not None and not value <= self.at_most:
                return f"the value is {value:g}, more than {self.at_most:g}"
        return None


@dataclass(frozen=True)
class LabelCheck(InstanceCheck):
    """Labels of the instance's Pod."""

    labels: Mapping[str, str]

    @classmethod
    def of(cls, given: Mapping[str, Any], ports: Mapping[str, int]) -> Self:  # noqa: ARG003 - labels name no port
        """The check of ``labels``."""
        return cls(given["labels"])

    @property
    def described(self) -> str:
        """The labels."""
        return f"labels {', '.join(f'{key}={value}' for key, value in self.labels.items())}"

    async def failure(self, instance: Instance, seconds: float) -> str | None:  # noqa: ARG002 - as every read
        """Reads the labels. The Pods are listed, as everywhere: to get one would be one more right."""
        pods = await instance.list_pods()
        found = next((each["metadata"].get("labels") or {} for each in pods if _name(each) == instance.pod), {})
        has_all = all(found.get(key) == value for key, value in self.labels.items())
        return None if has_all else f"it does not have the {self.described}"


KINDS: Mapping[str, type[InstanceCheck]] = {
    "http_get": HttpCheck,
    "exec": ExecCheck,
    "prometheus": PrometheusCheck,
    "labels": LabelCheck,
}
"""By the key of their arguments."""


def check_of(given: Mapping[str, Any], ports: Mapping[str, int]) -> InstanceCheck:
    """The check of arguments that have exactly one of ``KINDS``."""
    [kind] = [kind for key, kind in KINDS.items() if key in given]
    return kind.of(given, ports)


def _values(answer: Any) -> list[float]:
    result = answer["data"]["result"]
    if answer["data"]["resultType"] == "scalar":
        return [float(result[1])]
    return [float(sample["value"][1]) for sample in result]


def _shown(said: str | bytes) -> str:
    line = cleaned(said if isinstance(said, str) else said.decode(errors="replace"), _MAX_SHOWN)
    return f": {line}" if line else ""


def _name(pod: KubernetesObject) -> str:
    return str(pod["metadata"]["name"])
