// The Kubernetes resource provider of Pulumi, release 4.25.0.
//
// The module's own main package embeds two files that its release process generates and that are therefore missing
// from the module. This one embeds the sources of those files, which the build copies in beside it.
package main

import (
	_ "embed"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version"
)

//go:embed schema.json
var schema []byte

//go:embed terraform-mapping.json
var terraformMapping []byte

func main() {
	provider.Serve("kubernetes", version.Version, schema, terraformMapping)
}
