"""Hooks that all services of a program share, so that each is registered once.

Pulumi's SDK registers a hook by a request to the engine, and tells that in two debug messages. A hook for each service
costs more processor time than its calls (``docs/decisions/0054-hooks-and-transforms.md``).
"""

from collections.abc import Awaitable, Callable
from weakref import WeakKeyDictionary

import pulumi

Callback = Callable[[pulumi.ResourceHookArgs], Awaitable[None]]
HookOf = Callable[[str, str], pulumi.ResourceHook]
"""The hook of an object of this kind, and of this name in Pulumi."""


def shared_hook(
    purpose: str, callback: Callback, component: pulumi.Resource, component_name: str, *, on_dry_run: bool
) -> HookOf:
    """The hook for a purpose, which calls ``callback`` for the objects of a component.

    The services of a program share it. In a plugin each has its own, since there each has an event loop of its own.
    """
    program = pulumi.runtime.get_root_resource()
    hooks = {} if program is None else _of_programs.setdefault(program, {})
    if purpose not in hooks:
        name = _unique(f"{purpose} {component_name}") if program is None else purpose
        hooks[purpose] = _SharedHook(name, on_dry_run=on_dry_run)
    shared = hooks[purpose]

    def hook_of(kind: str, name: str) -> pulumi.ResourceHook:
        shared.callbacks.setdefault((kind, name), []).append((component, component_name, callback))
        return shared.hook

    return hook_of


class _SharedHook:
    """A hook that finds whom to call by the URN of the object that the engine operates on."""

    def __init__(self, name: str, *, on_dry_run: bool) -> None:
        """``name`` is unique in the deployment, and is shown before a refusal."""
        self.callbacks: dict[tuple[str, str], list[tuple[pulumi.Resource, str, Callback]]] = {}
        """For each kind of object and name in Pulumi the components that have such, their names, and what is called."""
        self.hook = pulumi.ResourceHook(name, self._call, pulumi.ResourceHookOptions(on_dry_run=on_dry_run))

    async def _call(self, args: pulumi.ResourceHookArgs) -> None:
        """Raises LookupError where nobody answers for the object: what nobody judges is not done."""
        for component, name, callback in self.callbacks.get((args.type.rpartition(":")[2], args.name), ()):
            if args.urn == child_urn(str(await component.urn.future()), name, args.type, args.name):
                await callback(args)
                return
        raise LookupError(f"no StatefulService of this program has {args.urn}")


def child_urn(parent_urn: str, parent_name: str, child_type: str, child_name: str) -> str:
    """The URN of a child, as Pulumi's engine makes it of the URN and the name of its parent."""
    return f"{parent_urn.removesuffix(f'::{parent_name}')}${child_type}::{child_name}"


_of_programs: WeakKeyDictionary[pulumi.Resource, dict[str, _SharedHook]] = WeakKeyDictionary()
"""The hooks of each program, which is known by its stack, by their purposes."""
_in_plugin: dict[str, int] = {}
"""How many hooks of this process have a name."""


def _unique(name: str) -> str:
    number = _in_plugin[name] = _in_plugin.get(name, 0) + 1
    return name if number == 1 else f"{name} ({number})"
