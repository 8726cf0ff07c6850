"""What others have removed from the Pod template is known from Pulumi's state."""

from typing import Any

import pulumi.runtime.rpc as pulumi_rpc
import pytest
from pulumi_kubernetes.apps.v1.outputs import StatefulSetSpec
from pulumi_stateful_service.live.before.refusals.update import removal_warning
from pulumi_stateful_service.live.state.field_paths import shown_path, without_paths
from pulumi_stateful_service.live.state.removed_fields import removed_fields

TEMPLATE: dict[str, Any] = {
    "metadata": {"labels": {"app.kubernetes.io/name": "db", "a_b": "c"}, "annotations": {"example.com/a-b": "1"}},
    "spec": {
        "terminationGracePeriodSeconds": 30,
        "containers": [
            {
                "name": "app",
                "image": "db:1",
                "env": [{"name": "A", "value": "1"}, {"name": "EMPTY", "value": ""}],
                "ports": [{"containerPort": 1, "protocol": "TCP"}],
                "resources": {"limits": {"example.com/some_device": "1"}},
                "volumeMounts": [{"name": "data", "mountPath": "/data", "readOnly": False}],
                "args": ["a", "b"],
            }
        ],
        "volumes": [{"name": "config", "configMap": {"name": "x", "defaultMode": 420}}],
    },
}
LIVE: dict[str, Any] = {"metadata": {"name": "db"}, "spec": {"template": TEMPLATE}}
KNOWN: Any = pulumi_rpc.translate_output_properties(
    {"serviceName": "db", "selector": {}, "template": TEMPLATE}, lambda name: name, StatefulSetSpec
).template
CONTAINER = ("f:spec", "f:template", "f:spec", "f:containers", 'k:{"name": "app"}')


def test_nothing_is_missing_from_what_was_sent() -> None:
    """Whatever the API server leaves out: what is empty or false."""
    assert removed_fields(KNOWN, LIVE) == []
    stored = without_paths(
        LIVE,
        [
            (*CONTAINER, "f:env", 'k:{"name": "EMPTY"}', "f:value"),
            (*CONTAINER, "f:volumeMounts", 'k:{"mountPath": "/data"}', "f:readOnly"),
        ],
    )
    assert removed_fields(KNOWN, stored) == []


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ((*CONTAINER, "f:env", 'k:{"name": "A"}'), 'spec.template.spec.containers[name="app"].env[name="A"]'),
        ((*CONTAINER, "f:args"), 'spec.template.spec.containers[name="app"].args'),
        ((*CONTAINER, "f:resources", "f:limits"), 'spec.template.spec.containers[name="app"].resources'),
        ((*CONTAINER, "f:volumeMounts"), 'spec.template.spec.containers[name="app"].volumeMounts'),
        (
            (*CONTAINER, "f:ports", 'k:{"containerPort": 1}'),
            'spec.template.spec.containers[name="app"].ports',
        ),
        (
            ("f:spec", "f:template", "f:metadata", "f:annotations", "f:example.com/a-b"),
            "spec.template.metadata.annotations",
        ),
        (("f:spec", "f:template", "f:metadata", "f:labels", "f:a_b"), "spec.template.metadata.labels.a_b"),
        (
            ("f:spec", "f:template", "f:spec", "f:volumes", 'k:{"name": "config"}'),
            "spec.template.spec.volumes",
        ),
        (
            ("f:spec", "f:template", "f:spec", "f:terminationGracePeriodSeconds"),
            "spec.template.spec.terminationGracePeriodSeconds",
        ),
    ],
)
def test_what_was_removed_is_named(path: tuple[str, ...], shown: str) -> None:
    """As messages show a path, of whole entries: what is left empty by it is gone as a whole."""
    live = without_paths(LIVE, [path])
    removed = removed_fields(KNOWN, live)
    assert [shown_path(each.path) for each in removed] == [shown]
    assert f"{shown} was removed" in removal_warning(live, removed)
