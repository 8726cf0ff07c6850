"""Values that may be Outputs: computed at once where they are plain, resolved with as few Outputs as possible else.

Each time an Output is done, Pulumi's Python SDK goes through all that are not, so what a program costs grows with the
square of their number (``docs/performance.md``).
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Coroutine, Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import pulumi
from pulumi.output import UNKNOWN as UNKNOWN  # noqa: PLC0414 - for those who resolve
from pulumi.output import Unknown
from pulumi.runtime.rpc import is_rpc_secret, unwrap_rpc_secret

T = TypeVar("T")


@dataclass(frozen=True)
class Resolved:
    """A value without Outputs in it. What is unknown in a preview is ``UNKNOWN``, in its place."""

    value: Any
    secret: bool = False
    """Whether a secret is part of it."""
    resources: frozenset[pulumi.Resource] = frozenset()
    """The resources that it is made from."""

    @property
    def known(self) -> bool:
        """Whether no part of it is unknown."""
        return not contains_unknown(self.value)


def apply_inputs(function: Callable[..., Any], *values: Any) -> Any:
    """``function(*values)``: at once where no value has an Output in it, else an Output of it."""
    if not any(map(contains_output, values)):
        return function(*values)

    async def call() -> Resolved:
        arguments = await resolve(list(values))
        result = await resolve(function(*arguments.value)) if arguments.known else Resolved(UNKNOWN)
        return Resolved(result.value, arguments.secret or result.secret, arguments.resources | result.resources)

    return output_of(call())


async def apply_known(function: Callable[..., T | None], first: Any, *others: Any) -> T | None:
    """``function(first, *others)`` of their values; None where the first is None, or one of them is unknown."""
    if first is None:
        return None
    given = await resolve([first, *others])
    return function(*given.value) if given.known else None


class Independent(pulumi.Output[Any]):
    """An Output that is known to come from no resource."""


def output_of(
    computation: Coroutine[Any, Any, Resolved], kind: type[pulumi.Output[Any]] = pulumi.Output
) -> pulumi.Output[Any]:
    """The Output of a computation: unknown where any part of its value is."""
    task = asyncio.ensure_future(computation)
    resources, value = _Field(task, lambda of: set(of.resources)), _Field(task, lambda of: of.value)
    return kind(resources, value, _Field(task, lambda of: of.known), _Field(task, lambda of: of.secret))


class _Field:
    """One field of what a task returns. Unlike a coroutine it may be left without being awaited."""

    def __init__(self, task: asyncio.Future[Resolved], field: Callable[[Resolved], Any]) -> None:
        self._task = task
        self._field = field

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._field((yield from self._task.__await__()))


async def resolve(value: Any) -> Resolved:
    """The value with every Output and awaitable in it, at any depth, replaced by what it holds."""
    if type(value) in _PLAIN:
        return Resolved(value)
    if isinstance(value, pulumi.Output):
        inner = await resolve(await value.future(with_unknowns=True))
        held = inner.value if await value.is_known() or not inner.known else UNKNOWN
        return Resolved(
            held, inner.secret or await value.is_secret(), inner.resources | frozenset(await value.resources())
        )
    if inspect.isawaitable(value):
        return await resolve(await value)
    if isinstance(value, Mapping) and contains_output(value):
        parts = {key: await resolve(value[key]) for key in value}
        return _joined({key: part.value for key, part in parts.items()}, parts.values())
    if isinstance(value, list | tuple) and contains_output(value):
        items = [await resolve(each) for each in value]
        return _joined([item.value for item in items], items)
    return Resolved(value)


def _joined(value: Any, parts: Any) -> Resolved:
    parts = list(parts)
    resources: frozenset[pulumi.Resource] = frozenset().union(*(part.resources for part in parts))
    return Resolved(value, any(part.secret for part in parts), resources)


# The SDK's own dictionaries have fields such as ``values`` in place of the methods, so the keys are gone through.


_PLAIN = frozenset({str, int, float, bool, type(None)})
"""Types of most values. They are told apart first: isinstance is slow for abstract classes such as Mapping."""


def contains_output(value: Any) -> bool:
    """Whether an Output or another awaitable is in the value, at any depth of dictionaries, lists and tuples."""
    if type(value) in _PLAIN:
        return False
    if type(value) is dict:
        return any(map(contains_output, value.values()))
    if isinstance(value, Mapping):
        return any(contains_output(value[key]) for key in value)
    if isinstance(value, list | tuple):
        return any(map(contains_output, value))
    return isinstance(value, pulumi.Output) or inspect.isawaitable(value)


def contains_unknown(value: Any) -> bool:
    """Whether any part of a resolved value is unknown."""
    if type(value) in _PLAIN:
        return False
    if type(value) is dict:
        return any(map(contains_unknown, value.values()))
    if isinstance(value, Mapping):
        return any(contains_unknown(value[key]) for key in value)
    if isinstance(value, list | tuple):
        return any(map(contains_unknown, value))
    return isinstance(value, Unknown)


def without_dependencies(value: Any) -> tuple[Any, list[pulumi.Output[None]]]:
    """The value with Outputs that have no dependencies; and Outputs of nothing that have them, if there are any."""
    leaves: list[asyncio.Future[Resolved]] = []

    async def leaf_without_resources(leaf: asyncio.Future[Resolved]) -> Resolved:
        return replace(await leaf, resources=frozenset())

    def stripped(part: Any) -> Any:
        if not contains_output(part):
            return part
        if isinstance(part, Mapping):
            return {key: stripped(part[key]) for key in part}
        if isinstance(part, list | tuple):
            return [stripped(each) for each in part]
        if isinstance(part, Independent):
            return part
        leaf = asyncio.ensure_future(resolve(part))
        leaves.append(leaf)
        return output_of(leaf_without_resources(leaf))

    async def dependencies() -> Resolved:
        return Resolved(None, resources=frozenset().union(*[(await leaf).resources for leaf in leaves]))

    independent = stripped(value)
    return independent, [output_of(dependencies())] if leaves else []


_Transform = Callable[[pulumi.ResourceTransformArgs], Awaitable[pulumi.ResourceTransformResult]]


def on_open_properties(transform: _Transform) -> _Transform:
    """A transform that sees what the secret properties hold; they are secret again afterwards.

    The engine hands a property with a secret anywhere in it over as a secret as a whole, in a form of its own.
    """

    async def on_open(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult:
        secret = {name for name, value in args.props.items() if is_rpc_secret(value)}
        args.props = {name: unwrap_rpc_secret(value) if name in secret else value for name, value in args.props.items()}
        result = await transform(args)
        props = {name: pulumi.Output.secret(value) if name in secret else value for name, value in result.props.items()}
        return pulumi.ResourceTransformResult(props, result.opts)

    return on_open
