package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	v1 "k8s.io/api/core/v1"
	storage "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

// The driver of the volumes that any node can have, and its name as a provisioner.
const diskDriver = "network-disks.stateful-service.local"

// disks makes and removes the volumes that any node can have: folders, too, but mounted by a driver.
type disks struct{ root string }

// Provision makes the folder for a claim.
func (d disks) Provision(_ context.Context, options controller.ProvisionOptions) (*v1.PersistentVolume, controller.ProvisioningState, error) {
	if err := check(options.PVC); err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	if err := makeFolder(filepath.Join(d.root, options.PVName)); err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	return volume(options, v1.PersistentVolumeSource{
		CSI: &v1.CSIPersistentVolumeSource{Driver: diskDriver, VolumeHandle: options.PVName, FSType: "ext4"},
	}), controller.ProvisioningFinished, nil
}

// Delete removes the folder of a volume, if it is one of ours.
func (d disks) Delete(_ context.Context, volume *v1.PersistentVolume) error {
	source := volume.Spec.CSI
	if source == nil || source.Driver != diskDriver || filepath.Base(source.VolumeHandle) != source.VolumeHandle {
		return fmt.Errorf("volume %s is not one of %s", volume.Name, diskDriver)
	}
	return os.RemoveAll(filepath.Join(d.root, source.VolumeHandle))
}

// startAttaching grants what the attach and detach controller asks for: a disk for a node, while no other node has it.
func startAttaching(stop context.Context, client kubernetes.Interface) error {
	// What was not granted is tried again whenever the informer shows all of them anew.
	factory := informers.NewSharedInformerFactory(client, 2*time.Second)
	informer := factory.Storage().V1().VolumeAttachments().Informer()
	consider := func(object any) {
		wanted, ok := object.(*storage.VolumeAttachment)
		if !ok || !waits(wanted) {
			return
		}
		problem := taken(wanted, informer.GetStore().List())
		if err := answer(stop, client, wanted, problem); err != nil {
			klog.FromContext(stop).Error(err, "Cannot attach", "attachment", wanted.Name)
		}
	}
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    consider,
		UpdateFunc: func(_, object any) { consider(object) },
	})
	factory.Start(stop.Done())
	return err
}

// waits tells whether an attachment is ours and not made yet.
func waits(each *storage.VolumeAttachment) bool {
	return each.Spec.Attacher == diskDriver && each.DeletionTimestamp == nil && !each.Status.Attached
}

// taken tells which other node has a volume, if any.
func taken(wanted *storage.VolumeAttachment, all []any) string {
	for _, object := range all {
		other, ok := object.(*storage.VolumeAttachment)
		if ok && other.Name != wanted.Name && other.Status.Attached && other.Spec.NodeName != wanted.Spec.NodeName &&
			*other.Spec.Source.PersistentVolumeName == *wanted.Spec.Source.PersistentVolumeName {
			return fmt.Sprintf("the disk is attached to %s", other.Spec.NodeName)
		}
	}
	return ""
}

func answer(ctx context.Context, client kubernetes.Interface, wanted *storage.VolumeAttachment, problem string) error {
	answered := wanted.DeepCopy()
	answered.Status = storage.VolumeAttachmentStatus{Attached: problem == ""}
	if problem != "" {
		answered.Status.AttachError = &storage.VolumeError{Time: metav1.Now(), Message: problem}
	}
	_, err := client.StorageV1().VolumeAttachments().UpdateStatus(ctx, answered, metav1.UpdateOptions{})
	return err
}
