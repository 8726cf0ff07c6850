package main

import (
	"context"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const table = `22 28 0:21 / /sys rw,nosuid - sysfs sysfs rw
40 28 8:1 /disks/pvc-1 /pods/1/mount rw,relatime - ext4 /dev/sda1 rw
41 28 8:1 /disks/pvc-2 /pods/with\040blank rw,relatime - ext4 /dev/sda1 rw
`

func TestAMountPointIsFoundByItsWholePath(t *testing.T) {
	for path, want := range map[string]bool{"/pods/1/mount": true, "/pods/with blank": true, "/pods/1": false} {
		if got := isMountPoint(table, path); got != want {
			t.Error(path, got)
		}
	}
}

func TestADiskThatDoesNotExistIsNotMounted(t *testing.T) {
	request := &csi.NodePublishVolumeRequest{VolumeId: "../etc", TargetPath: t.TempDir() + "/target"}
	_, err := (&disks{folder: t.TempDir()}).NodePublishVolume(context.Background(), request)
	if status.Code(err) != codes.NotFound {
		t.Fatal(err)
	}
}
