"""The chapter's random generator: a stack's configuration in, one StatefulService, its names out."""

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_stateful_service import StatefulService, StatefulServiceArgs

config = pulumi.Config()
namespace = config.require("namespace")
on_cluster = pulumi.ResourceOptions()
# Manifests are rendered by the default provider, which needs no cluster.
renders = pulumi.Config("kubernetes").get("renderYamlToDirectory")
if not renders:
    on_cluster.provider = kubernetes.Provider("cluster", context=config.require("context"))

if namespace != "default":
    # Destroy leaves the namespace, since its claims, and with them the data, would go with it. The next `up` meets it
    # again: a NamespacePatch creates what does not exist, and accepts what does.
    kept = pulumi.ResourceOptions.merge(on_cluster, pulumi.ResourceOptions(retain_on_delete=True))
    kind = kubernetes.core.v1.Namespace if renders else kubernetes.core.v1.NamespacePatch
    made = kind("namespace", metadata={"name": namespace}, opts=kept)
    on_cluster = pulumi.ResourceOptions.merge(on_cluster, pulumi.ResourceOptions(depends_on=[made]))

args: StatefulServiceArgs = {
    "image": config.require("image"),
    "namespace": namespace,
    "replicas": config.require_int("replicas"),
    "service_name": "random-generator",
    "ports": {"http": 8080},
    "env": {"LOG_FILE": "/opt/logs/random.log", "SERVICE_NAME": "random-generator"},
    "readiness_probe": {"http_get": {"path": "/ready", "port": "http"}, "period_seconds": 1},
    "volumes": [{"name": "logs", "mount_path": "/opt/logs", "size": config.require("storageSize")}],
    "pod_management_policy": config.require("podManagementPolicy"),
}
if partition := config.require_int("partition"):
    args["partition"] = partition
if (canary := config.get_int("canary")) is not None:
    args["canary"] = canary
if storage_class := config.get_object("storageClass"):
    args["storage_class"] = storage_class
if load_balancer := config.get_object("loadBalancer"):
    args["load_balancer"] = load_balancer

rg = StatefulService("rg", args, on_cluster)

pulumi.export("namespace", rg.namespace)
pulumi.export("service", rg.service_address)
pulumi.export("instances", rg.instances)
pulumi.export("loadBalancer", rg.load_balancer_address)
pulumi.export("updateRevision", rg.update_revision)
pulumi.export("revisions", rg.revisions)
