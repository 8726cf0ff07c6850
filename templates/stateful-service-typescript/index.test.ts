// Unit tests of the stacks, by mocks: neither a cluster nor the Pulumi CLI is needed.
import * as assert from "node:assert";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { parse } from "yaml";

const project = parse(readFileSync("Pulumi.yaml", "utf8"));

/** The configuration of a stack as the engine hands it over: full keys, and strings. */
function configuration(stack: string): Record<string, string> {
    const values = parse(readFileSync(`Pulumi.${stack}.yaml`, "utf8")).config;
    for (const [key, declared] of Object.entries<any>(project.config)) values[key] ??= declared.default;
    const known = Object.entries<any>(values).filter(([, value]) => value !== undefined);
    return Object.fromEntries(
        known.map(([key, value]) => [key.includes(":") ? key : `${project.name}:${key}`, String(value)]),
    );
}

/** The arguments of the program's StatefulService in a stack. */
async function argumentsIn(stack: string): Promise<any> {
    pulumi.runtime.setAllConfig(configuration(stack));
    const made = new Promise((resolve) => {
        pulumi.runtime.setMocks(
            {
                newResource: (args) => {
                    if (args.type === "stateful-service:index:StatefulService") resolve(args.inputs);
                    return { id: args.name, state: args.inputs };
                },
                call: (args) => args.inputs,
            },
            project.name,
            stack,
        );
    });
    delete require.cache[require.resolve("./index")]; // the program runs again
    require("./index");
    return made;
}

for (const [stack, replicas, size] of [
    ["dev", 1, "1Gi"],
    ["prod", 3, "10Gi"],
]) {
    test(`${stack} has its own number of instances, with disks of its own size`, async () => {
        const args = await argumentsIn(stack as string);
        assert.strictEqual(args.replicas, replicas);
        assert.deepStrictEqual(args.volumes, [{ name: "data", mountPath: "/data", size }]);
    });
}
