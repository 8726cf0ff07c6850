// Takes the place of the Go SDK of Pulumi's Kubernetes provider.
module github.com/pulumi/pulumi-kubernetes/sdk/v4

go 1.24.7

require github.com/pulumi/pulumi/sdk/v3 v3.205.0
