"""Who owns which fields, and what is left of an object without some of them."""

from typing import Any

import pytest
from pulumi_stateful_service.live.state.field_managers import (
    RESTART_MANAGER,
    entries_that_keep_restart,
    restart_outside_pulumi,
    without_taken_over,
)
from pulumi_stateful_service.live.state.field_paths import (
    outermost,
    owns,
    paths_of,
    shown_path,
    value_at,
    without_paths,
)

OURS = "pulumi-stateful-service.rg"
APP = 'k:{"name":"app"}'
DEBUG = 'k:{"name":"DEBUG"}'
UDP = 'k:{"containerPort":53,"protocol":"UDP"}'
RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"


def in_app(**fields: Any) -> dict[str, Any]:
    return {"f:spec": {"f:template": {"f:spec": {"f:containers": {APP: fields}}}}}


def a_set(*entries: tuple[str, dict[str, Any]], **container: Any) -> dict[str, Any]:
    return {
        "metadata": {
            "name": "rg",
            "managedFields": [
                {"manager": manager, "operation": "Update", "fieldsV1": fields} for manager, fields in entries
            ],
        },
        "spec": {
            "template": {
                "metadata": {"annotations": {RESTARTED_AT: "now"}},
                "spec": {"containers": [{"name": "app", **container}]},
            }
        },
    }


ENV = in_app(**{"f:env": {DEBUG: {".": {}, "f:name": {}, "f:value": {}}}})


def test_an_item_that_is_owned_as_a_whole_is_one_path() -> None:
    """And it is shown as such, with its value."""
    [path] = outermost(paths_of([{"fieldsV1": ENV}]))
    assert shown_path(path) == 'spec.template.spec.containers[name="app"].env[name="DEBUG"]'
    live = a_set(env=[{"name": "A", "value": "1"}, {"name": "DEBUG", "value": "1"}])
    assert value_at(live, path) == {"name": "DEBUG", "value": "1"}
    left = without_paths(live, [path])
    assert left["spec"]["template"]["spec"]["containers"][0]["env"] == [{"name": "A", "value": "1"}]
    assert len(live["spec"]["template"]["spec"]["containers"][0]["env"]) == 2


def test_a_field_of_an_item_is_a_path_of_its_own() -> None:
    """Somebody who changes an image does not own the container."""
    [path] = outermost(paths_of([{"fieldsV1": in_app(**{"f:image": {}})}]))
    assert shown_path(path) == 'spec.template.spec.containers[name="app"].image'
    assert value_at(a_set(image="a:1"), path) == "a:1"
    assert value_at(a_set(), path) is None


@pytest.mark.parametrize("fields", [ENV, in_app(**{".": {}, "f:image": {}}), {}])
def test_a_path_is_found_as_all_paths_are(fields: dict[str, Any]) -> None:
    """Looked up in an entry, every path is one of its own where it is among all of its paths, and no other is."""
    entry = {"fieldsV1": fields}
    paths = paths_of([entry])
    for path in paths_of([{"fieldsV1": ENV}, entry]):
        for length in range(1, len(path) + 1):
            assert owns(entry, path[:length]) is (path[:length] in paths)
    assert not owns(entry, ("f:spec", "f:replicas"))


def test_items_are_found_by_several_keys_and_defaults() -> None:
    """A port without a protocol is TCP."""
    path = ("f:ports", UDP)
    ports = [{"containerPort": 53, "protocol": "TCP"}, {"containerPort": 53, "protocol": "UDP", "name": "dns"}]
    assert value_at({"ports": ports}, path)["name"] == "dns"
    assert without_paths({"ports": ports}, [path]) == {"ports": ports[:1]}
    assert value_at({"ports": [{"containerPort": 53}]}, path) is not None


def test_values_of_sets_are_found() -> None:
    """Finalizers, for example."""
    assert without_paths({"finalizers": ["a", "b"]}, [("f:finalizers", 'v:"a"')]) == {"finalizers": ["b"]}


def test_what_kubectl_has_added_goes_where_the_provider_takes_it_over() -> None:
    """What the component or another manager owns too stays, and so does what others alone have added."""
    env = [{"name": "DEBUG", "value": "1"}]
    gone = without_taken_over(a_set(("kubectl-set", ENV), (OURS, in_app(**{".": {}, "f:image": {}})), env=env))
    assert gone is not None
    assert gone["spec"]["template"]["spec"]["containers"] == [{"name": "app", "env": []}]
    assert without_taken_over(a_set(("kubectl-set", ENV), (OURS, ENV), env=env)) is None
    assert without_taken_over(a_set(("kubectl-set", ENV), ("injector", ENV), env=env)) is None
    assert without_taken_over(a_set(("injector", ENV), env=env)) is None


RESTART: dict[str, Any] = {
    "f:spec": {"f:template": {"f:metadata": {"f:annotations": {".": {}, f"f:{RESTARTED_AT}": {}}}}}
}


def test_a_restart_is_told_and_kept() -> None:
    """Its annotation gets a manager that the provider does not take over; other fields of the entry stay."""
    live = a_set(("kubectl-rollout", {"f:spec": {**RESTART["f:spec"], "f:replicas": {}}}), (OURS, {}))
    restart = restart_outside_pulumi(live)
    assert restart
    assert restart.manager == "kubectl-rollout"
    entries = entries_that_keep_restart(live)
    assert entries
    assert [entry["manager"] for entry in entries] == ["kubectl-rollout", OURS, RESTART_MANAGER]
    assert paths_of(entries[:1]) == {("f:spec", "f:replicas")}
    assert paths_of(entries[2:]) == paths_of([{"fieldsV1": RESTART}])
    kept = {**live, "metadata": {"name": "rg", "managedFields": entries}}
    assert entries_that_keep_restart(kept) is None
    assert restart_outside_pulumi(kept) is None
    assert without_taken_over(a_set(("kubectl-rollout", RESTART))) is None
