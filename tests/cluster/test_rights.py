"""With few rights: the documented Role suffices, and a missing right is named at once."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from harness import CHAPTER, ROOT, SOON, Service, eventually
from lightkube.resources.core_v1 import Pod
from lightkube.resources.core_v1 import Service as ServiceObject
from pulumi_stateful_service.live.client.access import READS, Action, Right
from pulumi_stateful_service.live.client.resources import RESOURCES

Make = Callable[..., Service]

PROVIDER_RULES = [
    {"apiGroups": ["apps"], "resources": ["statefulsets"], "verbs": ["*"]},
    {"apiGroups": [""], "resources": ["services"], "verbs": ["*"]},
    {"apiGroups": [""], "resources": ["secrets", "configmaps"], "verbs": ["get", "create", "patch"]},
    {"apiGroups": ["policy"], "resources": ["poddisruptionbudgets"], "verbs": ["*"]},
]
"""What Pulumi's provider needs besides for the objects that the component registers."""


def documented_role() -> dict[str, Any]:
    """The Role in docs/kubeconfig.md."""
    page = (ROOT / "docs" / "kubeconfig.md").read_text()
    [role] = [each for each in page.split("```yaml\n")[1:] if "kind: Role\n" in each]
    read: dict[str, Any] = yaml.safe_load(role.split("```")[0])
    return read


def documented_rules(without: str = "") -> list[dict[str, Any]]:
    """Its rules, without those for one resource."""
    kept = [
        {**rule, "resources": [each for each in rule["resources"] if each != without]}
        for rule in documented_role()["rules"]
    ]
    return [rule for rule in kept if rule["resources"]]


def rules_of(*arguments: str) -> list[dict[str, Any]]:
    """The namespaced rules that the page lists for these arguments besides."""
    return [
        {
            "apiGroups": [RESOURCES[kind].api_version.rpartition("/")[0]],
            "resources": [f"{RESOURCES[kind].plural}/{row.subresource}".rstrip("/")],
            "verbs": list(row.verbs),
        }
        for row in [*READS, *(action.row for action in Action)]
        for kind in row.kinds
        if row.right is Right.ARGUMENT and set(row.arguments) & set(arguments) and RESOURCES[kind].namespaced
    ]


def limit(rg: Service, rules: list[dict[str, Any]], tmp_path: Path) -> None:
    """Deploys the service as a ServiceAccount with these rules in its namespace, and no others."""
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "deployer"}}
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "deployer"},
        "rules": rules,
    }
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "deployer"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "deployer"},
        "subjects": [{"kind": "ServiceAccount", "name": "deployer", "namespace": rg.namespace}],
    }
    for each in (account, role, binding):
        rg.kubectl("apply", "--filename", "-", text=json.dumps(each))
    token = rg.kubectl("create", "token", "deployer").strip()
    kubeconfig = yaml.safe_load(Path(rg.env["KUBECONFIG"]).read_text())
    authority = Path(rg.env["KUBECONFIG"]).parent
    for cluster in kubeconfig["clusters"]:
        if (file := cluster["cluster"].pop("certificate-authority", None)) is not None:
            content = (authority / file).read_bytes()
            cluster["cluster"]["certificate-authority-data"] = base64.b64encode(content).decode()
    kubeconfig["users"] = [{"name": each["name"], "user": {"token": token}} for each in kubeconfig["users"]]
    limited = tmp_path / "kubeconfig"
    limited.write_text(yaml.safe_dump(kubeconfig))
    rg.env = {**rg.env, "KUBECONFIG": str(limited)}


def logs(size: str) -> list[dict[str, Any]]:
    return [{"name": "logs", "mount_path": "/opt/logs", "size": size}]


def test_the_documented_role_suffices(service: Make, tmp_path: Path) -> None:
    """Create, canary, growth, recreation, refusal and destroy, without a cluster-wide right."""
    rg = service(quorum=True, replicas=3, secret_env={"A": "b"}, config_files={"/etc/rg/a": "b"})
    limit(rg, [*PROVIDER_RULES, *documented_rules()], tmp_path)
    rg.up()
    said = rg.deploy(canary=1, secret_env={"A": "c"}, config_files={"/etc/rg/a": "c"})
    assert "no right" not in said
    rg.deploy(canary=None, volumes=logs("20Mi"))
    assert {claim.spec.resources.requests["storage"] for claim in rg.claims().values()} == {"20Mi"}
    rg.set(volumes=logs("5Mi"))
    assert "size cannot be reduced" in rg.must_fail("preview")
    pods = rg.uids()
    rg.deploy(volumes=logs("20Mi"), recreate_keeping_pods=True, pod_management_policy="Parallel")
    assert rg.uids() == pods
    rg.unchanged()


def test_the_documented_rights_of_arguments_suffice(service: Make, tmp_path: Path) -> None:
    """Checks that ask an instance and that run in it, a member that joins, and commands that run once."""
    command = {"command": ["/random-generator", "get", "http://localhost:8080/version"]}
    checks = [{"http_get": {"path": "/version", "port": "http"}}, {"exec": command}]
    rg = service(
        rollout={"steps": [1], "checks": checks},
        members={"join": command},
        form_cluster={**command, "check": [*command["command"][:2], "http://localhost:1/"], "secret_name": "formed"},
        version={"before": command},
    )
    rights = rules_of("rollout.checks.http_get", "rollout.checks.exec", "members", "members.join")
    assert len(rights) == 4
    rights += rules_of("form_cluster", "form_cluster.secret_name", "version.before", "recover")
    limit(rg, [*PROVIDER_RULES, *documented_rules(), *rights], tmp_path)
    assert "What it printed is in Secret formed" in rg.up()
    recover = {**command, "request": "now", "ordinal": 0, "despite_ready": True}
    said = rg.deploy(image="random-generator:2.0", replicas=3, recover=recover)
    assert "recover 'now' is done: rg-0 has started the application." in said
    assert "no right to" not in said
    assert {pod.spec.containers[0].image for pod in rg.pods().values()} == {"random-generator:2.0"}
    governing: Any = rg.client.get(ServiceObject, "random-generator", namespace=rg.namespace)
    assert governing.metadata.annotations["pulumi-stateful-service/members"] == "3"
    rg.unchanged()


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("pods", r"no right to list pods"),
        ("persistentvolumeclaims", r"no right to (list|patch) persistentvolumeclaims"),
    ],
)
def test_a_missing_right_is_named_at_once(service: Make, tmp_path: Path, missing: str, message: str) -> None:
    """With verb, resource and namespace, before the timeout."""
    rules = documented_rules(without=missing)
    rg = service(rollout_timeout_seconds=3600)
    limit(rg, [*PROVIDER_RULES, *rules], tmp_path)
    with pytest.raises(AssertionError, match=message):
        rg.up()


def test_what_may_not_be_read_hides_no_reason(service: Make, tmp_path: Path) -> None:
    """Without the right to list events: why an image is not pulled is said, and who holds a Pod that is deleted."""
    rules = documented_rules(without="events")
    broken = {"image": "nothing-of-this-name:1.0", "image_pull_policy": "Never", "rollout_timeout_seconds": SOON}
    rg = service(replicas=1, **broken)
    limit(rg, [*PROVIDER_RULES, *rules], tmp_path)
    said = rg.must_fail("up", "--yes", "--skip-preview")
    assert "rg-0: container app: ErrImageNeverPull" in said
    assert f"More may be known: no right to list events in namespace {rg.namespace}" in said
    rg.deploy(image=CHAPTER["image"], image_pull_policy=None, rollout_timeout_seconds=None)
    rg.set(env={"A": "b"}, rollout_timeout_seconds=SOON)
    with rg.held(Pod, "rg-0"):
        said = rg.must_fail("up", "--yes", "--skip-preview")
    assert "rg-0: terminating, held by finalizers: example.com/hold" in said
    rg.deploy(rollout_timeout_seconds=None)


@pytest.mark.long
def test_versions_are_kept_without_the_right_to_know_whether_they_are_needed(service: Make, tmp_path: Path) -> None:
    """The update succeeds, and a warning names the right; so with the right to own them."""
    rules = documented_rules(without="controllerrevisions")
    rg = service(secret_env={"A": "b"}, revision_history_limit=0)
    everything = rg.env
    limit(rg, [*PROVIDER_RULES, *rules], tmp_path)
    rg.up()
    said = rg.deploy(secret_env={"A": "c"})
    assert "Secrets and ConfigMaps of superseded versions are kept: no right to list controllerrevisions" in said
    assert len(rg.kubectl("get", "secrets", "--output=name").split()) == 2
    rg.env = everything
    rules = [rule for rule in rules if "secrets" not in rule["resources"]]
    limit(rg, [*PROVIDER_RULES, *rules], tmp_path)
    said = rg.deploy(secret_env={"A": "d"})
    assert "pulumi destroy will leave Secrets and ConfigMaps of this service behind" in said
    assert "no right to list secrets" in said


def test_rights_without_which_the_provider_waits_are_named_before(service: Make, tmp_path: Path) -> None:
    """In the preview, once, and not where the documented Role is given."""
    rg = service(load_balancer={"type": "ClusterIP"})
    unlimited = rg.env
    kept = [rule for rule in documented_rules() if not {"endpoints", "endpointslices"} & set(rule["resources"])]
    limit(rg, [*PROVIDER_RULES, *kept], tmp_path)
    said = rg.run("preview").stdout
    missing = "list endpoints, watch endpoints, list endpointslices, watch endpointslices"
    assert said.count(f"no right to {missing} in namespace {rg.namespace}: Pulumi's provider follows") in {1, 2}
    rg.env = unlimited
    limit(rg, [*PROVIDER_RULES, *documented_rules()], tmp_path)
    assert "no right to" not in rg.must("preview")


def test_a_cluster_that_may_not_be_read_is_reported_in_the_preview(service: Make, tmp_path: Path) -> None:
    """One warning with the reason; with the setting, up continues and says what it does not do."""
    rg = service()
    rg.up()
    limit(rg, [], tmp_path)
    rg.set(volumes=logs("5Mi"))
    said = rg.run("preview").stdout
    assert "was not checked against the cluster: no right to get statefulsets" in said


def without_dry_runs(rg: Service) -> None:
    """Has the API server refuse a dry run of StatefulSets in the service's namespace."""
    name = f"no-dry-run-{rg.namespace}"
    selector = {"matchLabels": {"kubernetes.io/metadata.name": rg.namespace}}
    rule = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["*"], "resources": ["statefulsets"]}
    policy = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "matchConstraints": {"namespaceSelector": selector, "resourceRules": [rule]},
            "validations": [{"expression": "!(has(request.dryRun) && request.dryRun)", "message": "no dry run"}],
        },
    }
    binding = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": ["Deny"]},
    }
    for each in (policy, binding):
        rg.kubectl("apply", "--filename", "-", text=json.dumps(each))
    eventually("a dry run is refused", lambda: _is_dry_run_refused(rg))


def _is_dry_run_refused(rg: Service) -> bool:
    try:
        rg.kubectl("annotate", "statefulset", "rg", "--dry-run=server", "--overwrite", "a=b")
    except AssertionError as error:
        return "no dry run" in str(error)
    return False


def test_what_cannot_be_judged_is_not_done(service: Make) -> None:
    """A dry run that is not answered: the preview warns, `up` changes nothing, and says how to go on without it."""
    rg = service()
    rg.up()
    without_dry_runs(rg)
    try:
        pods, generation = rg.uids(), rg.stateful_set().metadata.generation
        rg.set(image="random-generator:2.0")
        assert "the effect on the instances could not be determined" in rg.run("preview").stdout
        refused = rg.must_fail("up", "--yes", "--skip-preview")
        assert "cannot be checked against the cluster, so it is not made" in refused
        assert (rg.uids(), rg.stateful_set().metadata.generation) == (pods, generation)
        rg.must("config", "set", "stateful-service:forecast", "false")
        rg.up()
        assert not set(rg.uids().values()) & set(pods.values())
    finally:
        for kind in ("validatingadmissionpolicybinding", "validatingadmissionpolicy"):
            rg.kubectl("delete", kind, f"no-dry-run-{rg.namespace}")


def test_reading_can_be_switched_off(service: Make) -> None:
    """A change that would be refused is made, with a warning that says what is not checked."""
    rg = service()
    rg.up()
    rg.must("config", "set", "stateful-service:readCluster", "false")
    rg.set(volumes=logs("5Mi"))
    said = rg.must("preview")
    assert "stateful-service:readCluster is false. No change is refused" in said
