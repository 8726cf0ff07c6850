"""Many services in one program: by the component, written out, grouped, or by a chart.

``settings.json`` says which and where.

Leaves the peak of its memory in ``memory``, in KiB.
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
        StatefulService(name, settings["args"], on_cluster)


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


def make(text: str, name: str, opts: pulumi.ResourceOptions) -> None:
    """The objects of one service."""
    made: list[pulumi.Resource] = []
    for each in json.loads(text.replace(settings["placeholder"], name)):
        group, _, version = each.pop("apiVersion").rpartition("/")
        module = importlib.import_module(f"pulumi_kubernetes.{group.partition('.')[0] or 'core'}.{version}")
        after = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=list(made)))
        kind = getattr(module, each.pop("kind"))
        made.append(kind(f"{name}-{kind.__name__}", **each, opts=after))


def by_chart() -> None:
    """A release of a chart with the same objects."""
    for name in names:
        kubernetes.helm.v4.Chart(name, chart="./chart", namespace=settings["args"]["namespace"], opts=on_cluster)


{"component": by_component, "plain": written_out, "grouped": grouped, "chart": by_chart}[settings["way"]]()
atexit.register(lambda: Path("memory").write_text(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)))
