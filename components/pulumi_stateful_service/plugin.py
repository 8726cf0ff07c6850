"""The component as a Pulumi plugin, for programs in other languages.

Pulumi's provider host for Python infers the schema from annotations and docstrings, and serves it. This module adds
what the host lacks: enumerations and ``int | str`` in the schema, metadata for the generated SDKs, argument names and
error messages as the other languages write them, and inputs of which none is dropped and whose order is stable.
"""

import inspect
import json
import logging
import re
import sys
from collections.abc import Awaitable, Callable, Generator, Iterator, Mapping
from importlib import metadata
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi.errors import InputPropertiesError
from pulumi.provider import ConstructResult, main
from pulumi.provider.experimental.analyzer import Analyzer, ComponentDefinition, PropertyDefinition
from pulumi.provider.experimental.component import ComponentProvider
from pulumi.provider.server import ComponentInitError

from pulumi_stateful_service.arguments import types as argument_types
from pulumi_stateful_service.arguments.resource_options import REFUSED
from pulumi_stateful_service.component import StatefulService
from pulumi_stateful_service.errors import ArgumentError, use_argument_names
from pulumi_stateful_service.foundation.letter_case import camel_case

if TYPE_CHECKING:
    from enum import StrEnum

PACKAGE = "stateful-service"
_DISTRIBUTION = "pulumi-stateful-service"
_NAMESPACE = "pulumi-stateful-service"
"""Before the package's name in generated SDKs: ``@pulumi-stateful-service/stateful-service`` for Node.js."""

_SNAKE_CASE = re.compile(r"\b[a-z]+(?:_[a-z]+)+\b")
_ONE_OF = re.compile(r"\b[Oo]ne of `([A-Z]\w+)`")
_REFERENCE = re.compile(r"\$\(([^)]+)\)")
_INT_OR_STRING = "pulumi.json#/IntOrString"
"""Stands for ``int | str`` until the schema is completed."""


def serve() -> None:
    """Serves the plugin to the engine that started it."""
    # As Pulumi does when it runs a program: otherwise each output that fails with the error is logged again.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    plugin = Plugin()
    use_argument_names(plugin.in_camel_case)
    main(plugin, sys.argv[1:])


class UnionAnalyzer(Analyzer):
    """Pulumi's schema inference, which rejects unions, with support for ``int | str``."""

    def analyze_property(self, arg: type, typ: type, name: str, **options: Any) -> PropertyDefinition:
        """The definition of a property."""
        if arg != int | str:
            return super().analyze_property(arg, typ, name, **options)
        definition = super().analyze_property(str, typ, name, **options)
        definition.type, definition.ref = None, _INT_OR_STRING
        return definition


class Plugin(ComponentProvider):
    """Serves the component and its schema."""

    def __init__(self) -> None:
        super().__init__([StatefulService], PACKAGE, _NAMESPACE, metadata.version(_DISTRIBUTION))
        definitions = [*self._type_defs.values(), self._component_defs[StatefulService.__name__]]
        self._names: dict[str, str] = {}
        for each in definitions:
            mappings = [getattr(each, of, {}) for of in ("properties_mapping", "inputs_mapping", "outputs_mapping")]
            self._names.update({python: schema for mapping in mappings for schema, python in mapping.items()})
        self._names.update({option: camel_case(option) for option in REFUSED})
        self.schema = json.dumps(self._completed_schema(json.loads(self.schema or "{}")))

    @property
    def analyzer(self) -> Analyzer:
        """Infers the schema."""
        return self._analyzer

    @analyzer.setter
    def analyzer(self, _: Analyzer) -> None:
        # The base class sets its own, and has no other way to choose one.
        self._analyzer = UnionAnalyzer(PACKAGE)

    def construct(
        self,
        name: str,
        resource_type: str,
        inputs: pulumi.Inputs,
        options: pulumi.ResourceOptions | None = None,
    ) -> ConstructResult:
        """Registers the component."""
        try:
            return super().construct(name, resource_type, inputs, options)
        except ComponentInitError as error:
            if isinstance(error.inner, pulumi.RunError):
                raise self._input_error(error.inner) from None
            raise

    def map_inputs(self, inputs: pulumi.Inputs, component_def: ComponentDefinition) -> dict[str, Any]:
        """The arguments of the component. Unknown names are kept, so that the component refuses them."""
        args = self._renamed(inputs, component_def.inputs, component_def.inputs_mapping)
        if isinstance(args.get("env"), dict):
            args["env"] = in_order_of_use(args["env"])
        return args

    def _renamed(
        self, value: Mapping[str, Any], properties: Mapping[str, PropertyDefinition], names: Mapping[str, str]
    ) -> dict[str, Any]:
        # Sorted, since maps arrive in another order at each run, and some become lists in Kubernetes.
        return {
            names.get(key, key): self._value(each, properties[key]) if key in properties else each
            for key, each in sorted(value.items())
        }

    def _value(self, value: Any, definition: PropertyDefinition) -> Any:
        if definition.items and isinstance(value, list):
            return [self._value(each, definition.items) for each in value]
        if definition.additional_properties and isinstance(value, dict):
            return {key: self._value(each, definition.additional_properties) for key, each in sorted(value.items())}
        if definition.ref and isinstance(value, dict) and (known := self.get_type_definition(definition)):
            return self._renamed(value, known.properties, known.properties_mapping)
        return value

    def get_state(self, instance: pulumi.ComponentResource, component_def: ComponentDefinition) -> dict[str, Any]:
        """The outputs of the component. They are registered here: only programs in other languages need that."""
        outputs = super().get_state(instance, component_def)
        instance.register_outputs(outputs)
        return {name: self._with_input_errors(output) for name, output in outputs.items()}

    def _with_input_errors(self, output: pulumi.Output[Any]) -> pulumi.Output[Any]:
        def converted(field: Callable[[], Awaitable[Any]]) -> Awaitable[Any]:
            return _ConvertedErrors(field, self._input_error)

        return pulumi.Output(
            converted(output.resources),
            converted(lambda: output.future(with_unknowns=True)),
            converted(output.is_known),
            converted(output.is_secret),
        )

    def _input_error(self, error: pulumi.RunError) -> InputPropertiesError:
        """The error in the form that Pulumi prints as its message, without a stack trace."""
        if isinstance(error, ArgumentError):
            return InputPropertiesError(error.for_other_languages(self.in_camel_case), [])
        return InputPropertiesError(self.in_camel_case(str(error)), [])

    def in_camel_case(self, text: str) -> str:
        """The text with the names of arguments and outputs as other languages write them."""
        return _SNAKE_CASE.sub(lambda name: self._names.get(name[0], name[0]), text)

    def _completed_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        project = metadata.metadata(_DISTRIBUTION)
        urls = dict(url.split(", ") for url in project.get_all("Project-URL", []))
        schema |= {
            "displayName": "Stateful Service",
            "description": project["Summary"],
            "keywords": ["pulumi", "kubernetes", "statefulset", "kind/component", "category/infrastructure"],
            "license": project["License-Expression"],
            "publisher": _NAMESPACE,
            "repository": urls["Repository"],
        }
        # Without it the SDK for Go refers to types that it does not have, those of the values of maps.
        schema["language"]["go"]["generateExtraInputTypes"] = True
        resource = schema["resources"][f"{PACKAGE}:index:{StatefulService.__name__}"]
        for each in (resource, *schema["types"].values()):
            each["description"] = self._description(each["description"])
        enumerations: set[str] = set()
        for properties in (
            resource["inputProperties"],
            resource["properties"],
            *(each.get("properties", {}) for each in schema["types"].values()),
        ):
            for each in properties.values():
                enumerations |= self._complete_property(each)
        schema["types"] |= {f"{PACKAGE}:index:{name}": self._enumeration(name) for name in enumerations}
        # The SDKs of the other languages append Args to the names of types that are inputs.
        without_args = re.sub(rf"\b({PACKAGE}:index:\w+?)Args\b", r"\1", json.dumps(schema))
        return dict(json.loads(without_args))

    def _complete_property(self, schema: dict[str, Any]) -> set[str]:
        """Completes the schema of a property. Returns the name of its enumeration, if it has one."""
        schema["description"] = self._description(schema["description"])
        for value in _nested(schema):
            if value is not schema:
                # Pulumi repeats the description for the items.
                value.pop("description", None)
            if value.get("$ref") == _INT_OR_STRING:
                del value["$ref"]
                value["oneOf"] = [{"type": "integer"}, {"type": "string"}]
        if (one_of := _ONE_OF.search(schema["description"])) is None:
            return set()
        target = schema.get("items") or schema.get("additionalProperties") or schema
        del target["type"]
        target["$ref"] = f"#/types/{PACKAGE}:index:{one_of[1]}"
        return {one_of[1]}

    def _enumeration(self, name: str) -> dict[str, Any]:
        members: type[StrEnum] = getattr(argument_types, name)
        return {
            "type": "string",
            "description": self._description(members.__doc__),
            "enum": [
                {
                    "value": member.value,
                    "description": self._description(self.analyzer.get_docstring(members, member.name)),
                }
                for member in members
            ],
        }

    def _description(self, docstring: str | None) -> str:
        if not docstring:
            raise ValueError("every argument and every output needs a docstring")
        return self.in_camel_case(inspect.cleandoc(docstring).replace("``", "`"))


class _ConvertedErrors:
    """A field of an Output whose ``pulumi.RunError`` is converted. The field is read when it is awaited."""

    def __init__(
        self, field: Callable[[], Awaitable[Any]], convert: Callable[[pulumi.RunError], InputPropertiesError]
    ) -> None:
        self._field = field
        self._convert = convert

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._wait().__await__()

    async def _wait(self) -> Any:
        try:
            return await self._field()
        except pulumi.RunError as error:
            raise self._convert(error) from None


def in_order_of_use(env: Mapping[str, Any]) -> dict[str, Any]:
    """Environment variables by name, each after the variables that its value refers to, as Kubernetes requires."""
    ordered: dict[str, Any] = {}
    visited: set[str] = set()

    def visit(name: str) -> None:
        if name in env and name not in visited:
            visited.add(name)
            for used in _REFERENCE.findall(env[name]) if isinstance(env[name], str) else ():
                visit(used)
            ordered[name] = env[name]

    for name in sorted(env):
        visit(name)
    return ordered


def _nested(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The schema of a value, and those of its items, and of theirs."""
    inner: dict[str, Any] | None = schema
    while inner is not None:
        yield inner
        inner = inner.get("items") or inner.get("additionalProperties")
