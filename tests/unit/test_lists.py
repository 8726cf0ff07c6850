"""Lists and pictures of the pages say what the code has: nothing is missing, and nothing is left over."""

import ast
import re
import tomllib
from pathlib import Path
from typing import Any

from pulumi_stateful_service import StatefulService
from pulumi_stateful_service.arguments import types
from pulumi_stateful_service.live.before.refusals import transforms
from pulumi_stateful_service.live.client import repeating
from pulumi_stateful_service.testing import deploy

from local.pins import PULUMI_MINIMUM

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / "components" / "pulumi_stateful_service" / "live" / "client"
EVERY_OBJECT: Any = {
    "image": "db:1",
    "replicas": 1,
    "ports": {"db": 80},
    "volumes": [{"name": "data", "mount_path": "/data", "size": "1Gi"}],
    "storage_class": {"provisioner": "example.com/disks"},
    "load_balancer": {},
    "client_services": {"leader": {"selector": {"role": "leader"}}},
    "instance_services": {},
    "min_available": 1,
    "network_policy": {},
    "secret_env": {"A": "b"},
    "config_files": {"/etc/a": "b"},
    "secret_files": {"/etc/b": "b"},
}


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


def section(name: str, heading: str) -> str:
    return page(name).split(f"\n## {heading}\n")[1].partition("\n## ")[0]


def children() -> set[tuple[str, str]]:
    """Type and name of each object that the component registers."""
    made = deploy(lambda: StatefulService("db", EVERY_OBJECT)).service()
    return {(child.type, child.name) for child in made.children}


def test_customising_lists_every_child() -> None:
    """By type and name, with the argument that it comes from."""
    rows = re.findall(r"^\| `(kubernetes:[^`]+)` \| `([^`]+)`[^|]* \| (.*) \|$", page("customising.md"), re.MULTILINE)
    assert {(kind, name.replace("NAME", "leader")) for kind, name, _ in rows} == children()
    for argument in EVERY_OBJECT.keys() - {"image", "replicas", "ports", "volumes"}:
        assert any(f"`{argument}`" in what for *_, what in rows), argument


def test_customising_names_what_a_transform_must_not_change() -> None:
    """Each field that the component refuses to have changed, in the page's words."""
    words = {
        "name": "name",
        "namespace": "namespace",
        "selector": "selector",
        "service_name": "governing Service",
        "pod_management_policy": "Pod management policy",
        "revision_history_limit": "revision history limit",
        "volumes": "volumes",
    }
    assert words.keys() == set(transforms._ARGUMENTS.values())
    said = " ".join(page("customising.md").split()).partition("The component relies on its arguments for ")[2]
    listed = said.partition(" of the StatefulSet")[0]
    assert re.split(r", | and ", listed) == list(words.values())


def test_versions_lists_arguments_that_need_a_newer_kubernetes() -> None:
    """Each whose docstring names a release that is newer than the oldest that is supported."""
    rows = dict(re.findall(r"^\| `(\w+)`[^|]* \| (.*) \|$", page("versions.md"), re.MULTILINE))
    [oldest] = re.findall(r"^\| Kubernetes \| 1\.(\d+) and newer", page("versions.md"), re.MULTILINE)
    source = ast.parse(Path(types.__file__).read_text())
    needing: dict[str, str] = {}
    for each in (node for node in source.body if isinstance(node, ast.ClassDef)):
        for field, below in zip(each.body, each.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr):
                found = re.findall(r"Kubernetes\s+1\.(\d+)", ast.unparse(below).replace("\\n", " "))
                needing |= {ast.unparse(field.target): release for release in found if int(release) > int(oldest)}
    assert needing
    for argument, release in needing.items():
        assert f"1.{release}" in rows[argument]
    for argument in rows.keys() - {"pulumi-kubernetes"}:
        assert argument in types.StatefulServiceArgs.__annotations__ | types.VolumeArgs.__annotations__


def test_versions_names_the_lowest_pulumi() -> None:
    """Also where it tells what was tested by hand."""
    text = " ".join(page("versions.md").split())
    assert f"passed with {'.'.join(map(str, PULUMI_MINIMUM[:2]))} when that bound was set" in text


FIELDS = {
    "server",
    *("certificate-authority", "certificate-authority-data", "insecure-skip-tls-verify", "tls-server-name"),
    *("proxy-url", "disable-compression", "token", "tokenFile", "client-certificate", "client-key"),
    *("username", "password", "exec", "auth-provider", "as", "as-uid", "as-groups", "as-user-extra"),
    *("interactiveMode", "provideClusterInfo", "installHint", "env"),
}
"""The fields of client-go's `Cluster`, `AuthInfo` and `ExecConfig`, which kubeconfigs have."""


def test_kubeconfig_names_every_field() -> None:
    """Among the supported fields; and the client knows each, but for compression, which it never asks for."""
    works = section("kubeconfig.md", "Supported fields")
    named = {part for code in re.findall(r"`([^`]+)`", works) for part in re.split(r"[.:= ]+", code)}
    assert named >= FIELDS
    constants = {
        node.value
        for file in CLIENT.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    known = constants | {f"{each}-data" for each in constants}
    assert known >= FIELDS - {"disable-compression"}


def test_kubeconfig_names_how_long_a_request_is_repeated() -> None:
    """The seconds of the table, and those of the pauses."""
    text = section("kubeconfig.md", "Retries")
    seconds = [float(each) for each in re.findall(r"^\|.*? \| (\d+) seconds \|", text, re.MULTILINE)]
    assert seconds == [repeating.UP_SECONDS, repeating.PREVIEW_SECONDS, repeating.UNREACHED_SECONDS]
    prose = " ".join(text.split())
    assert f"after {repeating.FIRST_PAUSE} seconds, then after twice as long each time up to" in prose
    assert f"each time up to {repeating.LONGEST_PAUSE:g}," in prose
    assert f"(`Retry-After`, up to {repeating.LONGEST_RETRY_AFTER:g} seconds)" in prose


def test_the_picture_of_the_creation_has_every_kind() -> None:
    """Those that come before the StatefulSet, and those for clients that come after the rollout."""
    stages = diagram("creation")["stages"]
    kinds = [{box[0].replace("Services", "Service") for box in stage["boxes"]} for stage in stages]
    registered = {kind.rpartition(":")[2] for kind, _ in children()}
    assert kinds[1] == registered - {"StatefulSet"}
    assert "StatefulSet" in kinds[2]
    assert "Service" in kinds[3]


def diagram(name: str) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((ROOT / "docs" / "diagrams" / "diagrams.toml").read_text())[name]
    return found
