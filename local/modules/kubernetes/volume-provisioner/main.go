// The provisioner behind the embedded cluster's volumes: a folder of the machine for each claim.
//
// It answers to the name of Rancher's local-path-provisioner, which kind and k3s run, so that a storage class works
// there and here. That one needs a helper Pod for each folder, since it runs in the cluster, and allows itself five
// requests a second; it takes some two seconds for a claim, one after the other, and cannot grow one. This one runs
// beside the cluster, on the machine where the folders are.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

func main() {
	name := flag.String("name", "rancher.io/local-path", "the provisioner's name in storage classes")
	kubeconfig := flag.String("kubeconfig", "", "how to reach the cluster")
	folder := flag.String("folder", "", "where the volumes' folders are made")
	disks := flag.String("disks", "", "where the folders of volumes that any node can have are made")
	flag.Parse()
	if err := run(*name, *kubeconfig, *folder, *disks); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(name, kubeconfig, folder, diskFolder string) error {
	for _, each := range []string{folder, diskFolder} {
		if !filepath.IsAbs(each) {
			return fmt.Errorf("the folder %q is not absolute", each)
		}
	}
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer cancel()
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 500, 1000
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	if err := startGrowing(stop, client, name); err != nil {
		return err
	}
	if err := startAttaching(stop, client); err != nil {
		return err
	}
	go provision(stop, client, diskDriver, disks{diskFolder})
	provision(stop, client, name, folders{folder})
	return nil
}

// provision makes and removes the volumes of one kind until it is told to stop.
func provision(stop context.Context, client kubernetes.Interface, name string, maker controller.Provisioner) {
	controller.NewProvisionController(
		stop, client, name, maker,
		controller.LeaderElection(false),
		controller.Threadiness(16),
		// Forever: a full disk can be emptied.
		controller.FailedProvisionThreshold(0),
		controller.FailedDeleteThreshold(0),
	).Run(stop)
}

// folders makes and removes the volumes.
type folders struct{ root string }

// Provision makes the folder for a claim.
func (f folders) Provision(_ context.Context, options controller.ProvisionOptions) (*v1.PersistentVolume, controller.ProvisioningState, error) {
	claim := options.PVC
	if err := check(claim); err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	path := filepath.Join(f.root, strings.Join([]string{options.PVName, claim.Namespace, claim.Name}, "_"))
	if err := makeFolder(path); err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	kind := v1.HostPathDirectory
	made := volume(options, v1.PersistentVolumeSource{HostPath: &v1.HostPathVolumeSource{Path: path, Type: &kind}})
	made.Spec.NodeAffinity = only(options.SelectedNodeName)
	return made, controller.ProvisioningFinished, nil
}

// check tells what a folder cannot be.
func check(claim *v1.PersistentVolumeClaim) error {
	if claim.Spec.Selector != nil {
		return fmt.Errorf("a claim with a selector is not supported")
	}
	for _, mode := range claim.Spec.AccessModes {
		if mode != v1.ReadWriteOnce && mode != v1.ReadWriteOncePod {
			return fmt.Errorf("access mode %s is not supported: a volume has one node at a time, and is ReadWriteOnce", mode)
		}
	}
	return nil
}

// volume is what the claim is bound to.
func volume(options controller.ProvisionOptions, source v1.PersistentVolumeSource) *v1.PersistentVolume {
	mode := v1.PersistentVolumeFilesystem
	size := options.PVC.Spec.Resources.Requests[v1.ResourceStorage]
	return &v1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: options.PVName},
		Spec: v1.PersistentVolumeSpec{
			PersistentVolumeReclaimPolicy: *options.StorageClass.ReclaimPolicy,
			MountOptions:                  options.StorageClass.MountOptions,
			AccessModes:                   options.PVC.Spec.AccessModes,
			VolumeMode:                    &mode,
			Capacity:                      v1.ResourceList{v1.ResourceStorage: size},
			PersistentVolumeSource:        source,
		},
	}
}

// Delete removes the folder of a volume, if it is one of ours.
func (f folders) Delete(_ context.Context, volume *v1.PersistentVolume) error {
	source := volume.Spec.HostPath
	if source == nil || filepath.Dir(source.Path) != filepath.Clean(f.root) {
		return fmt.Errorf("volume %s is not a folder in %s", volume.Name, f.root)
	}
	return os.RemoveAll(source.Path)
}

func makeFolder(path string) error {
	if err := os.MkdirAll(path, 0o777); err != nil {
		return err
	}
	// Pods that do not run as root must be able to write, and neither the umask nor the owner may decide that.
	return os.Chmod(path, 0o777)
}

// only binds a volume to the node that its first Pod was given. All nodes of this cluster have their name as host name.
func only(node string) *v1.VolumeNodeAffinity {
	if node == "" {
		return nil
	}
	return &v1.VolumeNodeAffinity{Required: &v1.NodeSelector{NodeSelectorTerms: []v1.NodeSelectorTerm{{
		MatchExpressions: []v1.NodeSelectorRequirement{
			{Key: v1.LabelHostname, Operator: v1.NodeSelectorOpIn, Values: []string{node}},
		},
	}}}}
}
