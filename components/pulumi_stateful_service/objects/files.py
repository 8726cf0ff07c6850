"""Files of the containers: the ConfigMap and the Secret that hold their text, those of others, and their mounts."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from pulumi_stateful_service.arguments.types import ProjectedSourceArgs, ProjectedVolumeArgs, StatefulServiceArgs
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject, pick, without_empty
from pulumi_stateful_service.foundation.names import FILE_VOLUMES, file_keys, files_name
from pulumi_stateful_service.foundation.outputs import Resolved, apply_inputs, output_of, resolve
from pulumi_stateful_service.objects.versioned import version, version_of_secrets, version_of_texts

_READ_BY_ALL, _READ_BY_GROUP = 0o444, 0o440


def config_map(args: StatefulServiceArgs) -> KubernetesObject:
    """The ConfigMap with this text of ``config_files``."""
    return {**version(args, _config_version(args)), "data": output_of(_data(args["config_files"]))}


def secret(args: StatefulServiceArgs) -> KubernetesObject:
    """The Secret with this text of ``secret_files``."""
    data = output_of(_data(args["secret_files"], is_secret=True))
    return {**version(args, _secret_version(args)), "stringData": data}


def file_volumes(args: StatefulServiceArgs) -> list[KubernetesObject]:
    """The volumes with the files."""
    volumes: list[KubernetesObject] = []
    if files := args.get("config_files"):
        source = {"name": _config_version(args), "items": _items(files), "defaultMode": _READ_BY_ALL}
        volumes.append({"name": FILE_VOLUMES["config_files"], "configMap": source})
    if files := args.get("secret_files"):
        source = {"secretName": _secret_version(args), "items": _items(files), "defaultMode": _READ_BY_GROUP}
        volumes.append({"name": FILE_VOLUMES["secret_files"], "secret": source})
    return volumes


def file_mounts(args: StatefulServiceArgs) -> list[KubernetesObject]:
    """Where the files are. One by one, so that what else is in their folders stays visible."""
    return [
        {"name": volume, "mountPath": path, "subPath": key, "readOnly": True}
        for argument, volume in FILE_VOLUMES.items()
        for path, key in file_keys(cast("Mapping[str, Any]", args.get(argument, {}))).items()
    ]


def projected_volume(volume: ProjectedVolumeArgs) -> KubernetesObject:
    """A volume of files that others have made."""
    mode = {"defaultMode": apply_inputs(lambda digits: int(digits, 8), volume["mode"])} if "mode" in volume else {}
    return {"name": volume["name"], "projected": {"sources": [*map(_source, volume["sources"])], **mode}}


def _source(source: ProjectedSourceArgs) -> KubernetesObject:
    token = source.get("service_account_token", {})
    return without_empty(
        secret=_object(source, "secret"),
        configMap=_object(source, "config_map"),
        serviceAccountToken=pick(token, path="path", audience="audience", expirationSeconds="expiration_seconds"),
        downwardAPI=without_empty(
            items=[
                {"path": path, "fieldRef": {"fieldPath": field}} for path, field in source.get("pod_fields", {}).items()
            ]
        ),
    )


def _object(source: ProjectedSourceArgs, kind: str) -> KubernetesObject:
    if kind not in source:
        return {}
    items = [{"key": key, "path": path} for key, path in source.get("items", {}).items()]
    return pick(source, name=kind, optional="optional") | without_empty(items=items)


def _config_version(args: StatefulServiceArgs) -> Any:
    return version_of_texts(args["config_files"], apply_inputs(files_name, args["name"]))


def _secret_version(args: StatefulServiceArgs) -> Any:
    return version_of_secrets(args, args["secret_files"], apply_inputs(files_name, args["name"]))


def _items(files: Mapping[str, Any]) -> list[KubernetesObject]:
    return [{"key": key, "path": key} for key in file_keys(files).values()]


async def _data(files: Mapping[str, Any], *, is_secret: bool = False) -> Resolved:
    texts, keys = await resolve(dict(files)), file_keys(files)
    data = {keys[path]: text for path, text in texts.value.items()}
    return replace(texts, value=data, secret=is_secret or texts.secret)
