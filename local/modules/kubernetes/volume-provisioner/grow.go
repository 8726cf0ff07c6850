package main

import (
	"context"
	"encoding/json"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

// What marks a volume as made by a provisioner of a name.
const provisionedBy = "pv.kubernetes.io/provisioned-by"

// The provisioner inside the controller manager makes folders too, and leaves growing them to others.
const inTree = "kubernetes.io/host-path"

// startGrowing gives claims on our volumes the size they ask for, as the resizer of a storage driver would. A folder has
// no size of its own, so only the objects change.
func startGrowing(stop context.Context, client kubernetes.Interface, name string) error {
	// What went wrong is tried again whenever the informer shows all claims anew.
	factory := informers.NewSharedInformerFactory(client, 15*time.Second)
	consider := func(object any) {
		claim, ok := object.(*v1.PersistentVolumeClaim)
		if !ok || !wantsToGrow(claim) {
			return
		}
		if err := grow(stop, client, claim, name); err != nil {
			klog.FromContext(stop).Error(err, "Cannot grow", "claim", klog.KObj(claim))
		}
	}
	_, err := factory.Core().V1().PersistentVolumeClaims().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    consider,
		UpdateFunc: func(_, object any) { consider(object) },
	})
	factory.Start(stop.Done())
	return err
}

// wantsToGrow tells whether a bound claim asks for more than it has.
func wantsToGrow(claim *v1.PersistentVolumeClaim) bool {
	wanted, has := claim.Spec.Resources.Requests[v1.ResourceStorage], claim.Status.Capacity[v1.ResourceStorage]
	return claim.Status.Phase == v1.ClaimBound && wanted.Cmp(has) > 0
}

func grow(ctx context.Context, client kubernetes.Interface, claim *v1.PersistentVolumeClaim, name string) error {
	volume, err := client.CoreV1().PersistentVolumes().Get(ctx, claim.Spec.VolumeName, metav1.GetOptions{})
	if err != nil {
		return err
	}
	if by := volume.Annotations[provisionedBy]; by != name && by != inTree && by != diskDriver {
		return nil
	}
	size := claim.Spec.Resources.Requests[v1.ResourceStorage]
	if has := volume.Spec.Capacity[v1.ResourceStorage]; has.Cmp(size) < 0 {
		patch := capacity("spec", size)
		if _, err := client.CoreV1().PersistentVolumes().Patch(ctx, volume.Name, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
			return err
		}
	}
	_, err = client.CoreV1().PersistentVolumeClaims(claim.Namespace).Patch(
		ctx, claim.Name, types.MergePatchType, capacity("status", size), metav1.PatchOptions{}, "status")
	return err
}

// capacity is the patch that sets the capacity in a part of an object.
func capacity(part string, size resource.Quantity) []byte {
	patch, _ := json.Marshal(map[string]any{part: map[string]any{"capacity": map[string]any{"storage": size}}})
	return patch
}
