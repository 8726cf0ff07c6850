"""The component as a Pulumi plugin, for programs in other languages.

Pulumi's own host infers the schema from the annotations and docstrings, and serves it. Here is what it lacks: words of
a closed set as enumerations, names and errors as the other languages have them, nothing that arrives lost or in
another order at each run.
"""

import inspect
import json
import logging
import re
import sys
from collections.abc import Awaitable, Callable, Generator, Mapping
from importlib import metadata
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi.errors import InputPropertiesError
from pulumi.provider import ConstructResult, main
from pulumi.provider.experimental.analyzer import ComponentDefinition, PropertyDefinition
from pulumi.provider.experimental.component import ComponentProvider
from pulumi.provider.server import ComponentInitError

from pulumi_stateful_service.arguments import types as argument_types
from pulumi_stateful_service.component import StatefulService

if TYPE_CHECKING:
    from enum import StrEnum

PACKAGE = "stateful-service"
_DISTRIBUTION = "pulumi-stateful-service"

_SNAKE_CASE = re.compile(r"\b[a-z]+(?:_[a-z]+)+\b")
_WORDS_OF = re.compile(r"\b[Ww]ords? of `(\w+)`")
_REFERENCE = re.compile(r"\$\(([^)]+)\)")


def serve() -> None:
    """Serves the plugin to the engine that started it."""
    # As Pulumi does when it runs a program: the error says what failed, not each value that was to come of it.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    main(Plugin(), sys.argv[1:])


class Plugin(ComponentProvider):
    """The component and its schema."""

    def __init__(self) -> None:
        super().__init__([StatefulService], PACKAGE, version=metadata.version(_DISTRIBUTION))
        definitions = [*self._type_defs.values(), self._component_defs[StatefulService.__name__]]
        self._names: dict[str, str] = {}
        for each in definitions:
            mappings = [getattr(each, of, {}) for of in ("properties_mapping", "inputs_mapping", "outputs_mapping")]
            self._names.update({python: schema for mapping in mappings for schema, python in mapping.items()})
        self.schema = json.dumps(self._completed(json.loads(self.schema or "{}")))

    def construct(
        self,
        name: str,
        resource_type: str,
        inputs: pulumi.Inputs,
        options: pulumi.ResourceOptions | None = None,
    ) -> ConstructResult:
        """The component, registered."""
        try:
            return super().construct(name, resource_type, inputs, options)
        except ComponentInitError as error:
            if isinstance(error.inner, pulumi.RunError):
                raise self._told(error.inner) from None
            raise

    def map_inputs(self, inputs: pulumi.Inputs, component_def: ComponentDefinition) -> dict[str, Any]:
        """The component's arguments: what is not known keeps its name, so that the component refuses it."""
        args = self._python(inputs, component_def.inputs, component_def.inputs_mapping)
        if isinstance(args.get("env"), dict):
            args["env"] = in_order_of_use(args["env"])
        return args

    def _python(
        self, value: Mapping[str, Any], properties: Mapping[str, PropertyDefinition], names: Mapping[str, str]
    ) -> dict[str, Any]:
        # In order, since maps arrive in another one at each run, and Kubernetes makes lists of some.
        return {
            names.get(key, key): self._value(each, properties[key]) if key in properties else each
            for key, each in sorted(value.items())
        }

    def _value(self, value: Any, of: PropertyDefinition) -> Any:
        if of.items and isinstance(value, list):
            return [self._value(each, of.items) for each in value]
        if of.additional_properties and isinstance(value, dict):
            return {key: self._value(each, of.additional_properties) for key, each in sorted(value.items())}
        if of.ref and isinstance(value, dict) and (known := self.get_type_definition(of)):
            return self._python(value, known.properties, known.properties_mapping)
        return value

    def get_state(self, instance: pulumi.ComponentResource, component_def: ComponentDefinition) -> dict[str, Any]:
        """The component's outputs, which are registered here: only programs in other languages read them from there."""
        outputs = super().get_state(instance, component_def)
        instance.register_outputs(outputs)
        return {name: self._with_told_errors(output) for name, output in outputs.items()}

    def _with_told_errors(self, output: pulumi.Output[Any]) -> pulumi.Output[Any]:
        def told(look: Callable[[], Awaitable[Any]]) -> Awaitable[Any]:
            return _Told(look, self._told)

        return pulumi.Output(
            told(output.resources),
            told(lambda: output.future(with_unknowns=True)),
            told(output.is_known),
            told(output.is_secret),
        )

    def _told(self, error: pulumi.RunError) -> InputPropertiesError:
        """The error in the form that Pulumi shows as its message alone."""
        return InputPropertiesError(self._in_their_words(str(error)), [])

    def _in_their_words(self, text: str) -> str:
        return _SNAKE_CASE.sub(lambda name: self._names.get(name[0], name[0]), text)

    def _completed(self, schema: dict[str, Any]) -> dict[str, Any]:
        project = metadata.metadata(_DISTRIBUTION)
        schema |= {
            "displayName": "Stateful Service",
            "description": project["Summary"],
            "keywords": ["pulumi", "kubernetes", "statefulset", "kind/component", "category/infrastructure"],
            "license": project["License-Expression"],
            "publisher": "pulumi-stateful-service",
        }
        resource = schema["resources"][f"{PACKAGE}:index:{StatefulService.__name__}"]
        for each in (resource, *schema["types"].values()):
            each["description"] = self._description(each["description"])
        used: set[str] = set()
        for properties in (
            resource["inputProperties"],
            resource["properties"],
            *(each.get("properties", {}) for each in schema["types"].values()),
        ):
            for each in properties.values():
                used |= self._complete_property(each)
        schema["types"] |= {f"{PACKAGE}:index:{name}": self._enumeration(name) for name in used}
        # The other languages' SDKs put Args behind the names of types that are arguments.
        plain = re.sub(rf"\b({PACKAGE}:index:\w+?)Args\b", r"\1", json.dumps(schema))
        return dict(json.loads(plain))

    def _complete_property(self, of: dict[str, Any]) -> set[str]:
        """Describes a property, and the enumeration that it uses, if any."""
        of["description"] = self._description(of["description"])
        for within in ("items", "additionalProperties"):
            # Pulumi describes what is within as it does the whole.
            of.get(within, {}).pop("description", None)
        if (words := _WORDS_OF.search(of["description"])) is None:
            return set()
        target = of.get("items") or of.get("additionalProperties") or of
        del target["type"]
        target["$ref"] = f"#/types/{PACKAGE}:index:{words[1]}"
        return {words[1]}

    def _enumeration(self, name: str) -> dict[str, Any]:
        words: type[StrEnum] = getattr(argument_types, name)
        return {
            "type": "string",
            "description": self._description(words.__doc__),
            "enum": [
                {"value": word.value, "description": self._description(self.analyzer.get_docstring(words, word.name))}
                for word in words
            ],
        }

    def _description(self, docstring: str | None) -> str:
        if not docstring:
            raise ValueError("every argument and every output needs a docstring")
        return self._in_their_words(inspect.cleandoc(docstring).replace("``", "`"))


class _Told:
    """Something to wait for, begun when it is waited for, whose error is told in another form."""

    def __init__(
        self, look: Callable[[], Awaitable[Any]], told: Callable[[pulumi.RunError], InputPropertiesError]
    ) -> None:
        self._look = look
        self._told = told

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._wait().__await__()

    async def _wait(self) -> Any:
        try:
            return await self._look()
        except pulumi.RunError as error:
            raise self._told(error) from None


def in_order_of_use(env: Mapping[str, Any]) -> dict[str, Any]:
    """Environment variables by name, but each after those that its value refers to, as Kubernetes wants it."""
    placed: dict[str, Any] = {}
    seen: set[str] = set()

    def place(name: str) -> None:
        if name in env and name not in seen:
            seen.add(name)
            for used in _REFERENCE.findall(env[name]) if isinstance(env[name], str) else ():
                place(used)
            placed[name] = env[name]

    for name in sorted(env):
        place(name)
    return placed
