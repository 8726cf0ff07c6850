package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	v1 "k8s.io/api/core/v1"
	storage "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

const name = "rancher.io/local-path"

func claim(request, has string, modes ...v1.PersistentVolumeAccessMode) *v1.PersistentVolumeClaim {
	return &v1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "logs-rg-0"},
		Spec: v1.PersistentVolumeClaimSpec{
			AccessModes: modes,
			VolumeName:  "pvc-1",
			Resources:   v1.VolumeResourceRequirements{Requests: v1.ResourceList{v1.ResourceStorage: resource.MustParse(request)}},
		},
		Status: v1.PersistentVolumeClaimStatus{
			Phase:    v1.ClaimBound,
			Capacity: v1.ResourceList{v1.ResourceStorage: resource.MustParse(has)},
		},
	}
}

func options(claim *v1.PersistentVolumeClaim) controller.ProvisionOptions {
	policy := v1.PersistentVolumeReclaimDelete
	return controller.ProvisionOptions{
		PVC: claim, PVName: "pvc-1", StorageClass: &storage.StorageClass{ReclaimPolicy: &policy},
		SelectedNodeName: "host",
	}
}

func TestAVolumeIsAFolderThatEverybodyCanWriteToOnTheChosenNode(t *testing.T) {
	root := t.TempDir()
	volume, _, err := folders{root}.Provision(context.Background(), options(claim("10Mi", "0", v1.ReadWriteOnce)))
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(volume.Spec.HostPath.Path)
	if err != nil || info.Mode().Perm() != 0o777 || filepath.Dir(volume.Spec.HostPath.Path) != root {
		t.Fatal(volume.Spec.HostPath.Path, info, err)
	}
	if got := volume.Spec.NodeAffinity.Required.NodeSelectorTerms[0].MatchExpressions[0].Values[0]; got != "host" {
		t.Fatal(got)
	}
	if err := (folders{root}).Delete(context.Background(), volume); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(volume.Spec.HostPath.Path); !os.IsNotExist(err) {
		t.Fatal("the folder is still there")
	}
}

func TestWhatAFolderOfOneNodeCannotBeIsRefused(t *testing.T) {
	selecting := claim("10Mi", "0", v1.ReadWriteOnce)
	selecting.Spec.Selector = &metav1.LabelSelector{}
	for _, each := range []*v1.PersistentVolumeClaim{claim("10Mi", "0", v1.ReadWriteMany), selecting} {
		if _, _, err := (folders{t.TempDir()}).Provision(context.Background(), options(each)); err == nil {
			t.Fatal("no error")
		}
	}
}

func TestOnlyFoldersOfOurOwnAreRemoved(t *testing.T) {
	other := t.TempDir()
	volume := &v1.PersistentVolume{Spec: v1.PersistentVolumeSpec{PersistentVolumeSource: v1.PersistentVolumeSource{
		HostPath: &v1.HostPathVolumeSource{Path: filepath.Join(other, "data")},
	}}}
	if err := (folders{t.TempDir()}).Delete(context.Background(), volume); err == nil {
		t.Fatal("no error")
	}
}

func TestAClaimThatAsksForMoreGrowsWithItsVolume(t *testing.T) {
	asking := claim("20Mi", "10Mi")
	volume := &v1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: "pvc-1", Annotations: map[string]string{provisionedBy: name}},
		Spec:       v1.PersistentVolumeSpec{Capacity: v1.ResourceList{v1.ResourceStorage: resource.MustParse("10Mi")}},
	}
	client := fake.NewClientset(asking, volume)
	if !wantsToGrow(asking) || wantsToGrow(claim("10Mi", "10Mi")) || wantsToGrow(claim("10Mi", "20Mi")) {
		t.Fatal("wrong claim")
	}
	if err := grow(context.Background(), client, asking, name); err != nil {
		t.Fatal(err)
	}
	grown, _ := client.CoreV1().PersistentVolumes().Get(context.Background(), "pvc-1", metav1.GetOptions{})
	if got := grown.Spec.Capacity[v1.ResourceStorage]; got.String() != "20Mi" {
		t.Fatal(got)
	}
	after, _ := client.CoreV1().PersistentVolumeClaims("default").Get(context.Background(), "logs-rg-0", metav1.GetOptions{})
	if got := after.Status.Capacity[v1.ResourceStorage]; got.String() != "20Mi" || wantsToGrow(after) {
		t.Fatal(got)
	}
}

func TestAVolumeOfAnotherProvisionerIsLeftAlone(t *testing.T) {
	volume := &v1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: "pvc-1", Annotations: map[string]string{provisionedBy: "somebody/else"}},
		Spec:       v1.PersistentVolumeSpec{Capacity: v1.ResourceList{v1.ResourceStorage: resource.MustParse("10Mi")}},
	}
	asking := claim("20Mi", "10Mi")
	client := fake.NewClientset(asking, volume)
	if err := grow(context.Background(), client, asking, name); err != nil {
		t.Fatal(err)
	}
	for _, action := range client.Actions() {
		if action.GetVerb() == "patch" {
			t.Fatal(action)
		}
	}
}
