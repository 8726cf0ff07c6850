"""The plugin for other languages: its schema, what it takes, and what it says."""

import asyncio
import json
import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pulumi
import pulumi_stateful_service
import pytest
import yaml
import yaml_example
from pulumi.errors import InputPropertiesError
from pulumi.resource import DependencyResource
from pulumi_stateful_service import RefusedError, StatefulService, StatefulServiceArgs
from pulumi_stateful_service.arguments import types
from pulumi_stateful_service.plugin import Plugin, in_order_of_use
from pulumi_stateful_service.testing import Deployment, deploy

TYPE = "stateful-service:index:StatefulService"
SCHEMA = json.loads((Path(__file__).parents[2] / "components" / "schema.json").read_text())


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
        """What the plugin tells other languages is components/schema.json; make schema writes it anew."""
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
                described.add(yaml_example._snake_case(name))
        assert names <= described
        assert set(StatefulService.__annotations__) <= described

    def test_every_set_of_words_is_an_enumeration(self) -> None:
        """The other languages know the words that an argument takes, each with its meaning."""
        public = pulumi_stateful_service.__all__
        sets = {name: words for name in public if hasattr(words := getattr(types, name, ()), "__members__")}
        enumerations = {
            name.rpartition(":")[2]: [word["value"] for word in each["enum"]]
            for name, each in SCHEMA["types"].items()
            if "enum" in each and all(word["description"] for word in each["enum"])
        }
        assert enumerations == {name: [str(word) for word in words] for name, words in sets.items()}

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
            ({"image": "a:1", "volumes": [{"name": "a", "size": "1Gi"}]}, "volumes[0].mountPath is required"),
            ({}, "image is required"),
        ],
    )
    def test_a_mistake_gets_one_message(self, plugin: Plugin, inputs: dict[str, Any], said: str) -> None:
        """Unknown, wrong and missing arguments are named as the program wrote them, and nothing is dropped."""
        with pytest.raises(InputPropertiesError) as error:
            construct(plugin, inputs)
        assert f"StatefulService 'rg': {said}" in str(error.value)

    def test_a_mistake_that_shows_late_gets_one_message(self, plugin: Plugin) -> None:
        """An error that an output brings is told like one that the arguments bring at once."""

        def refuse(_: str) -> str:
            raise RefusedError("the service_name must stay")

        async def late() -> None:
            output = pulumi.Output.from_input("a").apply(refuse)
            with pytest.raises(InputPropertiesError, match="the serviceName must stay"):
                await plugin._with_told_errors(output).future()

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
        used = {key for args in services for key in yaml_example.used(args, StatefulServiceArgs)}
        assert set(yaml_example.keys(StatefulServiceArgs)) - used == set()

    def test_it_exports_every_output(self) -> None:
        """Each output of the component stands in the example's outputs."""
        outputs = set(yaml.safe_load(yaml_example.FILE.read_text())["outputs"].values())
        expected = {f"${{random-generator.{name}}}" for name in SCHEMA["resources"][TYPE]["properties"]}
        assert expected <= outputs


def descriptions(field: str) -> Iterator[Any]:
    return (each[field] for each in SCHEMA["types"].values() if field in each)
