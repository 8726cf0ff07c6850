"""The random generator of ``release.yaml`` as a StatefulService: the same names, labels and disks."""

import pulumi
from pulumi_stateful_service import StatefulService, StatefulServiceArgs

config = pulumi.Config()

args: StatefulServiceArgs = {
    "image": "random-generator:1.0",
    "namespace": config.require("namespace"),
    "replicas": 2,
    "service_name": "rg-headless",
    "selector": {"app.kubernetes.io/name": "random-generator", "app.kubernetes.io/instance": "rg"},
    "ports": {"web": 8080},
    "env": {"LOG_FILE": "/data/random.log", "SERVICE_NAME": "rg-headless"},
    "readiness_probe": {"http_get": {"path": "/ready", "port": "web"}, "period_seconds": 1},
    "volumes": [
        {
            "name": "data",
            "mount_path": "/data",
            "size": "10Mi",
            "labels": {"app.kubernetes.io/name": "random-generator", "app.kubernetes.io/instance": "rg"},
        }
    ],
    "termination_grace_period_seconds": 5,
    "load_balancer": {"name": "rg", "port": 80},
    "adopt": config.get_bool("adopt") or False,
}
if (canary := config.get_int("canary")) is not None:
    args["canary"] = canary

rg = StatefulService("rg", args)

pulumi.export("instances", rg.instances)
pulumi.export("outdated", rg.outdated)
