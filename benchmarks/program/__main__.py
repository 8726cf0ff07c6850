"""Many services in one program: by the component, written out, grouped without or with outputs, or by a chart.

``settings.json`` says which and where.

Leaves what the process itself used in ``usage.json``: its processor time in seconds, and the peak of its memory in KiB.
"""

import atexit
import importlib
import json
import resource
from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

settings: dict[str, Any] = json.loads(Path("settings.json").read_text())
names = [f"db-{number}" for number in range(settings["services"])]
provider = kubernetes.Provider("cluster", **settings["provider"])
on_cluster = pulumi.ResourceOptions(provider=provider)


def by_component() -> None:
    """The component."""
    from pulumi_stateful_service import StatefulService  # noqa: PLC0415 - the other ways don't need it

    for name in names:
        service = StatefulService(name, settings["args"], on_cluster)
        for output in settings["exported"]:
            pulumi.export(output, getattr(service, output))


def written_out() -> None:
    """The same objects, each after those before it."""
    text = Path("objects.json").read_text()
    for name in names:
        make(text, name, on_cluster)


def grouped() -> None:
    """The same objects again, those of each service in a component that does nothing but group them."""
    text = Path("objects.json").read_text()
    for name in names:
        group = pulumi.ComponentResource("benchmarks:index:Group", name, None, on_cluster)
        make(text, name, pulumi.ResourceOptions(parent=group))
        group.register_outputs({})


def registered() -> None:
    """The same groups, each with the outputs that the component registers, once its set is there."""
    text, outputs = Path("objects.json").read_text(), Path("outputs.json").read_text()
    for name in names:
        group = pulumi.ComponentResource("benchmarks:index:Group", name, None, on_cluster)
        stateful_set = make(text, name, pulumi.ResourceOptions(parent=group))[-1]
        values = json.loads(outputs.replace(settings["placeholder"], name))
        group.register_outputs({output: after(stateful_set, output, value) for output, value in values.items()})


def guarded() -> None:
    """The same groups, where the engine asks the program about each object, as the component has it asked."""

    async def agree(_: pulumi.ResourceHookArgs) -> None:
        return None

    async def unchanged(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult:
        return pulumi.ResourceTransformResult(args.props, args.opts)

    share_callback_server()
    text = Path("objects.json").read_text()
    for name in names:
        group = pulumi.ComponentResource("benchmarks:index:Group", name, None, on_cluster)
        hook = pulumi.ResourceHook(name, agree, pulumi.ResourceHookOptions(on_dry_run=True))
        asked = pulumi.ResourceHookBinding(before_create=[hook], before_update=[hook])
        of_set = pulumi.ResourceOptions(transforms=[unchanged])
        make(text, name, pulumi.ResourceOptions(parent=group, hooks=asked), of_set)
        group.register_outputs({})


def share_callback_server() -> None:
    """Has all hooks and transforms called through one server, as the component does: the SDK starts one for each."""
    runtime = importlib.import_module("pulumi.runtime.settings")
    wait = importlib.import_module("pulumi.runtime.sync_await")._sync_await  # noqa: SLF001 - there is no public way
    runtime.SETTINGS.callbacks = wait(runtime._get_callbacks())  # noqa: SLF001


def after(stateful_set: Any, output: str, value: Any) -> Any:
    """An output that is known when the set is there; a revision is the set's own."""
    if output == "currentRevision":
        return stateful_set.status.apply(lambda status: status and status.current_revision)
    if output == "updateRevision":
        return stateful_set.status.apply(lambda status: status and status.update_revision)
    return stateful_set.metadata.apply(lambda _: value)


def make(
    text: str, name: str, opts: pulumi.ResourceOptions, of_set: pulumi.ResourceOptions | None = None
) -> list[pulumi.Resource]:
    """Registers the objects of one service, each after those before it; the set, with options of its own, is last."""
    made: list[pulumi.Resource] = []
    for each in json.loads(text.replace(settings["placeholder"], name)):
        group, _, version = each.pop("apiVersion").rpartition("/")
        module = importlib.import_module(f"pulumi_kubernetes.{group.partition('.')[0] or 'core'}.{version}")
        ordered = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=list(made)))
        kind = getattr(module, each.pop("kind"))
        if of_set is not None and kind.__name__ == "StatefulSet":
            ordered = pulumi.ResourceOptions.merge(ordered, of_set)
        made.append(kind(f"{each['metadata']['name']}-{kind.__name__}", **each, opts=ordered))
    return made


def by_chart() -> None:
    """A release of a chart with the same objects."""
    for name in names:
        kubernetes.helm.v4.Chart(name, chart="./chart", namespace=settings["args"]["namespace"], opts=on_cluster)


def leave_usage() -> None:
    """Writes what this process used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    Path("usage.json").write_text(json.dumps({"seconds": used.ru_utime + used.ru_stime, "memory": used.ru_maxrss}))


WAYS = {
    "component": by_component,
    "plain": written_out,
    "grouped": grouped,
    "registered": registered,
    "guarded": guarded,
    "chart": by_chart,
}
WAYS[settings["way"]]()
atexit.register(leave_usage)
