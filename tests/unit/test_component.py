"""Sets of others and of renamed components, and children that a user's transformation changes."""

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pulumi
import pytest
from pulumi_stateful_service import ArgumentError, RefusedError, StatefulService, component, group
from pulumi_stateful_service.arguments.resource_options import REFUSED
from pulumi_stateful_service.foundation import outputs
from pulumi_stateful_service.foundation.outputs import output_of
from pulumi_stateful_service.live.provider import connection_of
from pulumi_stateful_service.service_outputs import OUTPUTS
from pulumi_stateful_service.testing import Deployment, deploy

Chapter = Callable[..., Deployment]
LABELS = {"app": "db"}
OWN = {"pulumi-stateful-service/component": "x"}
RESERVED = (
    " is 'pulumi-stateful-service/component'; it must not begin with pulumi-stateful-service/, which is reserved for "
    "the component"
)
OPTIONS_PAGE = (Path(__file__).parents[2] / "docs" / "customising.md").read_text()
KNOWN_OPTIONS = set(inspect.signature(pulumi.ResourceOptions.__init__).parameters) - {"self"}
VOLUME = {"name": "data", "mount_path": "/data", "size": "1Gi"}


def test_few_outputs_where_all_is_known(chapter: Chapter, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its label and the rollout: what a program costs grows with the square of the number of its Outputs."""
    made = []

    def counted(*given: Any) -> pulumi.Output[Any]:
        made.append(given)
        return output_of(*given)

    for module in (component, group, outputs):
        monkeypatch.setattr(module, "output_of", counted)
    chapter()
    assert len(made) == 2


def test_the_selector_is_used_everywhere(chapter: Chapter) -> None:
    """Set, Pods and both Services go by the labels that were given, and by no others."""
    deployed = chapter(selector=LABELS, load_balancer={}, labels={"team": "storage"})
    made = deployed.stateful_set()
    assert made.spec["selector"] == {"matchLabels": LABELS}
    assert made.spec["template"]["metadata"]["labels"] == {**LABELS, "team": "storage"}
    assert [service.spec["selector"] for service in deployed.all("Service")] == [LABELS, LABELS]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"selector": {}}, "selector must not be empty"),
        ({"selector": {"a b": "c"}}, "selector"),
        ({"selector": LABELS, "labels": {"app": "other"}}, r"labels\['app'\] cannot be set"),
        ({"labels": OWN}, "a key of labels" + RESERVED),
        ({"annotations": OWN}, "a key of annotations" + RESERVED),
        ({"pod_annotations": OWN}, "a key of pod_annotations" + RESERVED),
        ({"governing_service": {"labels": OWN}}, "a key of governing_service.labels" + RESERVED),
        ({"governing_service": {"annotations": OWN}}, "a key of governing_service.annotations" + RESERVED),
        ({"load_balancer": {"annotations": OWN}}, "a key of load_balancer.annotations" + RESERVED),
        ({"instance_services": {"annotations": OWN}}, "a key of instance_services.annotations" + RESERVED),
        ({"volumes": [{**VOLUME, "labels": OWN}]}, r"a key of volumes\[0\].labels" + RESERVED),
        ({"volumes": [{**VOLUME, "annotations": OWN}]}, r"a key of volumes\[0\].annotations" + RESERVED),
    ],
)
def test_labels_and_annotations_that_cannot_be_set(chapter: Chapter, changes: Any, message: str) -> None:
    """One message before anything is created."""
    with pytest.raises(ArgumentError, match=message):
        chapter(**changes)


@pytest.mark.parametrize("taken_over", [True, False])
def test_taking_over_takes_fields_from_others(chapter: Chapter, taken_over: bool) -> None:
    """Pulumi's provider is told to: always on the set, on a Service only then."""
    deployed = chapter(**({"adopt": True} if taken_over else {}))
    assert deployed.stateful_set().metadata["annotations"]["pulumi.com/patchForce"] == "true"
    assert ("pulumi.com/patchForce" in deployed.governing_service().metadata["annotations"]) == taken_over


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda props: props["spec"].update(serviceName="other"), "serviceName from 'random-generator' to 'other'"),
        (lambda props: props["spec"]["selector"]["matchLabels"].update(x="y"), "use the argument selector"),
        (
            lambda props: props["spec"]["volumeClaimTemplates"][0]["metadata"].update(name="other"),
            r"volumeClaimTemplates from \['logs'\] to \['other'\]",
        ),
        (lambda props: props["metadata"].update(annotations={}), "removes the annotation pulumi.com/waitFor"),
    ],
)
def test_what_the_component_goes_by_is_not_for_transforms(chapter: Chapter, change: Any, message: str) -> None:
    """The message names the argument to use instead."""
    with pytest.raises(RefusedError, match=message):
        chapter_with(chapter, change)


def test_anything_else_is_for_transforms(chapter: Chapter) -> None:
    """Kubernetes' fields of any child, and options."""
    made = chapter_with(chapter, lambda props: props["spec"].update(revisionHistoryLimit=3)).stateful_set()
    assert made.spec["revisionHistoryLimit"] == 3
    assert made.options.protect


def chapter_with(chapter: Chapter, change: Callable[[Any], None]) -> Deployment:
    def transformation(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        if args.type_ != "kubernetes:apps/v1:StatefulSet":
            return None
        change(args.props)
        more = pulumi.ResourceOptions(protect=True)
        return pulumi.ResourceTransformationResult(args.props, pulumi.ResourceOptions.merge(args.opts, more))

    return chapter(opts=pulumi.ResourceOptions(transformations=[transformation]))


def test_children_of_a_renamed_component_are_known_by_their_old_names() -> None:
    """Each child has an alias of its own, whatever the engine passes on."""
    args: Any = {"image": "db:1", "name": "rg", "load_balancer": {}, "ports": {"http": 80}}
    opts = pulumi.ResourceOptions(aliases=[pulumi.Alias(name="rg")])
    children = deploy(lambda: StatefulService("db", args, opts)).resources[1:]
    # Besides those of the same name that pulumi_kubernetes gives by type.
    known_as = {
        child.name: [alias.rpartition("::")[2] for alias in child.options.aliases if isinstance(alias, str)]
        for child in children
    }
    assert known_as == {"db-governing": ["rg-governing"], "db": ["rg"], "db-load-balancer": ["rg-load-balancer"]}


@pytest.mark.parametrize(("config", "renders"), [({}, False), ({"kubernetes:renderYamlToDirectory": "folder"}, True)])
def test_the_stack_tells_that_manifests_are_rendered(config: dict[str, str], renders: bool) -> None:
    """Then there is no cluster to look at."""
    deployed = deploy(lambda: pulumi.Output.from_input(connection_of(None)), config=config)
    assert deployed.result.renders is renders


OPTIONS = {
    "additional_secret_outputs": ["instances"],
    "custom_timeouts": pulumi.CustomTimeouts(create="1m"),
    "delete_before_replace": True,
    "env_var_mappings": {"A": "B"},
    "hide_diffs": ["spec"],
    "id": "db",
    "ignore_changes": ["replicas"],
    "import_": "default/db",
    "plugin_download_url": "https://example.com",
    "replace_on_changes": ["*"],
    "replacement_trigger": 1,
    "urn": "urn:pulumi:stack::project::stateful-service:index:StatefulService::db",
    "version": "4.25.0",
}
"""Options that are refused, besides those whose values need an engine."""


def test_every_resource_option_is_in_the_table() -> None:
    """Of this SDK, and of the newest with ``make test-versions``; each works, is refused, or is Pulumi's own."""
    rows = dict(re.findall(r"^\| `(\w+)` \| (works|refused|Pulumi's own)", OPTIONS_PAGE, re.MULTILINE))
    assert rows.keys() >= KNOWN_OPTIONS
    assert {option for option, fate in rows.items() if fate == "refused"} == REFUSED.keys()
    assert REFUSED.keys() == OPTIONS.keys() | {"hooks", "replace_with"}


@pytest.mark.parametrize("option", sorted(OPTIONS.keys() & KNOWN_OPTIONS))
def test_an_option_without_effect_is_refused_by_name(option: str) -> None:
    """With what to use in place of it; an empty one is none."""
    value = OPTIONS[option]

    def program(given: Any) -> None:
        StatefulService("rg", {"image": "a:1"}, pulumi.ResourceOptions(**{option: given}))

    with pytest.raises(ArgumentError, match=f"StatefulService 'rg': {option} cannot be set: .*(use|Use|requires)"):
        deploy(lambda: program(value))
    deploy(lambda: program(type(value)() if isinstance(value, list | bool) else None))


def test_options_with_values_of_the_deployment_are_refused_by_name() -> None:
    """Hooks and other resources exist only in a program."""

    def program(opts: Callable[[], pulumi.ResourceOptions]) -> None:
        StatefulService("rg", {"image": "a:1"}, opts())

    class Hook:
        name = "hook"

    binding = pulumi.ResourceHookBinding(before_create=[cast("Any", Hook())])
    with pytest.raises(ArgumentError, match=r"hooks cannot be set: .*; use a transform"):
        deploy(lambda: program(lambda: pulumi.ResourceOptions(hooks=binding)))
    deploy(lambda: program(lambda: pulumi.ResourceOptions(hooks=pulumi.ResourceHookBinding())))
    with pytest.raises(ArgumentError, match=r"replace_with cannot be set: .* use pod_annotations"):
        deploy(lambda: program(lambda: pulumi.ResourceOptions(replace_with=[pulumi.ComponentResource("a:b:C", "c")])))


def test_outputs_are_created_when_they_are_used() -> None:
    """What is not used costs nothing; the same Output is returned each time."""

    def program() -> dict[str, Any]:
        service = StatefulService("db", {"image": "db:1"})
        before = sorted(set(OUTPUTS) & vars(service).keys())
        revisions = service.revisions
        assert service.revisions is revisions
        with pytest.raises(AttributeError, match="'StatefulService' object has no attribute 'revison'"):
            _ = service.revison  # type: ignore[attr-defined]
        return {"before": before, "after": sorted(set(OUTPUTS) & vars(service).keys())}

    assert deploy(program).result == {"before": [], "after": ["revisions"]}
