"""For unit tests of a program that uses the component: deploys it to Pulumi mocks and shows what was asked for.

    def test_three_instances_with_a_disk_each():
        db = deploy(lambda: StatefulService("db", {...})).service("db")
        db.assert_claims({"data-db-0": "10Gi", "data-db-1": "10Gi", "data-db-2": "10Gi"})

Everything the program does is awaited, outputs come back as plain values, and an error inside an ``apply`` is raised,
so no assertion is lost in one. Each deployment starts from nothing and leaves nothing.

No engine, no provider and no cluster: it shows what is asked of Pulumi, not what Kubernetes does with it.
"""

from pulumi_stateful_service.testing.kit import DeployedService, Deployment, deploy, deploy_stack
from pulumi_stateful_service.testing.mocks import CLUSTER_IP, LOAD_BALANCER_IP, Options, Registered

__all__ = [
    "CLUSTER_IP",
    "LOAD_BALANCER_IP",
    "DeployedService",
    "Deployment",
    "Options",
    "Registered",
    "deploy",
    "deploy_stack",
]
