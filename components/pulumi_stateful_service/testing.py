"""For unit tests of a program that uses the component: deploys it to Pulumi mocks and shows what was asked for.

    def test_three_instances_in_production():
        deployed = deploy(lambda: StatefulService("db", {"image": "db:1", "replicas": 3}))
        assert deployed.stateful_set("db").spec["replicas"] == 3

Pulumi's own mocks show neither dependencies nor parents nor options; this records them. Everything the program does
is awaited, outputs come back as plain values, and an error inside an ``apply`` is raised, so no assertion is lost in
one. Each deployment starts from nothing.

No engine, no provider and no cluster: it shows what is asked of Pulumi, not what Kubernetes does with it.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pulumi
from pulumi.runtime import mocks, set_all_config, set_mocks
from pulumi.runtime.settings import set_root_resource

__all__ = ["Deployment", "Registered", "deploy"]


@dataclass(frozen=True)
class Registered:
    """A resource as it was registered."""

    urn: str
    type: str
    """Pulumi's type token, such as ``kubernetes:apps/v1:StatefulSet``."""
    name: str
    """The resource's name in Pulumi."""
    inputs: Mapping[str, Any]
    """What the program asked for, in the provider's words."""
    parent: str
    """URN of the parent."""
    depends_on: frozenset[str]
    """URNs of all resources that it waits for: named in ``depends_on``, or by using their outputs."""
    request: Any = field(repr=False)
    """The request as the engine gets it, for options not shown here (``ignoreChanges``, ``retainOnDelete`` …)."""

    @property
    def metadata(self) -> Mapping[str, Any]:
        """``metadata`` of a Kubernetes object."""
        return dict(self.inputs["metadata"])

    @property
    def spec(self) -> Mapping[str, Any]:
        """``spec`` of a Kubernetes object."""
        return dict(self.inputs["spec"])


@dataclass(frozen=True)
class Deployment:
    """What a program registered, in order, and what it returned."""

    resources: list[Registered]
    result: Any
    """What the program returned, its Outputs as plain values."""
    log: list[tuple[str, str]]
    """Messages of the program as (severity, text)."""

    def all(self, kind: str) -> list[Registered]:
        """Every resource of a kind: the last part of its type, such as ``StatefulSet``."""
        return [resource for resource in self.resources if resource.type.rpartition(":")[2] == kind]

    def one(self, kind: str, name: str | None = None) -> Registered:
        """The only resource of a kind, or the one with this name in Kubernetes. Raises LookupError otherwise."""
        found = self.all(kind)
        if name is not None:
            found = [resource for resource in found if resource.inputs.get("metadata", {}).get("name") == name]
        if len(found) != 1:
            known = ", ".join(f"{resource.type} {resource.name}" for resource in self.resources)
            raise LookupError(
                f"{len(found)} resources of kind {kind}{f' named {name}' if name else ''}; there are {known}"
            )
        return found[0]

    def stateful_set(self, name: str | None = None) -> Registered:
        """The StatefulSet."""
        return self.one("StatefulSet", name)

    def governing_service(self, stateful_set: str | None = None) -> Registered:
        """The Service that the set names in ``serviceName``."""
        return self.one("Service", self.stateful_set(stateful_set).spec["serviceName"])

    def comes_after(self, later: Registered, earlier: Registered) -> bool:
        """Whether the one waits for the other, directly or through others; a child waits for what its parent does."""
        by_urn = {resource.urn: resource for resource in self.resources}
        pending, seen = [later], {later.urn}
        while pending:
            resource = pending.pop()
            for urn in (resource.depends_on | {resource.parent}) - seen:
                if urn == earlier.urn:
                    return True
                seen.add(urn)
                if urn in by_urn:
                    pending.append(by_urn[urn])
        return False


def deploy(
    program: Callable[[], Any],
    *,
    config: Mapping[str, str] | None = None,
    project: str = "project",
    stack: str = "stack",
    preview: bool = False,
    computed: Callable[[str, Mapping[str, Any]], Mapping[str, Any]] | None = None,
) -> Deployment:
    """Runs a program against mocks and waits for all of it.

    ``config`` is the stack's configuration (``{"project:key": "value"}``). ``computed`` gives the fields that a
    cluster would fill in, by type token and inputs; by default a namespace, for objects that have none. Whatever the
    program raises is raised here.
    """
    # As Pulumi does when it runs a program: a graph that fails half-way leaves futures that nobody waits for.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    monitor = _RecordingMonitor(computed or _computed)
    logged = _RecordingLogger()
    set_root_resource(cast("pulumi.Resource", None))
    set_mocks(monitor.mocks, project=project, stack=stack, preview=preview, monitor=monitor)
    pulumi.runtime.settings.SETTINGS.engine = logged
    set_all_config(dict(config or {}))
    results: list[Any] = []

    @pulumi.runtime.test  # type: ignore[untyped-decorator]
    def run() -> pulumi.Output[None]:
        return pulumi.Output.from_input(_returned(program())).apply(results.append)

    run()
    return Deployment(monitor.registered, results[0] if results else None, logged.messages)


def _returned(value: Any) -> Any:
    return None if isinstance(value, pulumi.Resource) else value


def _computed(_: str, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    metadata = inputs.get("metadata")
    return {**inputs, "metadata": {"namespace": "default", **metadata}} if isinstance(metadata, Mapping) else inputs


class _Echo(mocks.Mocks):
    """Resources as they were asked for; functions that return their arguments."""

    def __init__(self, computed: Callable[[str, Mapping[str, Any]], Mapping[str, Any]]) -> None:
        self._computed = computed

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        metadata = args.inputs.get("metadata") or {}
        kubernetes_id = "/".join(filter(None, [metadata.get("namespace"), metadata.get("name")]))
        return args.resource_id or kubernetes_id or f"{args.name}-id", dict(self._computed(args.typ, args.inputs))

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        return args.args, None


class _RecordingMonitor(mocks.MockMonitor):
    """Keeps the requests that the engine would get."""

    def __init__(self, computed: Callable[[str, Mapping[str, Any]], Mapping[str, Any]]) -> None:
        super().__init__(_Echo(computed))
        self.registered: list[Registered] = []

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the engine's name
        response: Any = super().RegisterResource(request)  # type: ignore[no-untyped-call]
        if request.type != "pulumi:pulumi:Stack":
            used = (urn for of in request.propertyDependencies.values() for urn in of.urns)
            self.registered.append(
                Registered(
                    urn=response.urn,
                    type=request.type,
                    name=request.name,
                    inputs=pulumi.runtime.rpc.deserialize_properties(request.object),
                    parent=request.parent,
                    depends_on=frozenset([*request.dependencies, *used]),
                    request=request,
                )
            )
        return response


class _RecordingLogger:
    """Keeps the messages that the engine would show."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, str]] = []

    def Log(self, request: Any) -> None:  # noqa: N802 - the engine's name
        severity = ("debug", "info", "warning", "error")[request.severity]
        if severity != "debug":
            self.messages.append((severity, request.message))
