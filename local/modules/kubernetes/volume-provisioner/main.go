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
	flag.Parse()
	if err := run(*name, *kubeconfig, *folder); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(name, kubeconfig, folder string) error {
	if !filepath.IsAbs(folder) {
		return fmt.Errorf("the folder %q is not absolute", folder)
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
	controller.NewProvisionController(
		stop, client, name, folders{folder},
		controller.LeaderElection(false),
		controller.Threadiness(16),
		// Forever: a full disk can be emptied.
		controller.FailedProvisionThreshold(0),
		controller.FailedDeleteThreshold(0),
	).Run(stop)
	return nil
}

// folders makes and removes the volumes.
type folders struct{ root string }

// Provision makes the folder for a claim.
func (f folders) Provision(_ context.Context, options controller.ProvisionOptions) (*v1.PersistentVolume, controller.ProvisioningState, error) {
	claim := options.PVC
	if claim.Spec.Selector != nil {
		return nil, controller.ProvisioningFinished, fmt.Errorf("a claim with a selector is not supported")
	}
	for _, mode := range claim.Spec.AccessModes {
		if mode != v1.ReadWriteOnce && mode != v1.ReadWriteOncePod {
			return nil, controller.ProvisioningFinished, fmt.Errorf("access mode %s is not supported: a folder of one node is ReadWriteOnce", mode)
		}
	}
	path := filepath.Join(f.root, strings.Join([]string{options.PVName, claim.Namespace, claim.Name}, "_"))
	if err := makeFolder(path); err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	kind := v1.HostPathDirectory
	mode := v1.PersistentVolumeFilesystem
	return &v1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: options.PVName},
		Spec: v1.PersistentVolumeSpec{
			PersistentVolumeReclaimPolicy: *options.StorageClass.ReclaimPolicy,
			MountOptions:                  options.StorageClass.MountOptions,
			AccessModes:                   claim.Spec.AccessModes,
			VolumeMode:                    &mode,
			Capacity:                      v1.ResourceList{v1.ResourceStorage: claim.Spec.Resources.Requests[v1.ResourceStorage]},
			PersistentVolumeSource: v1.PersistentVolumeSource{
				HostPath: &v1.HostPathVolumeSource{Path: path, Type: &kind},
			},
			NodeAffinity: only(options.SelectedNodeName),
		},
	}, controller.ProvisioningFinished, nil
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
