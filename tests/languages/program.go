// Deploys the component from Go. The program runs inside of this process, so no language host is needed:
//
//	program up|destroy FOLDER NAMESPACE
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/pulumi-stateful-service/pulumi-stateful-service/sdk/go/statefulservice"
	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optup"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

func main() {
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(operation, folder, namespace string) error {
	program := func(ctx *pulumi.Context) error {
		db, err := statefulservice.NewStatefulService(ctx, "db", &statefulservice.StatefulServiceArgs{
			Image:                         pulumi.String("random-generator:1.0"),
			Namespace:                     pulumi.String(namespace),
			Replicas:                      pulumi.Int(2),
			PodManagementPolicy:           statefulservice.PodManagementPolicyParallel,
			TerminationGracePeriodSeconds: pulumi.Int(1),
			Ports:                         map[string]pulumi.IntInput{"http": pulumi.Int(8080)},
			Env:                           map[string]pulumi.StringInput{"LOG_FILE": pulumi.String("/opt/logs/log")},
			ReadinessProbe: &statefulservice.ProbeArgs{
				HttpGet: &statefulservice.HttpGetArgs{Path: pulumi.String("/ready"), Port: pulumi.String("http")},
			},
			Volumes: []statefulservice.VolumeArgs{{
				Name:      "logs",
				MountPath: pulumi.String("/opt/logs"),
				Size:      pulumi.String("10Mi"),
			}},
		})
		if err != nil {
			return err
		}
		ctx.Export("service", db.ServiceAddress)
		return nil
	}
	ctx := context.Background()
	stack, err := auto.UpsertStackInlineSource(ctx, "test", "go", program, auto.WorkDir(folder))
	if err != nil {
		return err
	}
	switch operation {
	case "up":
		result, err := stack.Up(ctx, optup.ProgressStreams(os.Stderr))
		if err != nil {
			return err
		}
		fmt.Println(result.Outputs["service"].Value, (*result.Summary.ResourceChanges)["create"]+(*result.Summary.ResourceChanges)["update"])
	case "destroy":
		_, err = stack.Destroy(ctx)
	default:
		err = fmt.Errorf("%q is neither up nor destroy", operation)
	}
	return err
}
