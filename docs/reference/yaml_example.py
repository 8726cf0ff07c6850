"""The example in YAML, and the Python program that says the same."""

import inspect
import json
import re
import typing
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pulumi_stateful_service import StatefulServiceArgs

from docs.reference.argument_types import bare, used_fields

FILE = Path(__file__).parents[2] / "examples" / "yaml" / "Pulumi.yaml"

PYTHON = """\
import json
from pathlib import Path
import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_stateful_service import StatefulService

program = json.loads(Path("program.json").read_text())
made = [getattr(kubernetes.core.v1, kind)(name, **args) for kind, name, args in program["objects"]]
for name, args in program["services"].items():
    StatefulService(name, args, pulumi.ResourceOptions(depends_on=made))
"""


def resources(namespace: str) -> dict[str, dict[str, Any]]:
    """The program's resources, with what its expressions stand for."""
    text = FILE.read_text()
    program = yaml.safe_load(text)
    for name, resource in program["resources"].items():
        if resource["type"].startswith("kubernetes:"):
            text = text.replace(f"${{{name}.metadata.name}}", resource["properties"]["metadata"]["name"])
    text = re.sub(r"(?s)\noutputs:.*", "", text.replace("${namespace}", namespace))
    if "${" in text:
        raise ValueError(f"an expression that this module does not know: ${{{text.partition('${')[2][:40]}")
    return {name: _without_secrets(each) for name, each in yaml.safe_load(text)["resources"].items()}


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return value["fn::secret"] if "fn::secret" in value else {k: _without_secrets(v) for k, v in value.items()}
    return [_without_secrets(each) for each in value] if isinstance(value, list) else value


def services(namespace: str) -> dict[str, dict[str, Any]]:
    """The arguments of each StatefulService, as YAML has them."""
    return {
        name: each["properties"] for name, each in resources(namespace).items() if "StatefulService" in each["type"]
    }


def services_in_python(namespace: str) -> dict[str, dict[str, Any]]:
    """The arguments of each StatefulService, as Python has them."""
    return {name: in_python(args, StatefulServiceArgs) for name, args in services(namespace).items()}


def python_program(namespace: str) -> str:
    """The content of ``program.json`` beside the Python program."""
    objects = [
        (each["type"].rpartition(":")[2], name, {snake_case(key): value for key, value in each["properties"].items()})
        for name, each in resources(namespace).items()
        if each["type"].startswith("kubernetes:")
    ]
    return json.dumps({"objects": objects, "services": services_in_python(namespace)})


def in_python(value: Any, hint: Any) -> Any:
    """A value as a Python program writes it: the keys of arguments in snake_case, all others as they are."""
    inner = bare(hint)
    if typing.is_typeddict(inner):
        hints = inspect.get_annotations(inner)
        return {snake_case(key): in_python(each, hints[snake_case(key)]) for key, each in value.items()}
    if typing.get_origin(inner) is Sequence:
        return [in_python(each, typing.get_args(inner)[0]) for each in value]
    if typing.get_origin(inner) is Mapping:
        return {key: in_python(each, typing.get_args(inner)[1]) for key, each in value.items()}
    return value


def keys(hint: Any) -> Iterator[tuple[str, str]]:
    """Every key of every TypedDict that is reached from a type."""
    inner = bare(hint)
    if typing.is_typeddict(inner):
        for key, each in inspect.get_annotations(inner).items():
            yield inner.__name__, key
            yield from keys(each)
    elif typing.get_origin(inner) in (Sequence, Mapping):
        yield from keys(typing.get_args(inner)[-1])


def used(args: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Every key of every TypedDict that the arguments of a service use."""
    return {(of, key) for of, key, _ in used_fields(args, StatefulServiceArgs)}


def snake_case(name: str) -> str:
    """The name of an argument as Python has it."""
    return re.sub(r"[A-Z]", lambda capital: f"_{capital[0].lower()}", name)
