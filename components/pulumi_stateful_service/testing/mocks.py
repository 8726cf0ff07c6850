"""Pulumi mocks that keep what the engine would get: Pulumi's own show neither dependencies nor parents nor options."""

import asyncio
import contextvars
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import pulumi
from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped]
from pulumi.runtime import mocks, rpc, set_all_config, set_mocks
from pulumi.runtime.settings import SETTINGS, Settings, get_root_resource, set_root_resource

CLUSTER_IP = "10.96.0.10"
"""``clusterIP`` of every Service that is not headless."""
LOAD_BALANCER_IP = "203.0.113.10"
"""The address that every Service of type LoadBalancer gets."""

Computed = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]
"""Fields that a cluster would fill in, by type token and inputs; what a function returns, by token and arguments."""

_CLUSTER_WIDE = frozenset(
    {
        "ClusterRole",
        "ClusterRoleBinding",
        "CSIDriver",
        "CustomResourceDefinition",
        "IngressClass",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PriorityClass",
        "RuntimeClass",
        "StorageClass",
        "VolumeAttributesClass",
    }
)
_STACK = "pulumi:pulumi:Stack"
_STACK_REFERENCE = "pulumi:pulumi:StackReference"
_SEVERITIES = ("debug", "info", "warning", "error")
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Options:
    """A resource's options as the engine gets them: merged, and with what is inherited from the parents."""

    provider: str
    """URN of the provider; empty for the default one."""
    protect: bool
    retain_on_delete: bool
    delete_before_replace: bool
    ignore_changes: list[str]
    replace_on_changes: list[str]
    additional_secret_outputs: list[str]
    aliases: list[Any]
    """Each a URN, or what is different in the former one, such as ``{"name": "old"}``."""
    deleted_with: str
    """URN of the resource that takes this one with it."""
    import_: str
    """ID of the object that is imported."""
    custom_timeouts: Mapping[str, str]


@dataclass(frozen=True)
class Registered:
    """A resource as it was registered."""

    urn: str
    type: str
    """Pulumi's type token, such as ``kubernetes:apps/v1:StatefulSet``."""
    name: str
    """The resource's name in Pulumi."""
    inputs: Mapping[str, Any] = field(repr=False)
    """What the program asked for, in the provider's words. Secrets are plain here."""
    parent: str = field(repr=False)
    """URN of the parent."""
    depends_on: frozenset[str] = field(repr=False)
    """URNs of all resources that it waits for: named in ``depends_on``, or by using their outputs."""
    uses: Mapping[str, frozenset[str]] = field(repr=False)
    """For each input, URNs of the resources whose outputs it is made from."""
    options: Options = field(repr=False)

    @property
    def metadata(self) -> Mapping[str, Any]:
        """``metadata`` of a Kubernetes object."""
        return dict(self.inputs["metadata"])

    @property
    def spec(self) -> Mapping[str, Any]:
        """``spec`` of a Kubernetes object."""
        return dict(self.inputs["spec"])


@dataclass(frozen=True)
class Recording:
    """What a program registered, returned, exported and said."""

    resources: list[Registered]
    result: Any
    outputs: Mapping[str, Any]
    log: list[tuple[str, str]]


def record(
    program: Callable[[], Any],
    *,
    config: Mapping[str, str],
    project: str,
    stack: str,
    preview: bool,
    computed: Computed,
) -> Recording:
    """Runs a program against mocks and waits for all of it. Whatever it raises is raised here."""

    def run() -> Recording:
        Settings(project=project, stack=stack)  # every variable of Pulumi's runtime, afresh
        set_root_resource(cast("pulumi.Resource", None))
        set_all_config(dict(config), secret_keys=[])
        monitor, engine = _Monitor(computed), _Engine()
        set_mocks(monitor.mocks, project=project, stack=stack, preview=preview, monitor=monitor)
        SETTINGS.engine = cast("Any", engine)
        values: dict[str, Any] = {}

        @pulumi.runtime.test  # type: ignore[untyped-decorator]
        def deployment() -> pulumi.Output[None]:
            result = program()
            exported = cast("Any", get_root_resource()).outputs
            wanted = {"result": None if isinstance(result, pulumi.Resource) else result, "outputs": exported}
            return pulumi.Output.from_input(wanted).apply(values.update)

        try:
            deployment()
        except RuntimeError as error:
            if "attached to a different loop" in str(error):
                message = "an Output was made outside of the program that is deployed; make it inside"
                raise RuntimeError(message) from error
            raise
        return Recording(monitor.registered, values.get("result"), values.get("outputs", {}), engine.messages)

    return _apart(run)


def _apart(run: Callable[[], _Result]) -> _Result:
    """Runs in a thread, an event loop and a context of its own, where Pulumi keeps all its state.

    So nothing is left for the next one, and it works inside an event loop that runs already (an async test).
    """
    context = contextvars.copy_context()
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(context.run, _with_an_event_loop, run).result()


def _with_an_event_loop(run: Callable[[], _Result]) -> _Result:
    loop = asyncio.new_event_loop()
    requests = _Requests(1, initializer=lambda: asyncio.set_event_loop(asyncio.new_event_loop()))
    loop.set_default_executor(requests)
    # A program that fails half-way leaves tasks that nobody waits for; the failure itself is raised.
    loop.set_exception_handler(lambda _loop, _context: None)
    asyncio.set_event_loop(loop)
    try:
        return run()
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        asyncio.set_event_loop(None)
        requests.submit(lambda: asyncio.get_event_loop().close()).result()
        requests.shutdown()
        loop.close()


class _Requests(ThreadPoolExecutor):
    """Where requests to the monitor are served: with one thread, in the order in which they were made."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        # Pulumi leaves its context behind here, and so its mocks forget the names of project and stack.
        return super().submit(contextvars.copy_context().run, fn, *args, **kwargs)


class _Answers(mocks.Mocks):
    """Resources as they were asked for, with what a cluster fills in; what is only read, as the test says.

    Raises LookupError for what the test does not say: empty outputs would fail somewhere else, without a reason.
    """

    def __init__(self, computed: Computed) -> None:
        self.namespaces: dict[str, str] = {}
        """Of the providers, by URN."""
        self._computed = computed

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        inputs = _plain(args.inputs)
        by_default = self._by_cluster(args.typ, inputs, str(args.provider).rpartition("::")[0])
        metadata = inputs.get("metadata") or {}
        kubernetes_id = "/".join(filter(None, [metadata.get("namespace"), metadata.get("name")]))
        state = _overlaid(_overlaid(by_default, args.inputs), self._computed(args.typ, inputs))
        if args.typ == _STACK_REFERENCE and not isinstance(state.get("outputs"), Mapping):
            read = f"the outputs of stack {inputs.get('name', args.name)!r} (StackReference {args.name!r})"
            raise _not_given(read, args.typ, '{"outputs": {"NAME": "VALUE"}}')
        return args.resource_id or kubernetes_id or f"{args.name}-id", state

    def read(self, kind: str, name: str, identifier: str, inputs: Mapping[str, Any]) -> None:
        """Raises LookupError where the test does not say what the program reads of an object."""
        if kind != _STACK_REFERENCE and not self._computed(kind, inputs):
            raise _not_given(f"{name!r} ({kind} {identifier})", kind, '{"FIELD": "VALUE"}')

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        result = self._computed(args.token, _plain(args.args))
        if not result:
            raise _not_given(f"what the function {args.token} returns", args.token, '{"FIELD": "VALUE"}')
        return dict(result), []

    def _by_cluster(self, kind: str, inputs: Mapping[str, Any], provider: str) -> dict[str, Any]:
        # No uid: it would say that there is an API server, where the component follows the rollout.
        known: dict[str, Any] = {}
        if "apiVersion" in inputs and kind.rpartition(":")[2] not in _CLUSTER_WIDE:
            default = pulumi.Config("kubernetes").get("namespace") or "default"
            known["metadata"] = {"namespace": self.namespaces.get(provider, default)}
        if kind == "kubernetes:core/v1:Service":
            known["spec"] = {"type": "ClusterIP", "clusterIP": CLUSTER_IP}
            if inputs.get("spec", {}).get("type") == "LoadBalancer":
                known["status"] = {"loadBalancer": {"ingress": [{"ip": LOAD_BALANCER_IP}]}}
        return known


def _not_given(read: str, token: str, example: str) -> LookupError:
    return LookupError(
        f"the program reads {read}, which this test does not give. Give it with the argument computed of deploy, "
        f"such as computed=lambda kind, inputs: {example} if kind == {token!r} else {{}}"
    )


class _Monitor(mocks.MockMonitor):
    """Keeps the requests that the engine would get."""

    mocks: _Answers

    def __init__(self, computed: Computed) -> None:
        super().__init__(_Answers(computed))
        self.registered: list[Registered] = []

    def ReadResource(self, request: Any) -> Any:  # noqa: N802 - the engine's name
        self.mocks.read(request.type, request.name, request.id, _plain(rpc.deserialize_properties(request.properties)))
        return super().ReadResource(request)  # type: ignore[no-untyped-call]

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the engine's name
        response: Any = super().RegisterResource(request)  # type: ignore[no-untyped-call]
        if request.type != _STACK:
            registered = _registered(request, response.urn)
            self.registered.append(registered)
            if request.type == "pulumi:providers:kubernetes" and registered.inputs.get("namespace"):
                self.mocks.namespaces[response.urn] = registered.inputs["namespace"]
        return response


class _Engine:
    """Keeps the messages that the engine would show."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, str]] = []

    def Log(self, request: Any) -> None:  # noqa: N802 - the engine's name
        severity = _SEVERITIES[request.severity]
        if severity != "debug":
            self.messages.append((severity, request.message))


def _registered(request: Any, urn: str) -> Registered:
    uses = {key: frozenset(of.urns) for key, of in request.propertyDependencies.items()}
    return Registered(
        urn=urn,
        type=request.type,
        name=request.name,
        inputs=_plain(rpc.deserialize_properties(request.object)),
        parent=request.parent,
        depends_on=frozenset(request.dependencies).union(*uses.values()),
        uses=uses,
        options=Options(
            provider=request.provider.rpartition("::")[0],
            protect=request.protect,
            retain_on_delete=request.retainOnDelete,
            delete_before_replace=request.deleteBeforeReplace,
            ignore_changes=list(request.ignoreChanges),
            replace_on_changes=list(request.replaceOnChanges),
            additional_secret_outputs=list(request.additionalSecretOutputs),
            aliases=[alias.urn or MessageToDict(alias.spec) for alias in request.aliases],
            deleted_with=request.deletedWith,
            import_=request.importId,
            custom_timeouts=MessageToDict(request.customTimeouts),
        ),
    )


def _plain(value: Any) -> Any:
    """A value as the program gave it: no marks of secrets, and no whole number as a float."""
    if rpc.is_rpc_secret(value):
        return _plain(rpc.unwrap_rpc_secret(value))
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _overlaid(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    """The one laid over the other, maps within maps."""
    merged = dict(lower)
    for key, value in upper.items():
        below = merged.get(key)
        both = isinstance(below, Mapping) and isinstance(value, Mapping) and not rpc.is_rpc_secret(value)
        merged[key] = _overlaid(cast("Any", below), value) if both else value
    return merged
