// A unit test of a program, as Pulumi's pages show it: the component is a resource that a mock answers for.
import * as pulumi from "@pulumi/pulumi";

const made: { type: string; inputs: any }[] = [];
pulumi.runtime.setMocks({
    newResource: (args) => {
        made.push({ type: args.type, inputs: args.inputs });
        return { id: `${args.name}-id`, state: { ...args.inputs, serviceAddress: "db.default.svc.cluster.local" } };
    },
    call: (args) => args.inputs,
});

async function main() {
    const { StatefulService } = await import("@pulumi-stateful-service/stateful-service");
    const db = new StatefulService("db", { image: "db:1", replicas: pulumi.output(3) });
    const address = await new Promise((resolve) => db.serviceAddress.apply(resolve));
    if (address !== "db.default.svc.cluster.local") throw new Error(`the address is ${address}`);
    const [service] = made;
    if (service.type !== "stateful-service:index:StatefulService") throw new Error(`the type is ${service.type}`);
    if (service.inputs.replicas !== 3) throw new Error(`replicas is ${service.inputs.replicas}`);
}

main().catch((error) => {
    console.error(error);
    process.exit(1);
});
