"""The reference page: what a change of each argument does, its default and unit, and examples in every language."""

import ast
import functools
import inspect
import itertools
import re
from typing import Any

import pytest
import yaml
from pulumi_stateful_service import StatefulServiceArgs
from pulumi_stateful_service.arguments import types
from pulumi_stateful_service.plugin import Plugin

from docs.generate import argument_groups
from docs.reference import yaml_example
from docs.reference.argument_types import used_fields
from docs.reference.effects import UP_ONLY, effects
from docs.reference.examples import THEMES, TYPES
from docs.reference.languages import Secret, in_python, in_typescript, in_yaml

ARGUMENTS = sorted(set(yaml_example.keys(StatefulServiceArgs)))
EXAMPLES = [pytest.param(args, id=name) for name, args in {**THEMES, **TYPES}.items()]
UNIT = re.compile(r"\b(seconds|number|ordinals?|ports?|ID|unit|value|consecutive|quantit|percentage)", re.IGNORECASE)


@pytest.fixture(scope="module")
def plugin() -> Plugin:
    return Plugin()


@functools.cache
def docstrings() -> dict[tuple[str, str], str]:
    """What types.py says below each argument."""
    module = ast.parse(inspect.getsource(types))
    return {
        (of.name, field.target.id): " ".join(str(below.value.value).split())
        for of in module.body
        if isinstance(of, ast.ClassDef)
        for field, below in itertools.pairwise(of.body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
    }


def test_the_effect_of_each_argument_is_known() -> None:
    """Also of one that was added just now."""
    assert [argument for argument in ARGUMENTS if not effects().get(argument)] == []


@pytest.mark.parametrize(
    ("argument", "expected"),
    {
        "image": "Pods restart",
        "replicas": "increased: adds instances; decreased: removes instances, keeps the claims",
        "service_name": "refused: the addresses of the instances are derived from it",
        "name": "refused with `volumes`: PersistentVolumeClaims are named after the StatefulSet",
        "pod_management_policy": "with `recreate_keeping_pods` only: no Pod restarts",
        "revision_history_limit": "StatefulSet in place",
        "canary": "StatefulSet in place",
        "load_balancer": "creates or deletes the Service",
        "wait_for": UP_ONLY,
        "restore": "set: refused where the claim exists; removed: StatefulSet in place",
        "VolumeArgs.size": "increased: expands the volumes in place; decreased: with `recreate_keeping_pods` only: "
        "for new claims",
        "VolumeArgs.access_modes": "with `recreate_keeping_pods` only: for new claims",
        "VolumeArgs.labels": "claims in place",
        "ContainerArgs.instance_env": "Pods restart",
        "StorageClassArgs.parameters": "replaces the StorageClass",
        "LoadBalancerArgs.load_balancer_class": "refused by the API server",
        "HttpGetArgs.port": "in `readiness_probe`, `startup_probe`, `lifecycle`: Pods restart; in `rollout`, "
        "`leader_last`: `pulumi up` only",
    }.items(),
)
def test_what_an_argument_does(argument: str, expected: str) -> None:
    """A sample, each read in the code and shown on the cluster."""
    of, _, name = argument.rpartition(".")
    assert effects()[of or "StatefulServiceArgs", name] == expected


def test_each_argument_tells_its_default_and_its_unit() -> None:
    """A default where it may be left out, unless one of several is needed; a unit where it is a number."""
    without_default, without_unit = [], []
    for of, name in ARGUMENTS:
        to, says = getattr(types, of), docstrings()[of, name]
        alternatives = re.findall(r"[Ee]xactly one of (.*?)\.", to.__doc__ or "")
        is_alternative = bool(alternatives) or "Set exactly one" in (to.__doc__ or "") or "Mutually exclusive" in says
        is_required = name in to.__required_keys__ or "Required" in says
        if not (is_required or is_alternative or "Default:" in says):
            without_default.append(f"{of}.{name}")
        hint = inspect.get_annotations(to)[name]
        if re.search(r"\bint\b|\bfloat\b", str(hint)) and not UNIT.search(says):
            without_unit.append(f"{of}.{name}")
    assert (without_default, without_unit) == ([], [])


def test_each_theme_and_each_type_has_its_example() -> None:
    """One that uses it: of a theme several arguments, of a type itself."""
    groups = argument_groups(inspect.getsource(types))
    assert THEMES.keys() == groups.keys()
    for theme, args in THEMES.items():
        assert len(args.keys() & set(groups[theme])) > 2 or args.keys() >= set(groups[theme]), theme
    known = {of for of, _ in ARGUMENTS} - {"StatefulServiceArgs"}
    assert set(TYPES) == known
    for of, args in TYPES.items():
        assert of in {used for used, _, _ in used_fields(args, StatefulServiceArgs)}, of


@pytest.mark.parametrize("args", EXAMPLES)
def test_an_example_says_the_same_in_yaml(plugin: Plugin, args: dict[str, Any]) -> None:
    """The plugin hears from YAML what the program in Python says."""
    [resource] = yaml.safe_load(in_yaml("db", args))["resources"].values()
    [definition] = plugin._component_defs.values()
    assert plugin.map_inputs(resource["properties"], definition) == with_expressions(args)


def with_expressions(value: Any) -> Any:
    """Secrets as YAML has them."""
    if isinstance(value, dict):
        return {key: with_expressions(each) for key, each in value.items()}
    if isinstance(value, list):
        return [with_expressions(each) for each in value]
    return f"${{{value.key}}}" if isinstance(value, Secret) else value


def test_a_program_in_each_language() -> None:
    """Lines that are too long are broken; the keys of maps stay as they are."""
    path = "/a/long/path/to/the/folder/with/all/the/data"
    args: dict[str, Any] = {
        "image": "db:1",
        "volumes": [{"name": "data", "mount_path": path, "size": "10Gi"}],
        "env_from_secrets": {"my_password": {"name": "admin", "key": "password", "optional": True}},
        "node_selector": {"example.com/pool": "a"},
        "secret_env": {"KEY": Secret("key")},
    }
    assert in_python("db", args) == (
        "import pulumi\n"
        "from pulumi_stateful_service import StatefulService\n\n"
        "config = pulumi.Config()\n\n"
        'StatefulService("db", {\n'
        '    "image": "db:1",\n'
        '    "volumes": [{\n'
        '        "name": "data",\n'
        f'        "mount_path": "{path}",\n'
        '        "size": "10Gi",\n'
        "    }],\n"
        '    "env_from_secrets": {"my_password": {"name": "admin", "key": "password", "optional": True}},\n'
        '    "node_selector": {"example.com/pool": "a"},\n'
        '    "secret_env": {"KEY": config.require_secret("key")},\n'
        "})"
    )
    assert in_typescript("db", args) == (
        'import * as pulumi from "@pulumi/pulumi";\n'
        'import { StatefulService } from "@pulumi-stateful-service/stateful-service";\n\n'
        "const config = new pulumi.Config();\n\n"
        'new StatefulService("db", {\n'
        '    image: "db:1",\n'
        "    volumes: [{\n"
        '        name: "data",\n'
        f'        mountPath: "{path}",\n'
        '        size: "10Gi",\n'
        "    }],\n"
        '    envFromSecrets: { my_password: { name: "admin", key: "password", optional: true } },\n'
        '    nodeSelector: { "example.com/pool": "a" },\n'
        '    secretEnv: { KEY: config.requireSecret("key") },\n'
        "});"
    )
    assert yaml.safe_load(in_yaml("db", args)) == {
        "config": {"key": {"type": "string", "secret": True}},
        "resources": {
            "db": {
                "type": "stateful-service:StatefulService",
                "properties": {
                    "image": "db:1",
                    "volumes": [{"name": "data", "mountPath": path, "size": "10Gi"}],
                    "envFromSecrets": {"my_password": {"name": "admin", "key": "password", "optional": True}},
                    "nodeSelector": {"example.com/pool": "a"},
                    "secretEnv": {"KEY": "${key}"},
                },
            }
        },
    }
