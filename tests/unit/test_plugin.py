"""The plugin for other languages: its schema, what it takes, and what it says."""

import asyncio
import json
import random
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pulumi
import pulumi_stateful_service
import pytest
import yaml
from google.protobuf import struct_pb2  # type: ignore[import-untyped]
from pulumi.errors import InputPropertiesError
from pulumi.resource import DependencyResource
from pulumi.runtime import rpc
from pulumi_stateful_service import ArgumentError, RefusedError, StatefulService, StatefulServiceArgs
from pulumi_stateful_service.arguments import types
from pulumi_stateful_service.plugin import Plugin, in_order_of_use
from pulumi_stateful_service.testing import Deployment, deploy

from docs.reference import yaml_example

TYPE = "stateful-service:index:StatefulService"
COMPONENTS = Path(__file__).parents[2] / "components"
SCHEMA = json.loads((COMPONENTS / "schema.json").read_text())


@pytest.fixture(scope="module")
def plugin() -> Plugin:
    return Plugin()


def as_sent(value: Any) -> Any:
    """As a value reaches a plugin: numbers as floats, maps in any order and without nulls."""
    if isinstance(value, dict):
        items = list(value.items())
        random.shuffle(items)
        return {key: as_sent(each) for key, each in items if each is not None}
    if isinstance(value, list):
        return [as_sent(each) for each in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def construct(plugin: Plugin, inputs: Mapping[str, Any], name: str = "rg") -> Deployment:
    def program() -> Mapping[str, Any]:
        return dict(plugin.construct(name, TYPE, as_sent(inputs), sent_options()).state or {})

    return deploy(program)


def sent_options() -> pulumi.ResourceOptions:
    """Options as they reach a plugin: the parent is known by its URN alone."""
    stack = DependencyResource("urn:pulumi:stack::project::pulumi:pulumi:Stack::project-stack")
    return pulumi.ResourceOptions(parent=stack, aliases=[], protect=False)


def asked_for(deployment: Deployment) -> dict[str, Any]:
    return {each.urn: each.inputs for each in deployment.resources if each.type != TYPE}


class TestSchema:
    def test_it_is_the_one_in_the_repository(self, plugin: Plugin) -> None:
        """What the plugin tells other languages is components/schema.json; make schema writes it."""
        served = json.loads(plugin.schema or "")
        assert {**served, "config": {}} == {**SCHEMA, "dependencies": []}

    def test_every_argument_and_output_is_there_and_described(self) -> None:
        """Each key of each type, with what its docstring says."""
        resource = SCHEMA["resources"][TYPE]
        names = {key for _, key in yaml_example.keys(StatefulServiceArgs)}
        described = set()
        for properties in (resource["inputProperties"], resource["properties"], *descriptions("properties")):
            assert properties
            for name, each in properties.items():
                assert each["description"].strip(), name
                described.add(yaml_example.snake_case(name))
        assert names <= described
        assert set(StatefulService.__annotations__) <= described

    def test_every_enumeration_is_there(self) -> None:
        """The other languages know the values that an argument accepts, each with a description."""
        public = pulumi_stateful_service.__all__
        expected = {name: members for name in public if hasattr(members := getattr(types, name, ()), "__members__")}
        enumerations = {
            name.rpartition(":")[2]: [value["value"] for value in each["enum"]]
            for name, each in SCHEMA["types"].items()
            if "enum" in each and all(value["description"] for value in each["enum"])
        }
        assert enumerations == {name: [str(member) for member in members] for name, members in expected.items()}

    def test_every_one_of_is_an_enumeration(self) -> None:
        """An argument whose description says "one of" has that enumeration as its type, itself or its items."""
        resource = SCHEMA["resources"][TYPE]
        one_of = {
            name: each
            for properties in (resource["inputProperties"], *descriptions("properties"))
            for name, each in properties.items()
            if "ne of `" in each["description"]
        }
        assert len(one_of) >= 16
        for name, each in one_of.items():
            target = each.get("items") or each.get("additionalProperties") or each
            assert "enum" in SCHEMA["types"][target["$ref"].removeprefix("#/types/")], name

    def test_a_number_or_a_string_is_a_union(self) -> None:
        """Probe ports and amounts of instances are typed; ``podTemplate`` and ``affinity`` alone take any value."""
        resource = SCHEMA["resources"][TYPE]["inputProperties"]
        inputs = {
            "maxUnavailable": resource["maxUnavailable"],
            "minAvailable": resource["minAvailable"],
            **{
                each: SCHEMA["types"][f"stateful-service:index:{each}"]["properties"]["port"]
                for each in ("HttpGet", "TcpSocket")
            },
        }
        for name, each in inputs.items():
            assert each.keys() == {"description", "oneOf"}, name
            assert each["oneOf"] == [{"type": "integer"}, {"type": "string"}], name
        of_group = SCHEMA["types"]["stateful-service:index:Group"]["properties"]
        any_values = [
            json.dumps(each).count("pulumi.json#/Any")
            for each in (resource["podTemplate"], resource["affinity"], of_group["affinity"])
        ]
        assert any_values == [1, 1, 1]
        assert json.dumps(SCHEMA).count("pulumi.json#/") == sum(any_values)

    def test_generated_packages_have_the_names_of_the_project(self) -> None:
        """``@pulumi-stateful-service/stateful-service`` for Node.js, and a Go module in the project's repository."""
        project = tomllib.loads((COMPONENTS / "pyproject.toml").read_text())["project"]
        assert SCHEMA["namespace"] == "pulumi-stateful-service"
        assert SCHEMA["repository"] == project["urls"]["Repository"]

    def test_names_are_the_other_languages_own(self) -> None:
        """No description speaks of an argument by its Python name."""
        snake_case = {key for _, key in yaml_example.keys(StatefulServiceArgs) if "_" in key}
        text = json.dumps(SCHEMA)
        assert not [name for name in snake_case if f"`{name}`" in text]


class TestArguments:
    @pytest.mark.parametrize("name", yaml_example.services("default"))
    def test_they_arrive_as_from_python(self, plugin: Plugin, name: str) -> None:
        """The same objects from YAML as from Python, whatever the order in which maps arrive."""
        args: Any = yaml_example.services_in_python("default")[name]
        for order in range(3):
            random.seed(order)
            from_yaml = construct(plugin, yaml_example.services("default")[name], name)
            assert asked_for(from_yaml) == asked_for(deploy(lambda: StatefulService(name, args)))

    def test_outputs_arrive_where_values_do(self, plugin: Plugin) -> None:
        """An Output in a map, a list or an object is taken."""

        def program() -> Any:
            inputs = {
                "image": pulumi.Output.from_input("db:1"),
                "env": {"GREETING": pulumi.Output.from_input("hello")},
                "volumes": [{"name": "data", "mountPath": "/data", "size": pulumi.Output.from_input("1Gi")}],
                "readinessProbe": {"httpGet": {"port": 80, "path": pulumi.Output.from_input("/ready")}},
            }
            return plugin.construct("rg", TYPE, inputs, sent_options()).state

        container = deploy(program).stateful_set().spec["template"]["spec"]["containers"][0]
        assert container["image"] == "db:1"
        assert [each["value"] for each in container["env"] if each["name"] == "GREETING"] == ["hello"]
        assert container["readinessProbe"]["httpGet"]["path"] == "/ready"

    @pytest.mark.parametrize(
        ("inputs", "said"),
        [
            ({"image": "a:1", "replica": 3}, "replica is not an argument; did you mean 'replicas'?"),
            ({"image": "a:1", "readinessProbe": {"exec": {"command": ["a"]}, "period": 1}}, "readinessProbe.period is"),
            ({"image": "a:1", "volumes": [{"name": "a", "mountPath": "/a", "sise": "1Gi"}]}, "volumes[0].sise is not"),
            ({"image": "a:1", "envFromSecrets": {"A": {"name": "a", "keys": "b"}}}, "envFromSecrets['A'].keys is not"),
            ({"image": "a:1", "podManagementPolicy": "Paralel"}, "podManagementPolicy is 'Paralel'"),
            ({"image": "a:1", "volumes": [{"size": "1Gi"}]}, "volumes[0].name is required"),
            ({}, "image is required"),
            ({"image": 5}, "image is 5; it must be a string"),
            ({"image": "a:1", "replicas": 1.5}, "replicas is 1.5; it must be a whole number"),
            ({"image": "a:1", "ports": [8080]}, "ports is [8080]; it must be a mapping"),
            ({"image": "a:1", "env": {"A": True}}, "env['A'] is true; it must be a string"),
            ({"image": "a:1", "volumes": {"a": [1, False]}}, "volumes is {'a': [1, false]}; it must be a list"),
            ({"image": "a:1", "maxUnavailable": True}, "maxUnavailable is true; it must be a whole number or a string"),
            ({"image": "a:1", "name": "service_name"}, "name is 'service_name'; it must be a DNS label"),
        ],
    )
    def test_a_mistake_gets_one_message(self, plugin: Plugin, inputs: dict[str, Any], said: str) -> None:
        """Unknown, wrong and missing arguments are named as the program wrote them, and nothing is dropped."""
        with pytest.raises(InputPropertiesError) as error:
            construct(plugin, inputs)
        assert f"StatefulService 'rg': {said}" in str(error.value)

    @pytest.mark.parametrize(
        ("option", "value", "said"),
        [
            ("ignore_changes", ["replicas"], "ignoreChanges cannot be set: Pulumi does not pass it on"),
            (
                "replace_on_changes",
                ["*"],
                "replaceOnChanges cannot be set: .* use podAnnotations .* recreateKeepingPods",
            ),
            ("replacement_trigger", 1, "replacementTrigger cannot be set"),
            ("replace_with", "urn:pulumi:s::p::a:b:C::c", "replaceWith cannot be set"),
            (
                "custom_timeouts",
                pulumi.CustomTimeouts("1m"),
                "customTimeouts cannot be set: .*; use rolloutTimeoutSeconds",
            ),
        ],
    )
    def test_an_option_without_effect_is_refused(self, plugin: Plugin, option: str, value: Any, said: str) -> None:
        """Named as the other languages do."""

        def program() -> None:
            given: Any = {option: [DependencyResource(value)] if option == "replace_with" else value}
            opts = pulumi.ResourceOptions.merge(sent_options(), pulumi.ResourceOptions(**given))
            plugin.construct("rg", TYPE, as_sent({"image": "a:1"}), opts)

        with pytest.raises(InputPropertiesError, match=said):
            deploy(program)

    def test_null_and_secrets_in_messages(self) -> None:
        """Null is written as other languages write it, and a secret value is not shown."""
        error = ArgumentError.of_value("StatefulService 'rg'", "service_name", [None, 5.0], "must be a string")
        shown = error.for_other_languages(lambda text: text.replace("service_name", "serviceName"))
        assert shown == "StatefulService 'rg': serviceName is [null, 5]; it must be a string"
        assert "5" not in error.for_secret().for_other_languages(str)

    def test_null_does_not_reach_the_plugin(self) -> None:
        """Pulumi drops null from maps before a plugin sees them, as the description of ``podTemplate`` says."""
        sent = struct_pb2.Struct()
        sent.update({"podTemplate": {"spec": {"topologySpreadConstraints": None, "hostNetwork": False}}})
        received = rpc.deserialize_properties(sent, keep_unknowns=True)
        assert received == {"podTemplate": {"spec": {"hostNetwork": False}}}
        description = SCHEMA["resources"][TYPE]["inputProperties"]["podTemplate"]["description"]
        assert "null does not reach the component" in " ".join(description.split())

    def test_a_mistake_that_shows_late_gets_one_message(self, plugin: Plugin) -> None:
        """An error that an output brings is told like one that the arguments bring at once."""

        def refuse(_: str) -> str:
            raise RefusedError("the service_name must stay")

        async def late() -> None:
            output = pulumi.Output.from_input("a").apply(refuse)
            with pytest.raises(InputPropertiesError, match="the serviceName must stay"):
                await plugin._with_input_errors(output).future()

        asyncio.run(late())


class TestEnvironmentVariables:
    def test_they_come_after_what_they_refer_to(self) -> None:
        """By name, but a variable that another's value refers to comes before it."""
        env = {"B": "b", "A": "$(C)/a", "C": "$(B)", "D": "$(NOT_HERE)"}
        assert list(in_order_of_use(env)) == ["B", "C", "A", "D"]

    def test_a_circle_is_no_trap(self) -> None:
        """Variables that refer to each other are left to Kubernetes, which takes such a reference literally."""
        assert set(in_order_of_use({"A": "$(B)", "B": "$(A)"})) == {"A", "B"}


class TestExample:
    def test_it_uses_every_argument(self) -> None:
        """Each key of each type stands in the example at least once."""
        services = yaml_example.services_in_python("default").values()
        used = {key for args in services for key in yaml_example.used(args)}
        assert set(yaml_example.keys(StatefulServiceArgs)) - used == set()

    def test_it_exports_every_output(self) -> None:
        """Each output of the component stands in the example's outputs."""
        outputs = set(yaml.safe_load(yaml_example.FILE.read_text())["outputs"].values())
        expected = {f"${{random-generator.{name}}}" for name in SCHEMA["resources"][TYPE]["properties"]}
        assert expected <= outputs


def descriptions(field: str) -> Iterator[Any]:
    return (each[field] for each in SCHEMA["types"].values() if field in each)
