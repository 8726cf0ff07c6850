"""A client of a stateful service in another stack: it asks one instance by its name, and any by the load balancer."""

from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

config = pulumi.Config()
service = pulumi.StackReference(config.require("service"))
on_cluster = pulumi.ResourceOptions(provider=kubernetes.Provider("cluster", context=config.require("context")))


def address(instances: list[dict[str, Any]]) -> str:
    """The stable DNS name of the instance that is to be asked."""
    by_name = {instance["pod"]: instance["address"] for instance in instances}
    wanted = config.require("instance")
    if wanted not in by_name:
        raise pulumi.RunError(f"There is no instance {wanted!r}: the service has {', '.join(by_name)}.")
    return str(by_name[wanted])


def client(name: str, host: str) -> dict[str, Any]:
    """A container that asks once."""
    return {"name": name, "image": config.require("image"), "args": ["get", f"http://{host}/"]}


def clients(outputs: list[Any]) -> list[dict[str, Any]]:
    """One that asks the instance, and one that asks any, where the service has a load balancer."""
    instances, load_balancer = outputs
    asked = [client("one", f"{address(instances)}:8080")]
    return [*asked, client("any", load_balancer)] if load_balancer else asked


# The provider waits until the Job has succeeded: pulumi up fails where the service does not answer.
job = kubernetes.batch.v1.Job(
    "ask",
    metadata={"name": "ask", "namespace": config.require("namespace")},
    spec={
        "backoffLimit": 3,
        "template": {
            "spec": {
                "restartPolicy": "Never",
                "automountServiceAccountToken": False,
                "containers": pulumi.Output.all(
                    service.require_output("instances"), service.get_output("loadBalancer")
                ).apply(clients),
            }
        },
    },
    opts=on_cluster,
)

pulumi.export("job", job.metadata.name)
