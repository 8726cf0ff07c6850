"""What a program deployed to mocks, and the assertions on it in the pattern's words."""

import contextlib
import itertools
import json
import runpy
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from pulumi_stateful_service.arguments.types import UpdateStrategy
from pulumi_stateful_service.foundation import names
from pulumi_stateful_service.foundation.kubernetes_object import with_whole_numbers
from pulumi_stateful_service.foundation.names import COMPONENT_TYPE
from pulumi_stateful_service.live.before.forecast import ForecastOutput
from pulumi_stateful_service.testing.live_set import forecast_of_live_set
from pulumi_stateful_service.testing.mocks import (
    Computed,
    Recording,
    Registered,
    record,
)


class Deployment:
    """What a program registered, in order, and what it returned, exported and said."""

    def __init__(self, recording: Recording) -> None:
        self.resources: list[Registered] = recording.resources
        """Every resource, in the order of their registration."""
        self.result: Any = recording.result
        """What the program returned, its Outputs as plain values."""
        self.outputs: Mapping[str, Any] = recording.outputs
        """What the program exported, as plain values."""
        self.log: list[tuple[str, str]] = recording.log
        """Messages of the program as (severity, text)."""

    def service(self, name: str | None = None) -> "DeployedService":
        """The StatefulService of this name in Pulumi; without one, the only one there is."""
        return DeployedService(
            self, self._only(COMPONENT_TYPE, self._of_type(COMPONENT_TYPE), name, lambda of: of.name)
        )

    def all(self, kind: str) -> list[Registered]:
        """Every resource of a kind: the last part of its type, such as ``StatefulSet``."""
        return [resource for resource in self.resources if resource.type.rpartition(":")[2] == kind]

    def one(self, kind: str, name: str | None = None) -> Registered:
        """The resource of a kind with this name in Kubernetes; without one, the only one there is.

        Raises LookupError otherwise.
        """
        return self._only(kind, self.all(kind), name, lambda of: of.inputs.get("metadata", {}).get("name"))

    def stateful_set(self, name: str | None = None) -> Registered:
        """The StatefulSet of this name; without one, the only one there is."""
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
            for urn in (resource.depends_on | {resource.parent, resource.options.provider}) - seen:
                if urn == earlier.urn:
                    return True
                seen.add(urn)
                if urn in by_urn:
                    pending.append(by_urn[urn])
        return False

    def assert_order(self, *resources: Registered) -> None:
        """Each of these waits for the one before it."""
        __tracebackhide__ = True
        for earlier, later in itertools.pairwise(resources):
            _must(self.comes_after(later, earlier), f"{_called(later)} does not wait for {_called(earlier)}")

    def _of_type(self, token: str) -> list[Registered]:
        return [resource for resource in self.resources if resource.type == token]

    def _only(
        self, kind: str, found: list[Registered], name: str | None, name_of: Callable[[Registered], str | None]
    ) -> Registered:
        if name is not None:
            found = [resource for resource in found if name_of(resource) == name]
        if len(found) != 1:
            known = ", ".join(f"{resource.type} {resource.name}" for resource in self.resources) or "none"
            raise LookupError(
                f"{len(found)} resources of kind {kind}{f' named {name}' if name else ''}; there are: {known}"
            )
        return found[0]


@dataclass(frozen=True)
class DeployedService:
    """A StatefulService that a program deployed, and what must hold for it in the pattern's words."""

    deployment: Deployment
    component: Registered
    group_name: str | None = None
    """Of the group that this is about; None for the whole service."""

    def group(self, name: str) -> "DeployedService":
        """The same service, as far as this group of it goes: its StatefulSet, instances and claims.

        Raises LookupError where the service has no such group.
        """
        if name not in self.groups:
            raise LookupError(f"{self._called} has no group {name!r}; there are: {_listed(self.groups)}")
        return replace(self, group_name=name)

    @property
    def groups(self) -> list[str]:
        """The names of its groups, in alphabetical order; empty where it has none."""
        return sorted(self._set_names)

    @property
    def children(self) -> list[Registered]:
        """What the component made."""
        return [each for each in self.deployment.resources if each.parent == self.component.urn]

    @property
    def stateful_sets(self) -> list[Registered]:
        """The StatefulSet, or those of its groups in the order of their registration."""
        made = [each for each in self.children if each.type.endswith(":StatefulSet")]
        if self.group_name is None:
            return made
        return [each for each in made if each.metadata["name"] == self._set_names[self.group_name]]

    @property
    def stateful_set(self) -> Registered:
        """The StatefulSet. Raises LookupError for a service with several groups: see ``group``."""
        if len(self.stateful_sets) != 1:
            raise LookupError(f"{self._called} has the groups {_listed(self.groups)}; choose one: .group(NAME)")
        return self.stateful_sets[0]

    @property
    def _set_names(self) -> dict[str, str]:
        annotations = self.governing_service.metadata.get("annotations") or {}
        return dict(json.loads(annotations.get(names.GROUPS_ANNOTATION, "{}")))

    @property
    def governing_service(self) -> Registered:
        """The headless Service that gives the instances their names."""
        [name] = {each.spec["serviceName"] for each in self.children if each.type.endswith(":StatefulSet")}
        [made] = [each for each in self._services if each.metadata["name"] == name]
        return made

    @property
    def other_services(self) -> list[Registered]:
        """The Services for clients: over all instances, or for one."""
        return [each for each in self._services if each != self.governing_service]

    @property
    def ordinals(self) -> range:
        """The numbers of the instances."""
        return _ordinals(self.stateful_set)

    @property
    def instances(self) -> list[str]:
        """The names of the Pods that Kubernetes makes of it."""
        return [
            names.pod_name(made.metadata["name"], ordinal) for made in self.stateful_sets for ordinal in _ordinals(made)
        ]

    @property
    def claims(self) -> dict[str, str]:
        """The claims that Kubernetes makes of it, each with its size."""
        return {
            names.claim_name(template["metadata"]["name"], made.metadata["name"], ordinal): template["spec"][
                "resources"
            ]["requests"]["storage"]
            for made in self.stateful_sets
            for ordinal in _ordinals(made)
            for template in made.spec.get("volumeClaimTemplates", [])
        }

    @property
    def updated(self) -> list[int]:
        """The ordinals that a new version goes to, as ``canary``, ``partition`` and ``update_strategy`` have it."""
        strategy = self.stateful_set.spec["updateStrategy"]
        if strategy["type"] == UpdateStrategy.ON_DELETE:
            return []
        return list(self.ordinals[strategy.get("rollingUpdate", {}).get("partition", 0) :])

    def assert_instances(self, *pods: str) -> None:
        """Its instances are exactly these Pods."""
        __tracebackhide__ = True
        _must(self.instances == list(pods), f"{self._called} has the instances {_listed(self.instances)}", pods)

    def assert_claims(self, claims: Mapping[str, str]) -> None:
        """Its claims, one for each instance and volume, are exactly these, with these sizes."""
        __tracebackhide__ = True
        made = [f"{name} ({size})" for name, size in self.claims.items()]
        wanted = [f"{name} ({size})" for name, size in claims.items()]
        _must(sorted(made) == sorted(wanted), f"{self._called} has the claims {_listed(made)}", wanted)

    def assert_updates(self, *ordinals: int) -> None:
        """A new version goes to exactly these instances; the others keep theirs."""
        __tracebackhide__ = True
        _must(
            self.updated == sorted(ordinals),
            f"{self._called} gives a new version to the ordinals {_listed(self.updated)}",
            ordinals,
        )

    def assert_order(self) -> None:
        """The governing Service and what else the instances need come before the set, Services for clients after it.

        And the governing Service is headless and leads to the set's Pods.
        """
        __tracebackhide__ = True
        governing, all_made = self.governing_service, self.stateful_sets
        _must(governing.spec.get("clusterIP") == "None", f"{_called(governing)} is not headless")
        selected = governing.spec.get("selector") or {}
        for made in all_made:
            labels = made.spec["template"]["metadata"]["labels"]
            _must(
                bool(selected) and selected.items() <= labels.items(),
                f"{_called(governing)} selects {selected}, but the Pods of {_called(made)} have the labels {labels}",
            )
            self._assert_order_around(governing, made)

    def _assert_order_around(self, governing: Registered, made: Registered) -> None:
        __tracebackhide__ = True
        self.deployment.assert_order(governing, made)
        for_clients = self.other_services
        for each in self.children:
            if each in for_clients:
                self.deployment.assert_order(made, each)
            elif not each.type.endswith(":StatefulSet"):
                self.deployment.assert_order(each, made)

    def assert_claims_are_kept(self) -> None:
        """Neither scaling down nor ``pulumi destroy`` deletes a claim.

        Looked at: the set's retention policy, and whether this program makes the namespace or a claim by hand without
        ``retain_on_delete`` or ``protect``.
        """
        __tracebackhide__ = True
        for made in self.stateful_sets:
            policy = made.spec.get("persistentVolumeClaimRetentionPolicy", {})
            for when, occasion in (("whenDeleted", "it is destroyed"), ("whenScaled", "an instance is scaled away")):
                _must(policy.get(when, "Retain") == "Retain", f"{self._called} deletes claims when {occasion}")
        namespaces = {made.metadata.get("namespace") for made in self.stateful_sets}
        for each in self.deployment.all("PersistentVolumeClaim"):
            if each.metadata.get("name") in self.claims:
                _must(_is_kept(each), f"destroying the stack deletes {_called(each)}")
        for each in self.deployment.all("Namespace"):
            if each.metadata.get("name") in namespaces:
                _must(_is_kept(each), f"destroying the stack deletes {_called(each)}, and the claims in it")

    def forecast(self, live: Mapping[str, Any]) -> ForecastOutput:
        """What deploying it to this live StatefulSet does to every instance and every claim.

        ``live`` is what ``kubectl get statefulset NAME --output json --show-managed-fields`` prints. Its Pods are taken
        to be ready, and ``recreate_keeping_pods`` to be set, though a smaller size is refused all the same. With
        ``leader_last`` the component itself replaces Pods, and with ``resize`` it resizes them in place where the API
        server agrees, which are not part of it: the StatefulSet alone is compared, and other resources replace Pods.
        Raises RefusedError for a change that the component refuses, and LookupError for a live StatefulSet without its
        managed fields.
        """
        made = self.stateful_set
        return forecast_of_live_set(dict(live), with_whole_numbers({"metadata": made.metadata, "spec": made.spec}))

    def assert_restarts_nobody(self, live: Mapping[str, Any]) -> None:
        """Deploying it to this live StatefulSet (as ``forecast`` takes it) neither replaces nor removes a Pod.

        Not for a service with ``leader_last``, whose Pods the component itself replaces.
        """
        __tracebackhide__, predicted = True, self.forecast(live)
        stopped = [name for name, outcome in predicted["instances"].items() if outcome in {"Replaced", "Removed"}]
        because = f" ({', '.join(predicted['reasons'])})" if predicted["reasons"] else ""
        _must(not stopped, f"{self._called} replaces or removes {_listed(stopped)}{because}")

    @property
    def _services(self) -> list[Registered]:
        return [each for each in self.children if each.type.endswith(":Service")]

    @property
    def _called(self) -> str:
        group = f", group {self.group_name}" if self.group_name else ""
        return f"StatefulService {self.component.name}{group}"


def _ordinals(stateful_set: Registered) -> range:
    spec = stateful_set.spec
    start = spec.get("ordinals", {}).get("start", 0)
    return range(start, start + spec.get("replicas", 1))


def deploy(
    program: Callable[[], Any],
    *,
    config: Mapping[str, Any] | None = None,
    project: str = "project",
    stack: str = "stack",
    preview: bool = False,
    computed: Computed | None = None,
) -> Deployment:
    """Runs a program against mocks and waits for all of it. Whatever it raises is raised here.

    ``config`` is the stack's configuration; a key without a colon is the project's own. ``computed`` gives fields that
    a cluster would fill in, by type token and inputs; a namespace, ``clusterIP`` and a load balancer's address are
    filled in where it says nothing. It also gives what the program reads: the outputs of a StackReference, the fields
    of an object that it gets by its ID, and what a function of a provider returns. Raises LookupError, with the mock to
    give, where the program reads what it does not give.
    """
    return Deployment(
        record(
            program,
            config=_configured(project, config or {}),
            project=project,
            stack=stack,
            preview=preview,
            computed=computed or (lambda _kind, _inputs: {}),
        )
    )


def deploy_stack(
    stack: str,
    folder: Path | str = ".",
    *,
    config: Mapping[str, Any] | None = None,
    preview: bool = False,
    computed: Computed | None = None,
) -> Deployment:
    """Runs the Pulumi program in a folder with the configuration of one of its stacks, as ``deploy`` does.

    The configuration is what ``Pulumi.yaml`` and ``Pulumi.STACK.yaml`` say, with ``config`` over it. A value that is
    encrypted there has to be given in ``config``.
    """
    folder = Path(folder).resolve()
    project = yaml.safe_load((folder / "Pulumi.yaml").read_text())
    file = folder / project.get("stackConfigDir", "") / f"Pulumi.{stack}.yaml"
    defaults = {
        key: declared.get("value", declared.get("default")) if isinstance(declared, Mapping) else declared
        for key, declared in (project.get("config") or {}).items()
    }
    of_stack = (yaml.safe_load(file.read_text()) or {}).get("config") or {}
    layers = [_configured(project["name"], layer) for layer in (defaults, of_stack, config or {})]
    values = {key: value for layer in layers for key, value in layer.items()}
    if encrypted := [key for key, value in values.items() if '{"secure": ' in value]:
        raise LookupError(f"{', '.join(encrypted)}: encrypted in {file.name}; give a value for the test in config")

    def program() -> None:
        with _in(folder):
            runpy.run_path(str(folder / project.get("main", "")), run_name="__main__")

    return deploy(program, config=values, project=project["name"], stack=stack, preview=preview, computed=computed)


def _configured(project: str, config: Mapping[str, Any]) -> dict[str, str]:
    """Configuration as the engine hands it over: full keys, and strings."""
    return {
        key if ":" in key else f"{project}:{key}": value if isinstance(value, str) else json.dumps(value)
        for key, value in config.items()
        if value is not None
    }


@contextlib.contextmanager
def _in(folder: Path) -> Iterator[None]:
    """In a program's folder; modules of it that are imported first are forgotten, so that they run again next time."""
    before = set(sys.modules)
    try:
        with contextlib.chdir(folder):
            yield
    finally:
        for name in set(sys.modules) - before:
            file = getattr(sys.modules[name], "__file__", None)
            if file and Path(file).is_relative_to(folder) and "site-packages" not in Path(file).parts:
                del sys.modules[name]


def _is_kept(resource: Registered) -> bool:
    return resource.options.retain_on_delete or resource.options.protect


def _called(resource: Registered) -> str:
    name = resource.inputs.get("metadata", {}).get("name") or resource.name
    return f"{resource.type.rpartition(':')[2]} {name}"


def _listed(values: Any) -> str:
    return ", ".join(map(str, values)) or "none"


def _must(holds: bool, otherwise: str, wanted: Any = None) -> None:
    __tracebackhide__ = True
    if not holds:
        raise AssertionError(otherwise if wanted is None else f"{otherwise}, not {_listed(wanted)}")
