"""Files of the containers: the ConfigMap and the Secret that hold their text, those of others, and their mounts."""

import hashlib
from collections.abc import Mapping
from typing import Any, cast

from pulumi_stateful_service.arguments.types import ProjectedSourceArgs, ProjectedVolumeArgs, StatefulServiceArgs
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject, pick, without_empty
from pulumi_stateful_service.foundation.names import FILE_VOLUMES, file_keys, files_name, versioned_key
from pulumi_stateful_service.foundation.outputs import UNKNOWN, Resolved, apply_inputs, output_of, resolve
from pulumi_stateful_service.objects.environment import digest_of_secrets
from pulumi_stateful_service.objects.metadata import object_metadata

_READ_BY_ALL, _READ_BY_GROUP = 0o444, 0o440


def config_map(args: StatefulServiceArgs) -> KubernetesObject:
    """The ConfigMap with the text of ``config_files``, each under a key of its version."""
    return {"metadata": _metadata(args), "data": output_of(_data(args["config_files"], _config_version(args)))}


def secret(args: StatefulServiceArgs) -> KubernetesObject:
    """The Secret with the text of ``secret_files``."""
    data = _data(args["secret_files"], digest_of_secrets(args, args["secret_files"]), is_secret=True)
    return {"metadata": _metadata(args), "stringData": output_of(data)}


def file_volumes(args: StatefulServiceArgs) -> list[KubernetesObject]:
    """The volumes with the files."""
    name = apply_inputs(files_name, args["name"])
    volumes: list[KubernetesObject] = []
    if files := args.get("config_files"):
        items = _items(files, output_of(_config_version(args)))
        source = {"name": name, "items": items, "defaultMode": _READ_BY_ALL}
        volumes.append({"name": FILE_VOLUMES["config_files"], "configMap": source})
    if files := args.get("secret_files"):
        items = _items(files, output_of(digest_of_secrets(args, files)))
        source = {"secretName": name, "items": items, "defaultMode": _READ_BY_GROUP}
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


def _metadata(args: StatefulServiceArgs) -> KubernetesObject:
    return object_metadata(args, apply_inputs(files_name, args["name"]))


def _items(files: Mapping[str, Any], version: Any) -> list[KubernetesObject]:
    return [_item(key, version) for key in file_keys(files).values()]


def _item(file: str, version: Any) -> KubernetesObject:
    return {"key": apply_inputs(lambda known: versioned_key(file, known), version), "path": file}


async def _config_version(args: StatefulServiceArgs) -> Resolved:
    """A digest of the files' text: another text is another version of the Pods."""
    resolved = await resolve(dict(args["config_files"]))
    if not resolved.known:
        return Resolved(UNKNOWN)
    text = "\0".join(f"{path}\0{content}" for path, content in sorted(resolved.value.items()))
    return Resolved(hashlib.sha256(text.encode()).hexdigest()[:24])


async def _data(files: Mapping[str, Any], version: Any, *, is_secret: bool = False) -> Resolved:
    texts, digest = await resolve(dict(files)), await version
    if not (texts.known and digest.known):
        return Resolved(UNKNOWN, secret=is_secret or texts.secret, resources=texts.resources)
    data = {versioned_key(key, digest.value): texts.value[path] for path, key in file_keys(files).items()}
    return Resolved(data, secret=is_secret or texts.secret, resources=texts.resources)
