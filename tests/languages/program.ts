// What users write in TypeScript, good and bad: the compiler takes this file as it is. A line that is marked as an error
// and is none fails too.
import * as pulumi from "@pulumi/pulumi";
import { StatefulService, StatefulServiceArgs, types } from "@pulumi-stateful-service/stateful-service";

const config = new pulumi.Config();

const db = new StatefulService("db", {
    image: "random-generator:1.0",
    namespace: config.require("namespace"),
    replicas: 2,
    ports: { http: 8080 },
    env: { LOG_FILE: "/opt/logs/log" },
    readinessProbe: { httpGet: { path: "/ready", port: "http" }, periodSeconds: 1 },
    volumes: [{ name: "logs", mountPath: "/opt/logs", size: "10Mi" }],
    maxUnavailable: "50%",
    terminationGracePeriodSeconds: 1,
});

export const addresses = db.instances.apply((instances) => instances.map((instance) => instance.address));
export const revision: pulumi.Output<string | undefined> = db.updateRevision;

export function compiled(): StatefulServiceArgs[] {
    const image = "a";
    return [
        { image, replicas: pulumi.output(3), maxUnavailable: 1, minAvailable: "60%" },
        { image, podManagementPolicy: "Parallel", readinessProbe: { tcpSocket: { port: 5432 } } },
        { image, podManagementPolicy: types.enums.PodManagementPolicy.Parallel },
        { image, members: { leave: { command: ["db", "leave"], runIn: "Instance" } } },
        // @ts-expect-error image is required
        { replicas: 3 },
        // @ts-expect-error a number
        { image, replicas: "three" },
        // @ts-expect-error no such argument
        { image, replica: 2 },
        // @ts-expect-error a number or a percentage
        { image, maxUnavailable: true },
        // @ts-expect-error a volume has a name
        { image, volumes: [{ mountPath: "/data", size: "1Gi" }] },
        // @ts-expect-error no such key
        { image, volumes: [{ name: "data", mountpath: "/data", size: "1Gi" }] },
    ];
}
