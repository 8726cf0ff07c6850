"""Files of the containers: the ConfigMap and the Secret that hold their text, those of others, and their mounts."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pulumi_stateful_service.arguments.types import ProjectedSourceArgs, ProjectedVolumeArgs
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject, pick, without_empty
from pulumi_stateful_service.foundation.names import FILE_VOLUMES, file_keys, files_name
from pulumi_stateful_service.foundation.outputs import Resolved, apply_inputs, output_of, resolve
from pulumi_stateful_service.objects.shared import Shared
from pulumi_stateful_service.objects.versioned import version, version_of_secrets, version_of_texts

_READ_BY_ALL, _READ_BY_GROUP = 0o444, 0o440


def config_map(shared: Shared, texts: Mapping[str, Any]) -> KubernetesObject:
    """The ConfigMap with this text of ``config_files``."""
    return {**version(shared, _config_version(shared, texts)), "data": output_of(_data(texts))}


def secret(shared: Shared, texts: Mapping[str, Any]) -> KubernetesObject:
    """The Secret with this text of ``secret_files``."""
    return {**version(shared, _secret_version(shared, texts)), "stringData": output_of(_data(texts, is_secret=True))}


def file_volumes(
    shared: Shared, config_files: Mapping[str, Any], secret_files: Mapping[str, Any]
) -> list[KubernetesObject]:
    """The volumes with the files."""
    volumes: list[KubernetesObject] = []
    if config_files:
        name = _config_version(shared, config_files)
        source = {"name": name, "items": _items(config_files), "defaultMode": _READ_BY_ALL}
        volumes.append({"name": FILE_VOLUMES["config_files"], "configMap": source})
    if secret_files:
        name = _secret_version(shared, secret_files)
        source = {"secretName": name, "items": _items(secret_files), "defaultMode": _READ_BY_GROUP}
        volumes.append({"name": FILE_VOLUMES["secret_files"], "secret": source})
    return volumes


def file_mounts(config_files: Mapping[str, Any], secret_files: Mapping[str, Any]) -> list[KubernetesObject]:
    """Where the files are. One by one, so that what else is in their folders stays visible."""
    return [
        {"name": FILE_VOLUMES[argument], "mountPath": path, "subPath": key, "readOnly": True}
        for argument, files in (("config_files", config_files), ("secret_files", secret_files))
        for path, key in file_keys(files).items()
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


def _config_version(shared: Shared, texts: Mapping[str, Any]) -> Any:
    return version_of_texts(texts, apply_inputs(files_name, shared.name))


def _secret_version(shared: Shared, texts: Mapping[str, Any]) -> Any:
    return version_of_secrets(shared, texts, apply_inputs(files_name, shared.name))


def _items(files: Mapping[str, Any]) -> list[KubernetesObject]:
    return [{"key": key, "path": key} for key in file_keys(files).values()]


async def _data(files: Mapping[str, Any], *, is_secret: bool = False) -> Resolved:
    texts, keys = await resolve(dict(files)), file_keys(files)
    data = {keys[path]: text for path, text in texts.value.items()}
    return replace(texts, value=data, secret=is_secret or texts.secret)
