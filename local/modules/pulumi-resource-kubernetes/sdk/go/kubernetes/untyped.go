// Package kubernetes has what the provider uses of its own Go SDK, and nothing else.
//
// The SDK is generated, one type for each field of each object of Kubernetes, and takes three quarters of the time that
// the provider takes to build. The provider registers objects that it has read from YAML, which need no types.
package kubernetes

import "reflect"

// UntypedArgs are the fields of an object as they were read.
type UntypedArgs map[string]any

// ElementType makes them an input of Pulumi's.
func (UntypedArgs) ElementType() reflect.Type { return reflect.TypeFor[map[string]any]() }
