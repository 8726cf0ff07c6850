"""Runs the checks of a rollout: requests to an instance through the API server, commands in it, Prometheus queries."""

import json
from typing import Any

from pulumi_stateful_service.foundation.names import CONTAINER_NAME
from pulumi_stateful_service.live.after.check_result import PASSED, CheckResult, Outcome, asked, failed
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.state.rollout_plan import RolloutCheck
from pulumi_stateful_service.outside_text import cleaned

_OK, _BAD_REQUEST = 200, 400
_MAX_SHOWN = 200


async def run_check(cluster: Cluster, namespace: str, pod: str, check: RolloutCheck) -> CheckResult:
    """What the check says of the instance now. Its time begins when its request is sent.

    Raises ForbiddenError where the credentials do not allow to run it.
    """
    return await asked(_run(cluster, namespace, pod, check))


async def _run(cluster: Cluster, namespace: str, pod: str, check: RolloutCheck) -> CheckResult:
    if check.http_get is not None:
        return await _http_result(cluster, namespace, pod, check.timeout_seconds, **check.http_get)
    if check.command is not None:
        status, output = await cluster.run_in_pod(namespace, pod, CONTAINER_NAME, check.command, check.timeout_seconds)
        return PASSED if status == 0 else failed(f"exit status {status}{_shown(output)}")
    return await _prometheus_result(cluster, check.timeout_seconds, **(check.prometheus or {}))


async def _http_result(
    cluster: Cluster, namespace: str, pod: str, seconds: float, *, port: int, path: str = "/", scheme: str = "HTTP"
) -> CheckResult:
    status, content = await cluster.get_from_pod(namespace, pod, port, path, scheme.lower(), seconds)
    # As the kubelet's probes have it, but that no redirect is followed.
    return PASSED if _OK <= status < _BAD_REQUEST else failed(f"status {status}{_shown(content)}")


async def _prometheus_result(
    cluster: Cluster,
    seconds: float,
    *,
    url: str,
    query: str,
    at_least: float | None = None,
    at_most: float | None = None,
) -> CheckResult:
    status, content = await cluster.query_prometheus(url, query, seconds)
    if status != _OK:
        return failed(f"status {status}{_shown(content)}")
    try:
        values = _values(json.loads(content))
    except (ValueError, KeyError, TypeError, IndexError):
        return CheckResult(Outcome.NOT_ANSWERED, f"the answer of {url} is not Prometheus's{_shown(content)}")
    if not values:
        return failed("the query has no result")
    for value in values:
        # Not a number compares as false, so it is neither.
        if at_least is not None and not value >= at_least:
            return failed(f"the value is {value:g}, less than {at_least:g}")
        if at_most is not None and not value <= at_most:
            return failed(f"the value is {value:g}, more than {at_most:g}")
    return PASSED


def _values(answer: Any) -> list[float]:
    result = answer["data"]["result"]
    if answer["data"]["resultType"] == "scalar":
        return [float(result[1])]
    return [float(sample["value"][1]) for sample in result]


def _shown(said: str | bytes) -> str:
    line = cleaned(said if isinstance(said, str) else said.decode(errors="replace"), _MAX_SHOWN)
    return f": {line}" if line else ""
