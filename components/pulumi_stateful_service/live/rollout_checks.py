"""Runs the checks of a rollout: requests to an instance through the API server, commands in it, Prometheus queries."""

import asyncio
import json
from typing import Any

from pulumi_stateful_service.foundation.names import CONTAINER_NAME
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.client.errors import ClusterError, ForbiddenError
from pulumi_stateful_service.live.rollout_plan import RolloutCheck

_OK, _BAD_REQUEST = 200, 400
_MAX_SHOWN = 200


async def check_failure(cluster: Cluster, namespace: str, pod: str, check: RolloutCheck) -> str | None:
    """Why the check fails now; None where it succeeds.

    Raises ForbiddenError where the credentials do not allow to run it.
    """
    try:
        return await asyncio.wait_for(_run(cluster, namespace, pod, check), check.timeout_seconds)
    except TimeoutError:
        return f"no answer within {check.timeout_seconds} s"
    except ForbiddenError:
        raise
    except ClusterError as error:
        return error.problem


async def _run(cluster: Cluster, namespace: str, pod: str, check: RolloutCheck) -> str | None:
    if check.http_get is not None:
        return await _http_failure(cluster, namespace, pod, **check.http_get)
    if check.command is not None:
        status, output = await cluster.run_in_pod(namespace, pod, CONTAINER_NAME, check.command, check.timeout_seconds)
        return None if status == 0 else f"exit status {status}{_shown(output)}"
    return await _prometheus_failure(cluster, **(check.prometheus or {}))


async def _http_failure(
    cluster: Cluster, namespace: str, pod: str, *, port: int, path: str = "/", scheme: str = "HTTP"
) -> str | None:
    status, content = await cluster.get_from_pod(namespace, pod, port, path, scheme.lower())
    if _OK <= status < _BAD_REQUEST:
        return None
    return f"status {status}{_shown(content.decode(errors='replace'))}"


async def _prometheus_failure(
    cluster: Cluster, *, url: str, query: str, at_least: float | None = None, at_most: float | None = None
) -> str | None:
    status, content = await cluster.query_prometheus(url, query)
    if status != _OK:
        return f"status {status}{_shown(content.decode(errors='replace'))}"
    try:
        values = _values(json.loads(content))
    except (ValueError, KeyError, TypeError, IndexError):
        return f"the answer of {url} is not Prometheus's{_shown(content.decode(errors='replace'))}"
    if not values:
        return "the query has no result"
    for value in values:
        # Not a number compares as false, so it is neither.
        if at_least is not None and not value >= at_least:
            return f"the value is {value:g}, less than {at_least:g}"
        if at_most is not None and not value <= at_most:
            return f"the value is {value:g}, more than {at_most:g}"
    return None


def _values(answer: Any) -> list[float]:
    result = answer["data"]["result"]
    if answer["data"]["resultType"] == "scalar":
        return [float(result[1])]
    return [float(sample["value"][1]) for sample in result]


def _shown(text: str) -> str:
    line = " ".join(text.split())
    return f": {line if len(line) <= _MAX_SHOWN else line[: _MAX_SHOWN - 1] + '…'}" if line else ""
