// Redis on instances with stable names, each with a disk of its own.
package main

import (
	"github.com/pulumi-stateful-service/pulumi-stateful-service/sdk/go/statefulservice"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"
)

func main() {
	pulumi.Run(program)
}

func program(ctx *pulumi.Context) error {
	settings := config.New(ctx, "")
	cache, err := statefulservice.NewStatefulService(ctx, "cache", &statefulservice.StatefulServiceArgs{
		Image: pulumi.String(settings.Require("image")),
		// As in the official image, Redis accepts clients from other Pods, without a password.
		Command: pulumi.ToStringArray([]string{
			"redis-server", "--dir", "/data", "--appendonly", "yes", "--protected-mode", "no",
		}),
		Replicas: pulumi.Int(settings.RequireInt("replicas")),
		Ports:    map[string]pulumi.IntInput{"client": pulumi.Int(6379)},
		ReadinessProbe: &statefulservice.ProbeArgs{
			Exec: &statefulservice.ExecArgs{Command: pulumi.ToStringArray([]string{"redis-cli", "-e", "ping"})},
		},
		Security: &statefulservice.SecurityArgs{RunAsUser: pulumi.Int(999)},
		Volumes: []statefulservice.VolumeArgs{{
			Name:      "data",
			MountPath: pulumi.String("/data"),
			Size:      pulumi.String(settings.Require("size")),
		}},
	})
	if err != nil {
		return err
	}
	ctx.Export("service", cache.ServiceAddress)
	ctx.Export("instances", cache.Instances)
	return nil
}
