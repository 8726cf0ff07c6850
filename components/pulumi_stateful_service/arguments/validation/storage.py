"""Volumes, storage classes and the retention of claims."""

import functools
from collections import Counter

import pulumi

from pulumi_stateful_service.arguments.types import (
    ClaimRetention,
    StatefulServiceArgs,
)
from pulumi_stateful_service.errors import ArgumentError
from pulumi_stateful_service.foundation.outputs import apply_inputs, checked_together


def check_storage(where: str, args: StatefulServiceArgs) -> None:
    if "storage_class" in args and "storage_class_name" in args:
        raise ArgumentError(
            where,
            "storage_class_name",
            "is given beside storage_class",
            "give storage_class to make a class, or storage_class_name to use one that exists",
        )
    volumes = args["volumes"]
    _refuse_repeated(where, "volumes", "name", [volume["name"] for volume in volumes])

    for i, volume in enumerate(volumes):
        source = volume.get("data_source", {})
        known = isinstance(source.get("kind"), str) and "api_group" not in source
        if known and source["kind"] != "PersistentVolumeClaim":
            raise ArgumentError.of_value(
                where,
                f"volumes[{i}].data_source.kind",
                source["kind"],
                "must be PersistentVolumeClaim without api_group; a snapshot's is snapshot.storage.k8s.io",
            )

    topologies = args.get("storage_class", {}).get("allowed_topologies", [])
    keys = [topology["key"] for topology in topologies if isinstance(topology["key"], str)]
    _refuse_repeated(where, "storage_class.allowed_topologies", "key", keys)

    def mount_paths_differ(*paths: str) -> None:
        _refuse_repeated(where, "volumes", "mount_path", [path.rstrip("/") for path in paths])

    paths = checked_together(mount_paths_differ, *(volume["mount_path"] for volume in volumes))
    for volume, path in zip(volumes, paths, strict=True):
        volume["mount_path"] = path


def say_what_is_deleted(where: str, args: StatefulServiceArgs, resource: pulumi.Resource | None) -> None:
    policy = args.get("persistent_volume_claim_retention_policy", {})
    if not pulumi.runtime.is_dry_run():
        return

    def say(when: str, then: str, word: str) -> None:
        if word == ClaimRetention.DELETE:
            pulumi.log.warn(f"{where}: {when} is Delete: {then}, and with them the data.", resource)

    if "when_deleted" in policy:
        apply_inputs(
            functools.partial(say, "when_deleted", "pulumi destroy deletes the claims"), policy["when_deleted"]
        )
    if "when_scaled" in policy:
        apply_inputs(functools.partial(say, "when_scaled", "scaling down deletes the claims"), policy["when_scaled"])


def _refuse_repeated(where: str, argument: str, key: str, values: list[str]) -> None:
    for value, count in Counter(values).items():
        if count > 1:
            raise ArgumentError(
                where, argument, f"has the {key} {value!r} {count} times", f"each needs a {key} of its own"
            )
