module ${PROJECT}

go 1.25

require (
	github.com/pulumi-stateful-service/pulumi-stateful-service/sdk/go v0.0.0
	github.com/pulumi/pulumi/sdk/v3 v3.257.0
	gopkg.in/yaml.v3 v3.0.1
)

// `pulumi install` generates it.
replace github.com/pulumi-stateful-service/pulumi-stateful-service/sdk/go => ./sdks/pulumi-stateful-service-stateful-service
