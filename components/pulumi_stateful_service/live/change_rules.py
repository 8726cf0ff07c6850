"""What a change would do to the set that is there already, judged before anything is sent.

Kubernetes takes few changes to a StatefulSet in place. Pulumi's provider replaces the set for the others, which stops
all instances at once and can leave their data behind. Here each of them is refused with the way out, made safe, or
said for what it is.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import SIZES_ANNOTATION, claim_name, field_manager
from pulumi_stateful_service.foundation.quantities import size_in_bytes

_REPLACING = {
    "podManagementPolicy": "pod_management_policy",
    "revisionHistoryLimit": "revision_history_limit",
}
"""Fields whose change makes Pulumi's provider replace the set without a need, and the argument that sets them."""

DECIDING_FIELDS = ("selector", "serviceName", "volumeClaimTemplates", "replicas", "ordinals", *_REPLACING)
"""The fields of the wanted set that are judged."""

_TEMPLATE_DEFAULTS: Mapping[str, Any] = {"volumeMode": "Filesystem"}
"""What the API server fills into a claim template."""

_TEMPLATE_FIELDS = {
    "accessModes": "access_modes",
    "storageClassName": "storage_class_name",
    "volumeMode": "volume_mode",
    "volumeAttributesClassName": "volume_attributes_class_name",
    "selector": "selector",
    "dataSource": "data_source",
}

_OWN_ANNOTATIONS = ("pulumi-stateful-service/", "pulumi.com/")
"""What the component notes on the set for itself, and for Pulumi's provider."""

_RECREATE = (
    "Set recreate to true for one pulumi up: the set is then made anew around its Pods, which keep running, and its "
    "claims"
)


@dataclass(frozen=True)
class Judgement:
    """What a change means."""

    refusals: Sequence[str] = ()
    """Why it must not be made, each with the way out."""
    warnings: Sequence[str] = ()
    """What it costs."""
    recreate: bool = False
    """Whether the set is to be made anew around its running Pods first."""


@dataclass
class _Findings:
    refusals: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    need_new_set: list[str] = field(default_factory=list)
    """Changes that are safe with a set made anew around its Pods, and not without."""
    replacing: list[str] = field(default_factory=list)
    """Changes for which the provider replaces the set; safe, but not for free."""


def judge_change(
    live: KubernetesObject, wanted: KubernetesObject, *, may_recreate: bool, autoscaled: bool = False
) -> Judgement:
    """What it means to change the live set into the wanted one."""
    found = _Findings()
    if foreign := modified_outside_pulumi(live, autoscaled=autoscaled):
        found.warnings.append(
            f"somebody changed the StatefulSet {live['metadata']['name']} on the cluster: {', '.join(foreign)}. What "
            "the program says counts again when the set is updated; where Pulumi sees nothing to update, run pulumi "
            "refresh and then pulumi up. To let an autoscaler decide on replicas, set autoscaled"
        )
    _judge_identity(live, wanted, found)
    _judge_volumes(live, wanted, found)
    old, new = live["spec"], wanted["spec"]
    found.replacing.extend(
        f"{argument} ({old[field]} → {new[field]})"
        for field, argument in _REPLACING.items()
        if field in old and field in new and old[field] != new[field]
    )
    deletes_claims = old.get("persistentVolumeClaimRetentionPolicy", {}).get("whenDeleted") == "Delete"
    changes = [*found.need_new_set, *found.replacing]
    recreate = bool(changes) and may_recreate and not found.refusals
    if recreate:
        found.warnings.append(
            f"{' and '.join(changes)}: the StatefulSet is made anew around its Pods, which keep running, and its claims"
            + (
                ". Then one instance after the other is replaced to mount what it is to have"
                if found.need_new_set
                else ""
            )
        )
    elif found.need_new_set:
        found.refusals.append(
            f"{' and '.join(found.need_new_set)}: Kubernetes takes this only with a new StatefulSet. {_RECREATE}"
        )
    elif found.replacing and deletes_claims:
        found.refusals.append(
            f"changing {' and '.join(found.replacing)} replaces the StatefulSet, and with when_deleted Delete that "
            f"would delete the claims and the data. {_RECREATE}"
        )
    elif found.replacing:
        found.warnings.append(
            f"changing {' and '.join(found.replacing)} replaces the StatefulSet: all instances stop, then they start "
            f"again, on the same claims and with their data. Until then the service is not available. {_RECREATE}"
        )
    return Judgement(found.refusals, found.warnings, recreate)


def judge_adoption(
    live: KubernetesObject,
    wanted: KubernetesObject,
    service_selector: Mapping[str, str] | None,
    *,
    may_adopt: bool,
) -> Judgement:
    """What it means to make a set of somebody else's the component's own.

    Pulumi's provider would lay the wanted set over the live one, with whatever the live one has besides, such as
    containers of other names. So it is made anew, around Pods and claims that must fit.
    """
    where = f"the StatefulSet {live['metadata'].get('namespace', 'default')}/{live['metadata']['name']}"
    if not may_adopt:
        refusal = (
            f"{where} is there already, and it is not this component's. If Helm, kubectl or another stack made it, it "
            "can be taken over, see docs/adoption.md. If this component had another name, say so: "
            "ResourceOptions(aliases=[pulumi.Alias(name=…)])"
        )
        return Judgement([refusal])
    found = _Findings()
    _judge_identity(live, wanted, found)
    _judge_volumes(live, wanted, found)
    old, new = live["spec"], wanted["spec"]
    if "matchExpressions" in old["selector"]:
        found.refusals.append(f"{where} selects its Pods by matchExpressions, and a new one would select others")
    found.refusals.extend(judge_service(service_selector, wanted))
    for what, was, will in (
        ("replicas", old.get("replicas", 1), new["replicas"]),
        ("ordinals.start", _first_ordinal(old), _first_ordinal(new)),
        ("the volumes", _names(live), _names(wanted)),
    ):
        if was != will:
            found.refusals.append(
                f"{where} has {what} {was}, and this component {will}: take it over as it is, and change it afterwards"
            )
    warning = (
        f"{where} is taken over: it is deleted and made anew around its Pods, which keep running, and its claims. An "
        "instance whose Pod template changes is then replaced in its turn"
    )
    return Judgement(found.refusals, [warning], recreate=True)


def judge_service(live_selector: Mapping[str, str] | None, wanted: KubernetesObject) -> list[str]:
    """Why a Service that is there already, and selects by these labels, can't be a new set's governing one."""
    name, selector = wanted["spec"]["serviceName"], wanted["spec"]["selector"]["matchLabels"]
    if live_selector is None or live_selector == selector:
        return []
    problem = f"the Service {name!r} is there already and selects by {dict(live_selector)}, not by {selector}"
    return [
        f"{problem}: its clients would be led to other Pods. Give another service_name, or change its selector first"
    ]


def modified_outside_pulumi(live: KubernetesObject, *, autoscaled: bool) -> list[str]:
    """Which of the fields that the component sets have been changed since, to what, and by whom.

    A field that somebody changes is no longer owned by who applied it; the API server keeps account of that.
    """
    metadata = live["metadata"]
    accounts = metadata.get("managedFields", [])
    ours = [each for each in accounts if each["manager"] == field_manager(metadata["name"])]
    if not ours:
        return []
    found = {}
    for account in accounts:
        if account not in ours and account.get("subresource") != "status":
            fields = account.get("fieldsV1", {}).get("f:spec", {})
            for path, value in _watched(live["spec"], fields):
                by_us = any(path in dict(_watched(live["spec"], own["fieldsV1"].get("f:spec", {}))) for own in ours)
                if not by_us and not (autoscaled and path == "replicas"):
                    found[path] = f"{path} is {value} (by {account['manager']})"
    return list(found.values())


def _watched(spec: KubernetesObject, fields: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Those of these fields that decide how many instances there are and which version they run, and their values."""
    if "f:replicas" in fields:
        yield "replicas", spec.get("replicas")
    strategy = spec.get("updateStrategy", {})
    if "f:type" in fields.get("f:updateStrategy", {}):
        yield "updateStrategy.type", strategy.get("type")
    if "f:partition" in fields.get("f:updateStrategy", {}).get("f:rollingUpdate", {}):
        yield "updateStrategy.rollingUpdate.partition", strategy.get("rollingUpdate", {}).get("partition")
    of_the_containers = fields.get("f:template", {}).get("f:spec", {}).get("f:containers", {})
    for container in spec.get("template", {}).get("spec", {}).get("containers", []):
        if "f:image" in of_the_containers.get(f'k:{{"name":"{container["name"]}"}}', {}):
            yield f"image of {container['name']}", container["image"]


def dropped_by_api_server(live: KubernetesObject, max_unavailable: object) -> str | None:
    """What the API server has dropped of what was asked for, if anything."""
    rolling = live["spec"].get("updateStrategy", {}).get("rollingUpdate", {})
    if max_unavailable is None or "maxUnavailable" in rolling:
        return None
    return (
        f"max_unavailable is {max_unavailable!r}, and this cluster does not know it for StatefulSets: it needs the "
        "feature MaxUnavailableStatefulSet, on by default from Kubernetes 1.37. Updates go one instance at a time"
    )


def judge_transforms(asked: KubernetesObject, made: KubernetesObject) -> list[str]:
    """Why a set must not be made as a user's transform has changed it."""
    refusals = [
        f"a transform changes {argument} from {value!r} to {made['spec'][argument]!r}: use the argument {argument}"
        for argument, value in asked["spec"].items()
        if argument in made["spec"] and made["spec"][argument] != value
    ]
    own = [key for key in asked["metadata"]["annotations"] if key.startswith(_OWN_ANNOTATIONS)]
    refusals.extend(
        f"a transform removes the annotation {key}: add to the annotations, and keep those that are there"
        for key in own
        if key not in made["metadata"]["annotations"]
    )
    return refusals


def judge_name(known: Sequence[KubernetesObject], namespace: str, name: str, volumes: Sequence[str]) -> list[str]:
    """Why a StatefulSet that is known under another name, or in another namespace, must keep it."""
    refusals = []
    for each in known:
        old, old_namespace = each["metadata"]["name"], each["metadata"]["namespace"]
        claims = ", ".join(claim_name(volume, old, 0) for volume in volumes)
        if old_namespace != namespace and volumes:
            refusals.append(
                f"namespace changes from {old_namespace!r} to {namespace!r}: claims belong to a namespace, so the "
                f"instances in {namespace!r} would start with empty volumes, and the data would stay behind in "
                f"{claims} and so on. Keep namespace: {old_namespace!r}; to move the data, see docs/storage.md"
            )
        elif old != name and volumes:
            refusals.append(
                f"name changes from {old!r} to {name!r}: claims are named after the StatefulSet, so the instances of "
                f"{name!r} would start with empty volumes, and the data would stay behind in {claims} and so on. "
                f"Keep name: {old!r}; to move the data, see docs/storage.md"
            )
    return refusals


def sizes(stateful_set: KubernetesObject) -> dict[str, str]:
    """The size that each volume was last asked for: the templates of a set keep the first."""
    asked = {each["metadata"]["name"]: _size(each) for each in _templates(stateful_set)}
    noted = stateful_set["metadata"].get("annotations", {}).get(SIZES_ANNOTATION)
    return {**asked, **{volume: size for volume, size in json.loads(noted or "{}").items() if volume in asked}}


def _judge_identity(live: KubernetesObject, wanted: KubernetesObject, found: _Findings) -> None:
    old, new = live["spec"], wanted["spec"]
    if old["selector"].get("matchLabels") != new["selector"]["matchLabels"]:
        found.refusals.append(
            f"the selector changes from {old['selector'].get('matchLabels')} to {new['selector']['matchLabels']}: the "
            f"running Pods would be left without a set. Keep them with selector: {old['selector'].get('matchLabels')}"
        )
    if old.get("serviceName") != new["serviceName"]:
        found.refusals.append(
            f"service_name changes from {old.get('serviceName')!r} to {new['serviceName']!r}: the instances' "
            "addresses are made from it, and peers would no longer find each other. Keep service_name: "
            f"{old.get('serviceName')!r}; for another address of the whole service, give load_balancer a name"
        )


def _judge_volumes(live: KubernetesObject, wanted: KubernetesObject, found: _Findings) -> None:
    old = {each["metadata"]["name"]: each for each in _templates(live)}
    new = {each["metadata"]["name"]: each for each in _templates(wanted)}
    before, after = sizes(live), sizes(wanted)
    found.need_new_set.extend(f"the volume {volume!r} is added" for volume in new if volume not in old)
    found.need_new_set.extend(
        f"the volume {volume!r} is removed (its claims stay)" for volume in old if volume not in new
    )
    for volume in old.keys() & new.keys():
        if size_in_bytes(after[volume]) < size_in_bytes(before[volume]):
            found.refusals.append(
                f"volume {volume!r}: size shrinks from {before[volume]} to {after[volume]}, and disks can't. Keep "
                f"{before[volume]}; to move to smaller disks, see docs/storage.md"
            )
        for key in ("labels", "annotations"):
            if old[volume]["metadata"].get(key, {}) != new[volume]["metadata"].get(key, {}):
                found.need_new_set.append(f"the {key} of new claims of the volume {volume!r} change")
        for api_field, argument in _TEMPLATE_FIELDS.items():
            default = _TEMPLATE_DEFAULTS.get(api_field)
            was, will = (each["spec"].get(api_field, default) for each in (old[volume], new[volume]))
            if was != will:
                found.refusals.append(
                    f"volume {volume!r}: {argument} changes from {was!r} to {will!r}, and a claim keeps it for life: "
                    f"the instances would go on with their claims. Keep {was!r}; to move the data, see docs/storage.md"
                )


def _names(stateful_set: KubernetesObject) -> list[str]:
    return sorted(each["metadata"]["name"] for each in _templates(stateful_set))


def _first_ordinal(spec: KubernetesObject) -> int:
    return int(spec.get("ordinals", {}).get("start", 0))


def _templates(stateful_set: KubernetesObject) -> list[KubernetesObject]:
    return list(stateful_set["spec"].get("volumeClaimTemplates", []))


def _size(template: KubernetesObject) -> str:
    return str(template["spec"]["resources"]["requests"]["storage"])
