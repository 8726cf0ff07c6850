"""The testing kit itself: a test that uses it must be able to fail."""

import asyncio
import contextlib
import gc
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
import pytest
from pulumi_stateful_service import ArgumentError, StatefulService, StatefulServiceArgs
from pulumi_stateful_service.testing import (
    CLUSTER_IP,
    LOAD_BALANCER_IP,
    DeployedService,
    Deployment,
    deploy,
    deploy_stack,
)

SMALLEST: StatefulServiceArgs = {"image": "random-generator:1.0"}
STEPS: StatefulServiceArgs = {
    "image": "random-generator:1.0",
    "replicas": 3,
    "service_name": "random-generator",
    "ports": {"http": 8080},
    "volumes": [{"name": "logs", "mount_path": "/opt/logs", "size": "10Mi"}],
    "storage_class": {"provisioner": "p"},
    "load_balancer": {},
    "partition": 1,
}


def rg(**changes: Any) -> DeployedService:
    args: Any = {**STEPS, **changes}
    return deploy(lambda: StatefulService("rg", args)).service("rg")


class TestDeploying:
    def test_an_assertion_in_an_apply_is_not_lost(self) -> None:
        """Where an assertion inside an apply fails, the deployment does."""

        def program() -> None:
            rg = StatefulService("rg", SMALLEST)

            def must_be_other(name: str) -> None:
                assert name == "other"

            rg.stateful_set_name.apply(must_be_other)

        with pytest.raises(AssertionError, match="rg"):
            deploy(program)

    def test_what_the_program_returns_and_exports_is_plain(self) -> None:
        """Outputs, nested and secret ones too, come back as values to assert on."""

        def program() -> dict[str, object]:
            rg = StatefulService("rg", SMALLEST)
            pulumi.export("key", pulumi.Output.secret("known"))
            pulumi.export("instances", rg.instances)
            return {"set": rg.stateful_set_name, "list": [rg.namespace]}

        deployed = deploy(program)
        assert deployed.result == {"set": "rg", "list": ["default"]}
        assert deployed.outputs["key"] == "known"
        assert deployed.outputs["instances"][0]["address"] == "rg-0.rg.default.svc.cluster.local"

    def test_a_secret_input_is_shown_where_it_was_put(self) -> None:
        """Pulumi marks all of ``spec`` as secret for one secret in it; the mark is no part of what was asked."""

        def program() -> None:
            StatefulService("rg", {**SMALLEST, "env": {"PASSWORD": pulumi.Output.secret("known")}})

        [container] = deploy(program).stateful_set().spec["template"]["spec"]["containers"]
        assert container["env"] == [{"name": "PASSWORD", "value": "known"}]

    def test_whole_numbers_are_whole(self) -> None:
        """Pulumi carries numbers as floats; a message and a comparison by text have them as they were given."""
        assert repr(rg().stateful_set.spec["replicas"]) == "3"

    def test_options_are_plain(self) -> None:
        """Options have the names of ResourceOptions, whatever the engine calls them."""

        def program() -> None:
            cluster = kubernetes.Provider("cluster", namespace="ours")
            options = pulumi.ResourceOptions(
                provider=cluster,
                protect=True,
                retain_on_delete=True,
                delete_before_replace=True,
                ignore_changes=["data"],
                replace_on_changes=["data"],
                additional_secret_outputs=["data"],
                aliases=["urn:pulumi:a::b::c::d", pulumi.Alias(name="old")],
                deleted_with=cluster,
                custom_timeouts=pulumi.CustomTimeouts(create="5m"),
            )
            kubernetes.core.v1.ConfigMap("settings", metadata={"name": "settings"}, opts=options)

        deployed = deploy(program)
        cluster = deployed.one("kubernetes")
        options = deployed.one("ConfigMap").options
        assert (options.provider, options.deleted_with) == (cluster.urn, cluster.urn)
        assert options.protect
        assert options.retain_on_delete
        assert options.delete_before_replace
        assert options.ignore_changes == options.replace_on_changes == options.additional_secret_outputs == ["data"]
        assert options.aliases[0] == "urn:pulumi:a::b::c::d"
        assert options.aliases[1]["name"] == "old"
        assert options.custom_timeouts == {"create": "5m"}

    def test_an_import_is_told(self) -> None:
        """The object that is taken over."""

        def program() -> None:
            kubernetes.core.v1.ConfigMap("a", opts=pulumi.ResourceOptions(import_="ours/a"))

        assert deploy(program).one("ConfigMap").options.import_ == "ours/a"

    def test_resources_come_in_the_order_of_their_registration(self) -> None:
        """The component first, the Service for clients last, and the same each time."""
        first, second = ([each.name for each in rg().deployment.resources] for _ in range(2))
        assert first == second
        assert (first[0], first[-2:]) == ("rg", ["rg", "rg-load-balancer"])

    def test_a_missing_resource_is_named(self) -> None:
        """Asking for what is not there says what is."""
        deployed = rg().deployment
        with pytest.raises(LookupError, match=r"0 resources of kind Ingress; there are: .*StatefulSet rg"):
            deployed.one("Ingress")
        with pytest.raises(LookupError, match="2 resources of kind Service; there are"):
            deployed.one("Service")
        with pytest.raises(LookupError, match=r"0 resources of kind .*StatefulService named db"):
            deployed.service("db")


class TestIsolation:
    def test_project_and_stack_are_in_the_urns(self) -> None:
        """As in a real deployment."""
        deployed = deploy(lambda: StatefulService("rg", SMALLEST), project="shop", stack="prod")
        assert deployed.service().component.urn.startswith("urn:pulumi:prod::shop::")

    def test_each_deployment_starts_from_nothing(self) -> None:
        """Neither resources nor configuration of one deployment are seen by the next."""
        first = deploy(lambda: pulumi.Config("a").get("key"), config={"a:key": "value"})
        second = deploy(lambda: pulumi.Config("a").get("key"))
        assert (first.result, second.result) == ("value", None)
        deploy(lambda: StatefulService("rg", SMALLEST))
        assert len(deploy(lambda: StatefulService("rg", SMALLEST)).resources) == 3

    def test_a_failed_deployment_leaves_nothing_behind(self) -> None:
        """After a program that raised, the next one runs as if it were the first."""

        def fails() -> None:
            StatefulService("rg", SMALLEST)
            raise LookupError("on purpose")

        with pytest.raises(LookupError, match="on purpose"):
            deploy(fails)
        assert len(deploy(lambda: StatefulService("rg", SMALLEST)).resources) == 3

    def test_pulumi_outside_is_left_as_it_was(self) -> None:
        """Mocks and configuration that a test has set by itself are still there after a deployment."""
        before = (pulumi.get_project(), pulumi.runtime.get_config("a:key"), pulumi.runtime.settings.get_monitor())
        deploy(lambda: StatefulService("rg", SMALLEST), config={"a:key": "value"}, project="other")
        assert before == (
            pulumi.get_project(),
            pulumi.runtime.get_config("a:key"),
            pulumi.runtime.settings.get_monitor(),
        )

    def test_it_works_within_an_event_loop(self) -> None:
        """An async test can deploy too, whichever plugin runs it."""

        async def test() -> Deployment:
            return deploy(lambda: StatefulService("rg", SMALLEST))

        assert asyncio.run(test()).service().instances == ["rg-0"]

    @pytest.mark.parametrize("fails", [False, True])
    def test_nothing_is_left_open(self, fails: bool, recwarn: pytest.WarningsRecorder) -> None:
        """No event loop and no task is left to complain about, also after a program that raised."""

        def program() -> None:
            StatefulService("rg", {**STEPS, "min_available": pulumi.Output.from_input(4 if fails else 1)})

        gc.collect()
        recwarn.clear()
        complaints: list[Any] = []
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(sys, "unraisablehook", complaints.append)
            with contextlib.suppress(ArgumentError):
                deploy(program)
            gc.collect()
        assert not complaints
        assert not [str(warning.message) for warning in recwarn if issubclass(warning.category, ResourceWarning)]

    def test_an_output_from_outside_is_explained(self) -> None:
        """An Output that another event loop has to finish can't be awaited here."""

        async def made() -> pulumi.Output[str]:
            return pulumi.Output.from_input(asyncio.get_running_loop().create_future())

        loop = asyncio.new_event_loop()
        outside = loop.run_until_complete(made())
        loop.close()
        with pytest.raises(RuntimeError, match="made outside of the program that is deployed; make it inside"):
            deploy(lambda: outside)


class TestAnswers:
    """What a cluster would fill in."""

    @staticmethod
    def services() -> dict[str, Any]:
        def service(name: str, **spec: Any) -> kubernetes.core.v1.Service:
            return kubernetes.core.v1.Service(name, metadata={"name": name}, spec=spec)

        each: list[Any] = [
            service("none", clusterIP="None"),
            service("plain"),
            service("balanced", type="LoadBalancer"),
        ]
        return {
            made._name: {
                "ip": made.spec.apply(lambda spec: spec.cluster_ip),
                "type": made.spec.apply(lambda spec: spec.type),
                "ingress": made.status.apply(lambda status: status and status.load_balancer.ingress[0].ip),
            }
            for made in each
        }

    def test_services_have_addresses(self) -> None:
        """One inside the cluster unless it is headless, and one outside with a load balancer."""
        assert deploy(self.services).result == {
            "none": {"ip": "None", "type": "ClusterIP", "ingress": None},
            "plain": {"ip": CLUSTER_IP, "type": "ClusterIP", "ingress": None},
            "balanced": {"ip": CLUSTER_IP, "type": "LoadBalancer", "ingress": LOAD_BALANCER_IP},
        }

    def test_the_namespace_is_the_objects_else_the_providers_else_the_stacks(self) -> None:
        """As Pulumi's provider has it."""

        def program() -> list[Any]:
            ours = pulumi.ResourceOptions(provider=kubernetes.Provider("cluster", namespace="ours"))
            made: list[Any] = [
                kubernetes.core.v1.ConfigMap("a", metadata={"namespace": "own"}, opts=ours),
                kubernetes.core.v1.ConfigMap("b", opts=ours),
                kubernetes.core.v1.ConfigMap("c", metadata={"name": "c"}, opts=ours),
                kubernetes.core.v1.ConfigMap("d", metadata={"name": "d"}),
                kubernetes.storage.v1.StorageClass("e", provisioner="p", metadata={"name": "e"}),
            ]
            return [each.metadata.apply(lambda metadata: metadata and metadata.namespace) for each in made]

        namespaces = deploy(program, config={"kubernetes:namespace": "stacks"}).result
        assert namespaces == ["own", "ours", "ours", "stacks", None]
        assert deploy(program).result[3] == "default"

    def test_a_test_can_answer_by_itself(self) -> None:
        """What it says goes over the kit's answers, field by field, and another stack's outputs come from it too."""

        def computed(kind: str, inputs: Any) -> Any:
            if kind == "pulumi:pulumi:StackReference":
                return {"outputs": {"instances": ["db-0"]}}
            return {"spec": {"clusterIP": "10.0.0.1"}} if inputs.get("metadata", {}).get("name") == "plain" else {}

        def program() -> Any:
            other = pulumi.StackReference("organization/db/prod")
            return {"other": other.get_output("instances"), **self.services()}

        result = deploy(program, computed=computed).result
        assert result["other"] == ["db-0"]
        assert result["plain"] == {"ip": "10.0.0.1", "type": "ClusterIP", "ingress": None}
        assert result["balanced"]["ip"] == CLUSTER_IP


def transformed(kind: str, change: Callable[[Any, pulumi.ResourceOptions], None]) -> DeployedService:
    """The service with its objects of a kind changed on their way: what a user's transformation could do."""

    def transformation(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        if args.type_.endswith(f":{kind}"):
            change(args.props, args.opts)
            return pulumi.ResourceTransformationResult(args.props, args.opts)
        return None

    options = pulumi.ResourceOptions(transformations=[transformation])
    return deploy(lambda: StatefulService("rg", STEPS, options)).service("rg")


def waits_for_nothing(_: Any, options: pulumi.ResourceOptions) -> None:
    options.depends_on = []


class TestThePattern:
    """The assertions: each holds for the chapter's service, and says what is wrong with another."""

    def test_instances(self) -> None:
        """By their names, from where the numbering starts."""
        rg(ordinals={"start": 5}, partition=0).assert_instances("rg-5", "rg-6", "rg-7")
        with pytest.raises(AssertionError) as failed:
            rg().assert_instances("rg-0")
        assert str(failed.value) == "StatefulService rg has the instances rg-0, rg-1, rg-2, not rg-0"

    def test_claims(self) -> None:
        """One for each instance and volume, with its size."""
        service = rg(replicas=2, volumes=[*STEPS["volumes"], {"name": "a", "mount_path": "/a", "size": "1Gi"}])
        service.assert_claims({"a-rg-0": "1Gi", "a-rg-1": "1Gi", "logs-rg-0": "10Mi", "logs-rg-1": "10Mi"})
        rg(volumes=[]).assert_claims({})
        with pytest.raises(AssertionError) as failed:
            rg(replicas=1, partition=0).assert_claims({"logs-rg-0": "20Mi"})
        assert str(failed.value) == "StatefulService rg has the claims logs-rg-0 (10Mi), not logs-rg-0 (20Mi)"

    @pytest.mark.parametrize(
        ("changes", "ordinals"),
        [
            ({"partition": 0}, [0, 1, 2]),
            ({"partition": 2}, [2]),
            ({"partition": 9}, []),
            ({"partition": 6, "ordinals": {"start": 5}}, [6, 7]),
        ],
    )
    def test_updates(self, changes: Any, ordinals: list[int]) -> None:
        """The ordinals from the partition on, as the user counts them."""
        rg(**changes).assert_updates(*ordinals)

    def test_updates_that_are_others(self) -> None:
        """The message has both."""
        with pytest.raises(AssertionError) as failed:
            rg().assert_updates()
        assert str(failed.value) == "StatefulService rg gives a new version to the ordinals 1, 2, not none"

    @pytest.mark.parametrize(("changes", "ordinals"), [({"canary": 1}, [2]), ({"update_strategy": "OnDelete"}, [])])
    def test_updates_without_a_partition(self, changes: Any, ordinals: list[int]) -> None:
        """A canary is counted from the end; with OnDelete the user deletes the Pods."""
        args: Any = {**SMALLEST, "replicas": 3, **changes}
        deploy(lambda: StatefulService("rg", args)).service().assert_updates(*ordinals)

    def test_order(self) -> None:
        """Governing Service and class, then the set, then the Services for clients."""
        rg().assert_order()

    @pytest.mark.parametrize(
        ("kind", "change", "message"),
        [
            ("StatefulSet", waits_for_nothing, "StatefulSet rg does not wait for Service random-generator"),
            ("Service", waits_for_nothing, "Service random-generator-lb does not wait for StatefulSet rg"),
            ("Service", lambda props, _: props["spec"].pop("clusterIP", 0), "Service random-generator is not headless"),
            ("Service", lambda props, _: props["spec"].pop("selector", 0), "Service random-generator selects {}, but"),
        ],
    )
    def test_an_order_that_is_broken(self, kind: str, change: Any, message: str) -> None:
        """The message has who does not wait for whom, or what the governing Service lacks."""
        with pytest.raises(AssertionError, match=message):
            transformed(kind, change).assert_order()

    def test_order_of_any_resources(self) -> None:
        """A user's own resources can be held against the service's, in one line."""

        def program() -> None:
            service = StatefulService("rg", SMALLEST)
            kubernetes.core.v1.ConfigMap("fill", metadata={"name": "fill"}, data={"host": service.ready_address})
            kubernetes.core.v1.ConfigMap("other", metadata={"name": "other"})

        deployed = deploy(program)
        fill, other = deployed.one("ConfigMap", "fill"), deployed.one("ConfigMap", "other")
        deployed.assert_order(deployed.governing_service(), deployed.stateful_set(), fill)
        assert fill.uses["data"] >= {deployed.stateful_set().urn}
        with pytest.raises(AssertionError, match="ConfigMap other does not wait for StatefulSet rg"):
            deployed.assert_order(deployed.stateful_set(), other)

    def test_claims_are_kept(self) -> None:
        """By default nothing deletes one."""
        rg().assert_claims_are_kept()

    @pytest.mark.parametrize(
        ("policy", "message"),
        [
            ({"when_deleted": "Delete"}, "StatefulService rg deletes claims when it is destroyed"),
            ({"when_scaled": "Delete"}, "StatefulService rg deletes claims when an instance is scaled away"),
        ],
    )
    def test_claims_that_go_by_policy(self, policy: Any, message: str) -> None:
        """The message has the occasion."""
        with pytest.raises(AssertionError, match=message):
            rg(persistent_volume_claim_retention_policy=policy).assert_claims_are_kept()

    @pytest.mark.parametrize(
        ("kind", "name", "message"),
        [
            ("Namespace", "ours", "destroying the stack deletes Namespace ours, and the claims in it"),
            ("PersistentVolumeClaim", "logs-rg-1", "destroying the stack deletes PersistentVolumeClaim logs-rg-1"),
        ],
    )
    def test_claims_that_go_with_the_stack(self, kind: str, name: str, message: str) -> None:
        """The program's own namespace or claim takes the data with it, unless it is kept or protected."""

        def program(**options: Any) -> DeployedService:
            def make() -> None:
                of_kind = getattr(kubernetes.core.v1, kind)
                of_kind("made", metadata={"name": name}, opts=pulumi.ResourceOptions(**options))
                args: Any = {**STEPS, "namespace": "ours"}
                StatefulService("rg", args)

            return deploy(make).service()

        program(retain_on_delete=True).assert_claims_are_kept()
        program(protect=True).assert_claims_are_kept()
        with pytest.raises(AssertionError, match=message):
            program().assert_claims_are_kept()


class TestStacks:
    """A whole project, with the configuration of its stacks."""

    @pytest.fixture
    def project(self, tmp_path: Path) -> Path:
        (tmp_path / "stacks").mkdir()
        (tmp_path / "Pulumi.yaml").write_text(
            "name: shop\nruntime: python\nstackConfigDir: stacks\n"
            "config:\n  replicas: {type: integer, default: 1}\n  plain: text\n  zone: {type: string}\n"
            "  kubernetes:namespace: {value: ours}\n"
        )
        (tmp_path / "stacks" / "Pulumi.prod.yaml").write_text(
            "config:\n  shop:replicas: 3\n  shop:volume: {size: 1Gi}\n  shop:password: {secure: AAA}\n"
        )
        (tmp_path / "stacks" / "Pulumi.dev.yaml").write_text("")
        (tmp_path / "network.py").write_text("import pulumi_kubernetes as k\nk.core.v1.ConfigMap('network')\n")
        (tmp_path / "__main__.py").write_text(
            "import pathlib, network, pulumi\n"
            "config = pulumi.Config()\n"
            "for key in ('replicas', 'plain', 'zone', 'volume', 'password'):\n"
            "    pulumi.export(key, config.get(key))\n"
            "pulumi.export('namespace', pulumi.Config('kubernetes').get('namespace'))\n"
            "pulumi.export('from', [pulumi.get_project(), pulumi.get_stack(), pathlib.Path('network.py').exists()])\n"
        )
        return tmp_path

    def test_the_stacks_configuration_goes_over_the_projects_and_the_tests_over_both(self, project: Path) -> None:
        """As strings, which is how the engine hands them over."""
        prod = deploy_stack("prod", project, config={"password": "known"})
        assert prod.outputs == {
            "replicas": "3",
            "plain": "text",
            "zone": None,
            "volume": '{"size": "1Gi"}',
            "password": "known",
            "namespace": "ours",
            "from": ["shop", "prod", True],
        }
        dev = deploy_stack("dev", project, config={"shop:replicas": 2}).outputs
        assert (dev["replicas"], dev["volume"]) == ("2", None)

    def test_an_encrypted_value_is_asked_for(self, project: Path) -> None:
        """The kit has no key, so the test gives a value."""
        with pytest.raises(LookupError, match=r"shop:password: encrypted in Pulumi.prod.yaml; give a value"):
            deploy_stack("prod", project)

    def test_the_programs_modules_run_each_time(self, project: Path) -> None:
        """Resources that an imported module makes are there in the second deployment too."""
        for _ in range(2):
            assert [each.name for each in deploy_stack("dev", project).all("ConfigMap")] == ["network"]
        assert "network" not in sys.modules


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (
            lambda: pulumi.StackReference("organization/db/prod").get_output("address"),
            r"outputs of stack .organization/db/prod. .*, which this test does not give.* computed=.*StackReference",
        ),
        (
            lambda: pulumi.StackReference("known-as", stack_name="organization/db/prod").require_output("address"),
            r"stack 'organization/db/prod' \(StackReference 'known-as'\)",
        ),
        (
            lambda: kubernetes.core.v1.ConfigMap.get("theirs", "shop/settings").data["a"],
            r"reads 'theirs' \(kubernetes:core/v1:ConfigMap shop/settings\).* if kind == 'kubernetes:core/v1:Con",
        ),
        (
            lambda: pulumi.runtime.invoke_async("cloud:index:getZone", {"name": "a"}),
            r"reads what the function cloud:index:getZone returns",
        ),
        (
            lambda: pulumi.Output.from_input(pulumi.runtime.invoke("cloud:index:getZone", {}).value),
            r"{\"FIELD\": \"VALUE\"} if kind == 'cloud:index:getZone' else {}",
        ),
    ],
)
def test_what_the_program_reads_has_to_be_given(read: Callable[[], Any], message: str) -> None:
    """The message says which mock to give, in place of an error about None elsewhere."""
    with pytest.raises(LookupError, match=message):
        deploy(read)


def test_what_the_program_reads_is_given_by_computed() -> None:
    """By the type of an object, and by the token of a function with its arguments."""

    def answers(kind: str, inputs: Any) -> Any:
        known: Any = {
            "pulumi:pulumi:StackReference": {"outputs": {"address": "db"}},
            "kubernetes:core/v1:ConfigMap": {"data": {"a": "b"}},
            "cloud:index:getZone": {"zone": f"{inputs.get('name')}-1"},
        }
        return known.get(kind, {})

    def program() -> Any:
        return {
            "stack": pulumi.StackReference("organization/db/prod").get_output("address"),
            "object": kubernetes.core.v1.ConfigMap.get("theirs", "shop/settings").data["a"],
            "function": pulumi.runtime.invoke("cloud:index:getZone", {"name": "a"}).value["zone"],
        }

    assert deploy(program, computed=answers).result == {"stack": "db", "object": "b", "function": "a-1"}
