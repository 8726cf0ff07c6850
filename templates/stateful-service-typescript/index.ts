// Redis on instances with stable names, each with a disk of its own.
import * as pulumi from "@pulumi/pulumi";
import { StatefulService } from "@pulumi-stateful-service/stateful-service";

const config = new pulumi.Config();

const cache = new StatefulService("cache", {
    image: config.require("image"),
    // As in the official image, Redis accepts clients from other Pods, without a password.
    command: ["redis-server", "--dir", "/data", "--appendonly", "yes", "--protected-mode", "no"],
    replicas: config.requireNumber("replicas"),
    ports: { client: 6379 },
    readinessProbe: { exec: { command: ["redis-cli", "-e", "ping"] } },
    security: { runAsUser: 999 },
    volumes: [{ name: "data", mountPath: "/data", size: config.require("size") }],
});

export const service = cache.serviceAddress;
export const instances = cache.instances;
