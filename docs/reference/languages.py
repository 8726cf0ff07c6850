"""A program with one service, in Python, in TypeScript and in YAML."""

import functools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from pulumi_stateful_service import StatefulServiceArgs
from pulumi_stateful_service.plugin import Plugin

from docs.reference.argument_types import renamed

_WIDTH = 100


@dataclass(frozen=True)
class Secret:
    """A secret value of the stack's configuration."""

    key: str


def in_python(name: str, args: Mapping[str, Any]) -> str:
    """The program in Python."""
    secrets = [*_secrets(args)]
    imports = ["import pulumi"] * bool(secrets) + ["from pulumi_stateful_service import StatefulService"]
    config = ["config = pulumi.Config()", ""] * bool(secrets)
    literal = _Literal("{{{}}}", '"{}": {}', "True", "False", 'config.require_secret("{}")')
    return "\n".join([*imports, "", *config, f'StatefulService("{name}", {literal.of(args)})'])


def in_typescript(name: str, args: Mapping[str, Any]) -> str:
    """The program in TypeScript."""
    secrets = [*_secrets(args)]
    imports = ['import * as pulumi from "@pulumi/pulumi";'] * bool(secrets)
    imports += ['import { StatefulService } from "@pulumi-stateful-service/stateful-service";']
    config = ["const config = new pulumi.Config();", ""] * bool(secrets)
    literal = _Literal("{{ {} }}", "{}: {}", "true", "false", 'config.requireSecret("{}")')
    return "\n".join([*imports, "", *config, f'new StatefulService("{name}", {literal.of(in_camel_case(args))});'])


def in_yaml(name: str, args: Mapping[str, Any]) -> str:
    """The program in YAML, without its name, runtime and packages."""
    config = {secret.key: {"type": "string", "secret": True} for secret in _secrets(args)}
    resource = {"type": "stateful-service:StatefulService", "properties": _with_expressions(in_camel_case(args))}
    program = {**({"config": config} if config else {}), "resources": {name: resource}}
    return yaml.dump(program, Dumper=_Dumper, sort_keys=False, default_flow_style=None, width=_WIDTH).rstrip()


def in_camel_case(args: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with the names that other languages have for them."""
    result: dict[str, Any] = renamed(args, StatefulServiceArgs, _plugin().in_camel_case)
    return result


@functools.cache
def _plugin() -> Plugin:
    return Plugin()


@dataclass(frozen=True)
class _Literal:
    """How a language writes maps, lists and values."""

    maps: str
    """On one line."""
    pairs: str
    true: str
    false: str
    secret: str

    def of(self, args: Mapping[str, Any]) -> str:
        """The arguments, each on a line of its own at least."""
        lines = [f"    {self._pair(key, value, 4)}," for key, value in args.items()]
        return "\n".join(["{", *lines, "}"])

    def _value(self, value: Any, indent: int, width: int) -> str:
        """A value on one line where that is short enough."""
        inline = self._inline(value)
        if not isinstance(value, dict | list) or not value or len(inline) <= width:
            return inline
        if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
            return f"[{self._value(value[0], indent, 0)}]"
        inner = indent + 4
        if isinstance(value, dict):
            lines = [f"{' ' * inner}{self._pair(key, each, inner)}," for key, each in value.items()]
            return "\n".join(["{", *lines, f"{' ' * indent}}}"])
        lines = [f"{' ' * inner}{self._value(each, inner, _WIDTH - inner - 1)}," for each in value]
        return "\n".join(["[", *lines, f"{' ' * indent}]"])

    def _pair(self, key: str, value: Any, indent: int) -> str:
        key_and = self.pairs.format(self._key(key), "")
        return key_and + self._value(value, indent, _WIDTH - indent - len(key_and) - 1)

    def _inline(self, value: Any) -> str:
        if isinstance(value, dict):
            pairs = (self.pairs.format(self._key(key), self._inline(each)) for key, each in value.items())
            return self.maps.format(", ".join(pairs)) if value else "{}"
        if isinstance(value, list):
            return f"[{', '.join(map(self._inline, value))}]"
        if isinstance(value, Secret):
            return self.secret.format(value.key)
        if isinstance(value, bool):
            return self.true if value else self.false
        return json.dumps(value)

    def _key(self, key: str) -> str:
        is_name = key.isidentifier() or self.pairs.startswith('"')
        return key if is_name else json.dumps(key)


def _secrets(value: Any) -> Iterator[Secret]:
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _secrets(each)


def _with_expressions(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_expressions(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_with_expressions(each) for each in value]
    return f"${{{value.key}}}" if isinstance(value, Secret) else value


class _Dumper(yaml.SafeDumper):
    """Long texts as blocks."""


_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None),
)
