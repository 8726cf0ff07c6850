// Unit tests of the stacks, by mocks: neither a cluster nor the Pulumi CLI is needed.
package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"gopkg.in/yaml.v3"
)

// What the program asks for: the inputs of each resource, by its type.
type mocks map[string]resource.PropertyMap

func (made mocks) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	made[args.TypeToken] = args.Inputs
	return args.Name, args.Inputs, nil
}

func (made mocks) Call(args pulumi.MockCallArgs) (resource.PropertyMap, error) {
	return args.Args, nil
}

func read(t *testing.T, file string, into any) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

// The arguments of the program's StatefulService, with the configuration of a stack.
func argumentsIn(t *testing.T, stack string) resource.PropertyMap {
	var project struct {
		Name   string
		Config map[string]struct{ Default any }
	}
	var settings struct{ Config map[string]any }
	read(t, "Pulumi.yaml", &project)
	read(t, fmt.Sprintf("Pulumi.%s.yaml", stack), &settings)
	configuration := map[string]string{}
	for key, declared := range project.Config {
		if declared.Default != nil {
			configuration[project.Name+":"+key] = fmt.Sprint(declared.Default)
		}
	}
	for key, value := range settings.Config {
		if !strings.Contains(key, ":") {
			key = project.Name + ":" + key
		}
		configuration[key] = fmt.Sprint(value)
	}
	made := mocks{}
	configured := func(info *pulumi.RunInfo) { info.Config = configuration }
	if err := pulumi.RunErr(program, pulumi.WithMocks(project.Name, stack, made), configured); err != nil {
		t.Fatal(err)
	}
	return made["stateful-service:index:StatefulService"]
}

func TestEachStackHasItsOwnInstancesAndDisks(t *testing.T) {
	for _, each := range []struct {
		stack    string
		replicas float64
		size     string
	}{{"dev", 1, "1Gi"}, {"prod", 3, "10Gi"}} {
		args := argumentsIn(t, each.stack)
		if args["replicas"].NumberValue() != each.replicas {
			t.Errorf("%s has %v instances, not %v", each.stack, args["replicas"], each.replicas)
		}
		volume := args["volumes"].ArrayValue()[0].ObjectValue()
		if volume["size"].StringValue() != each.size {
			t.Errorf("%s has disks of %v, not %v", each.stack, volume["size"], each.size)
		}
	}
}
