"""Volumes, storage classes, and what happens to claims."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pulumi

from pulumi_stateful_service.arguments.cross_checks.cross_checks import CrossChecks
from pulumi_stateful_service.arguments.defaults import restored_volumes
from pulumi_stateful_service.arguments.types import ClaimRetention, StatefulServiceArgs, VolumeMode
from pulumi_stateful_service.arguments.value_checks.checks import normal_path
from pulumi_stateful_service.foundation.names import BEFORE_LAST_ROLLOUT

RESTORE_SOURCES = ("volume_name", "data_source", "data_source_ref", "snapshot")


def check(args: StatefulServiceArgs, checks: CrossChecks, all_replicas: pulumi.Input[int]) -> None:
    """Checks volumes, storage classes and the retention of claims.

    ``all_replicas`` is the number of instances of all groups.
    """
    checks.refuse_both(args, "storage_class", "storage_class_name")
    _check_volumes(args, checks)
    _check_restored_claims(args, checks)
    _check_recreated_claims(args, checks, all_replicas)
    _check_rebuilt_instances(args, checks)
    _check_snapshots(args, checks)
    if "version" in args and not args["volumes"]:
        raise checks.error("version requires volumes: it is noted on the claims which version has used the data")
    topologies = args.get("storage_class", {}).get("allowed_topologies", [])
    checks.check(
        lambda keys: _refuse_duplicates(checks, "storage_class.allowed_topologies", "key", keys),
        [topology["key"] for topology in topologies],
    )
    _warn_of_deletion(args, checks)


def set_sizes(args: StatefulServiceArgs, checks: CrossChecks) -> None:
    """Gives each volume its size from ``volume_sizes`` where it has none of its own."""
    sizes = dict(args.get("volume_sizes", {}))
    for i, volume in enumerate(args["volumes"]):
        size = sizes.pop(volume["name"], None)
        if size is not None and "size" in volume:
            raise checks.error(f"volumes[{i}].size and volume_sizes[{volume['name']!r}] are mutually exclusive")
        if size is not None:
            volume["size"] = size
        elif "size" not in volume:
            raise checks.error(f"volumes[{i}].size is required, or a size for {volume['name']!r} in volume_sizes")
    for name in sizes:
        known = ", ".join(volume["name"] for volume in args["volumes"]) or "none"
        raise checks.error(f"volume_sizes has {name!r}, which is not the name of a volume; there are: {known}")


def _check_volumes(args: StatefulServiceArgs, checks: CrossChecks) -> None:
    volumes, others = args["volumes"], [*args.get("scratch_volumes", []), *args.get("projected_volumes", [])]
    names = [volume["name"] for volume in volumes]
    _refuse_duplicates(checks, "volumes", "name", names)
    where = "volumes, scratch_volumes and projected_volumes"
    _refuse_duplicates(checks, where, "name", [*names, *(each["name"] for each in others)])
    every = cast("Sequence[Mapping[str, Any]]", [*volumes, *others])
    mounts = [mount for volume in every for mount in (volume, *volume.get("mounts", []))]
    files = [*args.get("config_files", {}), *args.get("secret_files", {})]
    where = "volumes and files" if files else "volumes"
    checks.check(
        lambda paths: _refuse_duplicates(checks, where, "mount_path", [normal_path(path) for path in paths]),
        [*(mount["mount_path"] for mount in mounts if "mount_path" in mount), *files],
    )
    for argument in ("volumes", "scratch_volumes", "projected_volumes"):
        for i, each in enumerate(cast("Sequence[Mapping[str, Any]]", args.get(argument, []))):
            for j, mount in enumerate(each.get("mounts", [])):
                checks.refuse_both(mount, "sub_path", "sub_path_expr", f"{argument}[{i}].mounts[{j}].")
    for i, volume in enumerate(volumes):
        checks.refuse_both(volume, "data_source", "data_source_ref", f"volumes[{i}].")
        checks.refuse_both(volume, "sub_path", "sub_path_expr", f"volumes[{i}].")
        if volume.get("mounts") and volume.get("volume_mode") == VolumeMode.BLOCK:
            raise checks.error(f"volumes[{i}].mounts is not possible with volume_mode Block: a device has one path")

    def has_an_api_group(path: str, kind: str) -> None:
        if kind != "PersistentVolumeClaim":
            raise checks.error_of_value(
                f"{path}.kind",
                kind,
                "requires api_group, unless it is PersistentVolumeClaim; a VolumeSnapshot's is snapshot.storage.k8s.io",
            )

    for i, volume in enumerate(volumes):
        source = volume.get("data_source")
        if source and "api_group" not in source:
            checks.check(has_an_api_group, f"volumes[{i}].data_source", source["kind"])


def _check_restored_claims(args: StatefulServiceArgs, checks: CrossChecks) -> None:
    volumes = [volume["name"] for volume in args["volumes"]]
    seen: list[str] = []
    for i, claim in enumerate(args.get("restore", [])):
        path = f"restore[{i}]"
        is_chosen = claim.get("snapshot") == BEFORE_LAST_ROLLOUT
        if "ordinal" not in claim and not is_chosen:
            raise checks.error(f"{path}.ordinal must be set, unless snapshot is {BEFORE_LAST_ROLLOUT}")
        if "ordinal" not in claim and len(args["restore"]) > 1:
            raise checks.error(
                f"{path} has no ordinal, so it is for all instances, and must be the only item of restore"
            )
        if "volume" not in claim and not (is_chosen and volumes):
            if len(volumes) != 1:
                raise checks.error(f"{path}.volume must be set, because volumes has {len(volumes)} items")
            claim["volume"] = volumes[0]
        if "volume" in claim and claim["volume"] not in volumes:
            known = ", ".join(volumes) or "volumes, of which there are none"
            raise checks.error_of_value(f"{path}.volume", claim["volume"], f"must be one of {known}")
        sources = [source for source in RESTORE_SOURCES if source in claim]
        if len(sources) != 1:
            raise checks.error(f"{path} requires exactly one of {', '.join(RESTORE_SOURCES)}")
        if sources == ["snapshot"]:
            _check_replaced_claim(args, checks, path)
        seen += [f"{volume} of ordinal {claim.get('ordinal')}" for volume in restored_volumes(args, claim)]
    _refuse_duplicates(checks, "restore", "volume and ordinal", seen)


def _check_replaced_claim(args: StatefulServiceArgs, checks: CrossChecks, path: str) -> None:
    """What cannot hold while an instance is stopped and gets earlier data."""
    reasons = {
        "members": "a member does not leave when it is stopped, and would come back with what it knew then",
        "rollout": "the StatefulSet is recreated, which takes no steps",
    }
    for other, why in reasons.items():
        if other in args:
            raise checks.error(f"{path}.snapshot and {other} are mutually exclusive: {why}")


def _check_recreated_claims(args: StatefulServiceArgs, checks: CrossChecks, all_replicas: pulumi.Input[int]) -> None:
    for argument in ("recreate_claims", "rebuild"):
        if argument not in args:
            continue
        if not args["volumes"]:
            raise checks.error(f"{argument} requires volumes")

        def has_others(argument: str, replicas: int) -> None:
            if replicas == 1:
                raise checks.error(
                    f"{argument} requires at least 2 replicas (there is 1): an instance with an empty "
                    "volume gets its data from the others"
                )

        checks.check(has_others, argument, all_replicas)


def _check_rebuilt_instances(args: StatefulServiceArgs, checks: CrossChecks) -> None:
    names, items = [volume["name"] for volume in args["volumes"]], args.get("rebuild", [])
    for i, item in enumerate(items):
        path = f"rebuild[{i}]"
        if "volume" not in item and len(names) > 1:
            raise checks.error(f"{path}.volume must be set, because volumes has {len(names)} items")
        if "volume" in item and item["volume"] not in names:
            raise checks.error_of_value(f"{path}.volume", item["volume"], f"must be one of {', '.join(names)}")

    def are_different(given_up: Sequence[Any], restored: Sequence[Any]) -> None:
        _refuse_duplicates(checks, "rebuild", "volume_name", given_up)
        for volume in given_up:
            if volume in restored:
                raise checks.error(
                    f"restore and rebuild have the same volume_name {volume!r}: a volume that is restored is not given "
                    "up. Take the item out of rebuild",
                    "restore and rebuild have the same volume_name: a volume that is restored is not given up. Take "
                    "the item out of rebuild",
                )

    restored = [item["volume_name"] for item in args.get("restore", []) if "volume_name" in item]
    checks.check(are_different, [item["volume_name"] for item in items], restored)


def _check_snapshots(args: StatefulServiceArgs, checks: CrossChecks) -> None:
    if "snapshots" not in args:
        return
    volumes = [volume["name"] for volume in args["volumes"]]
    if not volumes:
        raise checks.error("snapshots requires volumes")
    checks.refuse_both(args["snapshots"], "class_name", "group_class_name", "snapshots.")
    for i, volume in enumerate(args["snapshots"].get("volumes", [])):
        if volume not in volumes:
            raise checks.error_of_value(f"snapshots.volumes[{i}]", volume, f"must be one of {', '.join(volumes)}")


def _warn_of_deletion(args: StatefulServiceArgs, checks: CrossChecks) -> None:
    """Says in the preview when claims, and with them the data, are deleted."""
    if not pulumi.runtime.is_dry_run():
        return

    def warn(argument: str, event: str, retention: str) -> None:
        if retention == ClaimRetention.DELETE:
            checks.warn(f"{argument} is Delete: {event} deletes the PersistentVolumeClaims and their data.")

    policy = args.get("persistent_volume_claim_retention_policy", {})
    for argument, event in (("when_deleted", "pulumi destroy"), ("when_scaled", "scaling down")):
        if argument in policy:
            checks.check(warn, argument, event, policy.get(argument))


def _refuse_duplicates(checks: CrossChecks, argument: str, key: str, values: Sequence[str]) -> None:
    for value, count in Counter(values).items():
        if count > 1:
            raise checks.error(
                f"{argument} has {count} items with {key} {value!r}; each {key} must be unique",
                f"{argument} has items with the same {key}; each {key} must be unique",
            )
