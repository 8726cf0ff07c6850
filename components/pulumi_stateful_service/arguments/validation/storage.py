"""Volumes, storage classes, and what happens to claims."""

from collections import Counter
from collections.abc import Sequence

import pulumi

from pulumi_stateful_service.arguments.types import ClaimRetention, StatefulServiceArgs
from pulumi_stateful_service.arguments.validation.cross_checks import CrossChecks


def check(args: StatefulServiceArgs, checks: CrossChecks) -> None:
    """Checks volumes, storage classes and the retention of claims."""
    checks.refuse_both(args, "storage_class", "storage_class_name")
    _check_volumes(args, checks)
    topologies = args.get("storage_class", {}).get("allowed_topologies", [])
    checks.check(
        lambda keys: _refuse_duplicates(checks, "storage_class.allowed_topologies", "key", keys),
        [topology["key"] for topology in topologies],
    )
    _warn_of_deletion(args, checks)


def _check_volumes(args: StatefulServiceArgs, checks: CrossChecks) -> None:
    volumes = args["volumes"]
    _refuse_duplicates(checks, "volumes", "name", [volume["name"] for volume in volumes])
    checks.check(
        lambda paths: _refuse_duplicates(checks, "volumes", "mount_path", [path.rstrip("/") for path in paths]),
        [volume["mount_path"] for volume in volumes],
    )

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
