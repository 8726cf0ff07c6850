"""Secrets and ConfigMaps by version: what a held-back instance refers to is there until nobody needs it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from harness import CHAPTER, Service, eventually
from lightkube.resources.apps_v1 import StatefulSet
from lightkube.resources.core_v1 import ConfigMap, ResourceQuota, Secret

Make = Callable[..., Service]

SHOWN = {"LOG_FILE": "/opt/logs/random.log", "VERSION": "$(PASSWORD)"}
"""Has an instance answer with its password."""


def password(value: str) -> dict[str, str]:
    return {"PASSWORD": value}


def passwords(rg: Service) -> dict[str, str]:
    """What each instance answers with."""
    return {pod: rg.http(pod, "/version").text.strip() for pod in sorted(rg.pods())}


def secrets(rg: Service) -> dict[str, Any]:
    """The Secrets by name."""
    found: Any = rg.client.list(Secret, namespace=rg.namespace)
    return {str(each.metadata.name): each for each in found}


def config_maps(rg: Service) -> set[str]:
    """The names of the ConfigMaps of the service."""
    found: Any = rg.client.list(ConfigMap, namespace=rg.namespace)
    return {str(each.metadata.name) for each in found} - {"kube-root-ca.crt"}


def limit_secrets(rg: Service, number: int) -> None:
    """Allows so many Secrets, and waits until that is enforced."""
    rg.kubectl("delete", "quota", "secrets", "--ignore-not-found")
    rg.kubectl("create", "quota", "secrets", f"--hard=count/secrets={number}")

    def is_counted() -> bool:
        quota: Any = rg.client.get(ResourceQuota, "secrets", namespace=rg.namespace)
        return ((quota.status and quota.status.used) or {}).get("count/secrets") == str(len(secrets(rg)))

    eventually("the quota is counted", is_counted)


def test_p10_a_denied_creation_takes_no_value_from_an_instance(service: Make) -> None:
    """Rotated twice during a canary, and the second creation is denied: a held-back Pod comes back with its value."""
    rg = service(canary=1, secret_env=password("first"), env=SHOWN, revision_history_limit=0)
    rg.up()
    first = rg.outputs()["secret_env_name"]
    rg.deploy(secret_env=password("second"))
    second = rg.outputs()["secret_env_name"]
    assert passwords(rg) == {"rg-0": "first", "rg-1": "second"}
    limit_secrets(rg, 2)
    rg.set(secret_env=password("third"))
    assert "exceeded quota" in rg.must_fail("up", "--yes", "--skip-preview")
    assert secrets(rg).keys() == {first, second}
    rg.replace_pod("rg-0")
    rg.replace_pod("rg-1")
    assert passwords(rg) == {"rg-0": "first", "rg-1": "second"}
    limit_secrets(rg, 3)
    said = rg.up()
    third = rg.outputs()["secret_env_name"]
    assert f"Secret {rg.namespace}/{second} was deleted: no revision refers to it any more" in said
    assert secrets(rg).keys() == {first, third}
    rg.replace_pod("rg-0")
    assert passwords(rg) == {"rg-0": "first", "rg-1": "third"}
    rg.unchanged()
    # Back to what the other instance still has: the Secret that exists is used again, and nothing else.
    pods = rg.uids()
    rg.deploy(secret_env=password("first"))
    assert passwords(rg) == {"rg-0": "first", "rg-1": "first"}
    assert rg.uids()["rg-0"] == pods["rg-0"]
    assert rg.outputs()["secret_env_name"] == first
    rg.deploy(canary=None, secret_env=None, env=CHAPTER["env"])
    rg.unchanged()
    rg.destroy()
    eventually("no Secret is left", lambda: not secrets(rg))


@pytest.mark.long
def test_files_of_a_version(service: Make) -> None:
    """A ConfigMap and a Secret for each version; superseded ones go after a rollout, others with the StatefulSet."""
    files = {"config_files": {"/etc/rg/a": "one"}, "secret_files": {"/etc/rg/b": "one"}}
    rg = service(**files, revision_history_limit=1)
    rg.up()
    outputs = rg.outputs()
    assert {outputs["config_files_name"]} == config_maps(rg)
    assert {outputs["secret_files_name"]} == secrets(rg).keys()
    rg.deploy(config_files={"/etc/rg/a": "two"})
    assert config_maps(rg) == {outputs["config_files_name"], rg.outputs()["config_files_name"]}
    assert secrets(rg).keys() == {outputs["secret_files_name"]}
    rg.deploy(config_files={"/etc/rg/a": "three"})
    assert outputs["config_files_name"] not in config_maps(rg)
    assert len(config_maps(rg)) == 2
    rg.refresh()
    rg.unchanged()
    assert len(config_maps(rg)) == 2
    rg.destroy()
    eventually("nothing is left", lambda: not (config_maps(rg) or secrets(rg)))


@pytest.mark.long
def test_versions_outlive_the_stateful_set_that_owned_them(service: Make) -> None:
    """Recreated around its Pods, replaced by Pulumi, deleted by hand: instances start, and destroy leaves nothing."""
    rg = service(secret_env=password("first"), env=SHOWN, canary=1)
    rg.up()
    rg.deploy(secret_env=password("second"))
    expected = secrets(rg).keys()
    rg.deploy(canary=None)
    rg.deploy(recreate_keeping_pods=True, pod_management_policy="Parallel")
    assert owners(rg) == dict.fromkeys(expected, rg.stateful_set().metadata.uid)
    name = rg.outputs()["secret_env_name"]
    # The garbage collector takes the Secrets together with the StatefulSet.
    urn = "urn:pulumi:test::test::stateful-service:index:StatefulService$kubernetes:apps/v1:StatefulSet::rg"
    rg.must("up", "--yes", "--skip-preview", "--target-replace", urn)
    assert owners(rg)[name] == rg.stateful_set().metadata.uid
    rg.replace_pod("rg-0")
    assert set(passwords(rg).values()) == {"second"}
    rg.client.delete(StatefulSet, "rg", namespace=rg.namespace)
    eventually("the Secrets are gone", lambda: not secrets(rg))
    said = rg.deploy(labels={"a": "b"})
    assert f"Secret {rg.namespace}/{name} did not exist any more, and was created again" in said
    assert owners(rg) == {name: rg.stateful_set().metadata.uid}
    assert set(passwords(rg).values()) == {"second"}
    rg.unchanged()
    rg.destroy()
    eventually("no Secret is left", lambda: not secrets(rg))


def owners(rg: Service) -> dict[str, str]:
    """The uid of the owner of each Secret."""
    return {name: each.metadata.ownerReferences[0].uid for name, each in secrets(rg).items()}


@pytest.mark.long
def test_destroyed_and_deployed_at_once(service: Make) -> None:
    """The garbage collector is still deleting what the next deployment has under the same name."""
    rg = service(secret_env=password("first"), env=SHOWN, partition=1)
    for _ in range(3):
        rg.up()
        assert set(passwords(rg).values()) == {"first"}
        rg.destroy()


@pytest.mark.long
def test_without_reading_the_cluster_pulumi_deletes_what_is_superseded(service: Make) -> None:
    """The component does nothing on the cluster then."""
    rg = service(secret_env=password("first"), env=SHOWN)
    rg.must("config", "set", "stateful-service:readCluster", "false")
    rg.up()
    rg.deploy(secret_env=password("second"))
    assert secrets(rg).keys() == {rg.outputs()["secret_env_name"]}
    rg.destroy()
    assert not secrets(rg)


@pytest.mark.long
def test_a_provider_that_creates_by_post_goes_back_to_earlier_values(service: Make) -> None:
    """It cannot create what exists: the component makes way."""
    rg = service(secret_env=password("first"), env=SHOWN, canary=1)
    rg.must("config", "set", "kubernetes:enableServerSideApply", "false")
    rg.up()
    first = rg.outputs()["secret_env_name"]
    rg.deploy(secret_env=password("second"))
    rg.deploy(secret_env=password("first"))
    assert rg.outputs()["secret_env_name"] == first
    assert len(secrets(rg)) == 2
    rg.replace_pod("rg-0")
    assert set(passwords(rg).values()) == {"first"}
    rg.unchanged()


EARLIER = """
import pulumi
from pulumi.runtime import rpc

def renamed(name):
    return name.rpartition("-")[0], "." + name.rpartition("-")[2]

def walk(part):
    if not isinstance(part, dict):
        return [walk(each) for each in part] if isinstance(part, list) else part
    part = {key: walk(value) for key, value in part.items()}
    for field in ("name", "secretName"):
        name = part.get(field)
        if isinstance(name, str) and len(name.rpartition("-")[2]) == 24:
            part[field], ending = renamed(name)
            if "key" in part:
                part["key"] += ending
            for item in part.get("items", []):
                item["key"] += ending
    return part

async def value(given):
    given = await given.future() if isinstance(given, pulumi.Output) else given
    return rpc.unwrap_rpc_secret(given) if rpc.is_rpc_secret(given) else given

async def plain(part):
    part = await value(part)
    if isinstance(part, dict):
        return {key: await plain(each) for key, each in part.items()}
    return [await plain(each) for each in part] if isinstance(part, list) else part

async def as_before(args):
    props = dict(args.props)
    if args.type_.endswith((":Secret", ":ConfigMap")):
        metadata = await plain(props["metadata"])
        metadata["labels"].pop("pulumi-stateful-service/version-of")
        metadata["name"], ending = renamed(metadata["name"])
        props["metadata"] = metadata
        del props["immutable"]
        for field in ("data", "stringData"):
            if field in props:
                props[field] = pulumi.Output.secret({k + ending: v for k, v in (await plain(props[field])).items()})
        args.opts.retain_on_delete = False
    if args.type_.endswith(":StatefulSet"):
        props["spec"] = walk(await plain(props["spec"]))
    return pulumi.ResourceTransformResult(props, args.opts)

pulumi.runtime.register_resource_transform(as_before)
"""
"""Makes the objects as they were before each version had a name of its own."""


@pytest.mark.long
def test_names_of_before_are_kept_until_the_values_change(service: Make) -> None:
    """No Pod restarts; a held-back instance keeps its value through the first change under the new names."""
    rg = service(
        secret_env=password("first"),
        env=SHOWN,
        config_files={"/etc/rg/a": "one"},
        secret_files={"/etc/rg/b": "one"},
        revision_history_limit=1,
    )
    program = rg.folder / "__main__.py"
    now = program.read_text()
    program.write_text(EARLIER + now)
    rg.up()
    assert secrets(rg).keys() == {"rg-env", "rg-files"}
    program.write_text(now)
    pods = rg.uids()
    rg.set(secret_env=password("second"))
    assert "Run pulumi up once with the values as they were" in rg.must_fail("preview")
    rg.set(secret_env=password("first"))
    assert "replace" not in rg.must("preview", "--diff")
    rg.up()
    assert rg.uids() == pods
    outputs = rg.outputs()
    assert [outputs[f"{each}_name"] for each in ("secret_env", "config_files", "secret_files")] == [
        "rg-env",
        "rg-files",
        "rg-files",
    ]
    rg.unchanged()
    rg.deploy(secret_env=password("second"), canary=1)
    assert passwords(rg) == {"rg-0": "first", "rg-1": "second"}
    assert secrets(rg).keys() == {"rg-env", "rg-files", rg.outputs()["secret_env_name"]}
    rg.replace_pod("rg-0")
    assert passwords(rg) == {"rg-0": "first", "rg-1": "second"}
    rg.deploy(canary=None, config_files={"/etc/rg/a": "two"}, secret_files={"/etc/rg/b": "two"})
    rg.deploy(secret_env=password("third"))
    rg.deploy(secret_env=password("fourth"))
    assert not {"rg-env", "rg-files"} & (secrets(rg).keys() | config_maps(rg))
    assert set(passwords(rg).values()) == {"fourth"}
    rg.unchanged()
    state = json.loads(rg.must("stack", "export"))
    assert "rg-env-" in json.dumps(state)
    rg.destroy()
    eventually("nothing is left", lambda: not (config_maps(rg) or secrets(rg)))
