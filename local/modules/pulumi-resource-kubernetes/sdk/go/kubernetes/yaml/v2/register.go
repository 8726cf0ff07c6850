// Package v2 registers objects of any kind.
package v2

import (
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

type object struct {
	pulumi.CustomResourceState
}

// RegisterResource registers an object under the type that Pulumi has for its kind.
func RegisterResource(
	ctx *pulumi.Context, apiVersion, kind, name string, fields pulumi.Input, opts ...pulumi.ResourceOption,
) (pulumi.CustomResource, error) {
	if !strings.Contains(apiVersion, "/") {
		apiVersion = "core/" + apiVersion
	}
	registered := &object{}
	if err := ctx.RegisterResource("kubernetes:"+apiVersion+":"+kind, name, fields, registered, opts...); err != nil {
		return nil, err
	}
	return registered, nil
}
