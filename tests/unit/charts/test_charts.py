"""StatefulSets of well-known charts by typed arguments alone: every field of theirs is in the component's.

The charts' are kept as data, in the YAML files here. The component's may have more: its labels, what the restricted Pod
Security Standard asks for, the spreading over nodes.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from chart_arguments import SERVICES
from pulumi_stateful_service import StatefulService
from pulumi_stateful_service.testing import deploy

FOLDER = Path(__file__).parent
DIFFERENT: dict[str, dict[str, str]] = {
    "cockroachdb": {
        "volumes.datadir.persistentVolumeClaim.claimName": "the claim template of the same name takes its place anyway",
    },
}
"""Fields that the component's lacks, and why."""

_DEFAULTS = {"periodSeconds": 10, "timeoutSeconds": 1, "successThreshold": 1, "failureThreshold": 3}
_SAME_AS_ABSENT: tuple[Any, ...] = ([], None, False)
_IN_THE_POD = ("runAsUser", "runAsGroup", "runAsNonRoot", "seccompProfile")


def effective(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A StatefulSet's spec, the same for everything that means the same."""
    template, pod = spec["template"], dict(spec["template"]["spec"])
    main, *beside = pod.pop("containers")
    first = pod.pop("initContainers", [])
    security = dict(pod.pop("securityContext", {}))
    for_all = {field: security.pop(field) for field in _IN_THE_POD if field in security}
    security = {key: value for key, value in security.items() if (key, value) != ("fsGroupChangePolicy", "Always")}
    containers = {"main": main}
    for each in (*first, *({**each, "restartPolicy": "Always"} for each in beside)):
        containers[f"{'beside' if each.get('restartPolicy') else 'before'} {each['name']}"] = each
    strategy = spec.get("updateStrategy", {}).get("type", "RollingUpdate")
    return {
        **{key: spec[key] for key in ("serviceName", "replicas") if key in spec},
        "podManagementPolicy": spec.get("podManagementPolicy", "OrderedReady"),
        "updateStrategy": strategy,
        "annotations": template.get("metadata", {}).get("annotations", {}),
        **pod,
        "securityContext": security,
        "containers": {name: _container(each, for_all) for name, each in containers.items()},
        "volumes": {each["name"]: _volume(each) for each in pod.get("volumes", [])},
        "claims": {each["metadata"]["name"]: each["spec"] for each in spec.get("volumeClaimTemplates", [])},
    }


def _container(container: Mapping[str, Any], for_all: Mapping[str, Any]) -> dict[str, Any]:
    left_out = ("name", "restartPolicy", "terminationMessagePolicy")
    result = {key: value for key, value in container.items() if key not in left_out}
    for name in ("startupProbe", "readinessProbe", "livenessProbe"):
        result[name] = {key: value for key, value in result.get(name, {}).items() if _DEFAULTS.get(key) != value}
    env = {each["name"]: each.get("value", each.get("valueFrom")) for each in result.get("env", [])}
    # $(NAME) alone is what NAME is.
    same_as = {f"$({name})": value for name, value in env.items()}
    result["env"] = {name: same_as.get(str(value), value) for name, value in env.items()}
    result["ports"] = {each["name"]: each["containerPort"] for each in result.get("ports", [])}
    result["volumeMounts"] = {
        each["mountPath"]: {"name": each["name"], "subPath": each.get("subPath")}
        for each in result.get("volumeMounts", [])
    }
    result["securityContext"] = {**for_all, **result.get("securityContext", {})}
    return result


def _volume(volume: Mapping[str, Any]) -> dict[str, Any]:
    """What a volume is. One that is projected from one source is the same as the source."""
    projected = volume.get("projected")
    if projected and len(projected["sources"]) == 1:
        [(kind, source)] = projected["sources"][0].items()
        mode = {"defaultMode": projected["defaultMode"]} if "defaultMode" in projected else {}
        return {kind: {**source, **mode}}
    # That a volume is an emptyDir shows by the key alone.
    return {kind: value or "empty" for kind, value in volume.items() if kind != "name"}


def lacking(theirs: Any, ours: Any, path: str = "") -> Iterator[str]:
    """Where a field of theirs is not in ours, or is another."""
    if isinstance(theirs, Mapping):
        known = ours if isinstance(ours, Mapping) else {}
        for key, value in theirs.items():
            yield from lacking(value, known.get(key), f"{path}.{key}" if path else str(key))
    elif theirs != ours and not (theirs in _SAME_AS_ABSENT and ours in _SAME_AS_ABSENT):
        yield path


@pytest.mark.parametrize("chart", SERVICES)
def test_typed_arguments_suffice_for_well_known_charts(chart: str) -> None:
    """Every field of the chart's StatefulSet is in the component's, without ``pod_template``."""
    args = SERVICES[chart]
    assert "pod_template" not in args
    deployed = deploy(lambda: StatefulService(chart, args))
    theirs = effective(yaml.safe_load((FOLDER / f"{chart}.yaml").read_text()))
    assert sorted(lacking(theirs, effective(deployed.stateful_set().spec))) == sorted(DIFFERENT.get(chart, {}))


def test_a_field_that_is_missing_or_other_is_seen() -> None:
    """At any depth, and not what means the same."""
    theirs = effective(yaml.safe_load((FOLDER / "vault.yaml").read_text()))
    ours = effective(yaml.safe_load((FOLDER / "vault.yaml").read_text()))
    ours["containers"]["main"]["env"].pop("HOME")
    ours["volumes"]["home"] = {"configMap": {"name": "home"}}
    ours["hostNetwork"] = False
    assert sorted(lacking(theirs, ours)) == ["containers.main.env.HOME", "volumes.home.emptyDir"]
