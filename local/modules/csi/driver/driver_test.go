package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func newStore(t *testing.T) *store {
	t.Helper()
	made, err := openStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b"} {
		if err := made.saveNode(&nodeInfo{Name: name, MaxVolumes: 2}); err != nil {
			t.Fatal(err)
		}
	}
	return made
}

func newController(t *testing.T) *controller {
	t.Helper()
	return &controller{store: newStore(t), busy: newBusy()}
}

func capability(mode csi.VolumeCapability_AccessMode_Mode) *csi.VolumeCapability {
	return &csi.VolumeCapability{
		AccessMode: &csi.VolumeCapability_AccessMode{Mode: mode},
		AccessType: &csi.VolumeCapability_Mount{Mount: &csi.VolumeCapability_MountVolume{}},
	}
}

var writer = capability(csi.VolumeCapability_AccessMode_SINGLE_NODE_WRITER)

func create(t *testing.T, c *controller, request *csi.CreateVolumeRequest) *csi.Volume {
	t.Helper()
	request.VolumeCapabilities = []*csi.VolumeCapability{writer}
	made, err := c.CreateVolume(context.Background(), request)
	if err != nil {
		t.Fatal(err)
	}
	return made.Volume
}

func attach(c *controller, volume, node string) error {
	_, err := c.ControllerPublishVolume(context.Background(), &csi.ControllerPublishVolumeRequest{
		VolumeId: volume, NodeId: node, VolumeCapability: writer,
	})
	return err
}

func expect(t *testing.T, err error, code codes.Code, part string) {
	t.Helper()
	if status.Code(err) != code || !strings.Contains(status.Convert(err).Message(), part) {
		t.Fatalf("%v, not %v with %q", err, code, part)
	}
}

func TestAVolumeIsAttachedToOneNodeAtATime(t *testing.T) {
	c := newController(t)
	create(t, c, &csi.CreateVolumeRequest{Name: "v"})
	if err := attach(c, "v", "a"); err != nil {
		t.Fatal(err)
	}
	expect(t, attach(c, "v", "b"), codes.FailedPrecondition, "volume v is attached to a")
	if _, err := c.ControllerUnpublishVolume(context.Background(), &csi.ControllerUnpublishVolumeRequest{VolumeId: "v", NodeId: "a"}); err != nil {
		t.Fatal(err)
	}
	if err := attach(c, "v", "b"); err != nil {
		t.Fatal(err)
	}
}

func TestANodeHasAsManyVolumesAsItCan(t *testing.T) {
	c := newController(t)
	for _, name := range []string{"v", "w", "x"} {
		create(t, c, &csi.CreateVolumeRequest{Name: name})
	}
	for _, name := range []string{"v", "w"} {
		if err := attach(c, name, "a"); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, attach(c, "x", "a"), codes.ResourceExhausted, "a has 2 volumes attached")
}

func TestAVolumeThatIsBoundToANodeGoesToNoOther(t *testing.T) {
	c := newController(t)
	made := create(t, c, &csi.CreateVolumeRequest{
		Name: "v", Parameters: map[string]string{nodeBound: "true"},
		AccessibilityRequirements: &csi.TopologyRequirement{
			Requisite: []*csi.Topology{{Segments: map[string]string{topologyKey: "a"}}, {Segments: map[string]string{topologyKey: "b"}}},
			Preferred: []*csi.Topology{{Segments: map[string]string{topologyKey: "b"}}},
		},
	})
	if got := made.AccessibleTopology[0].Segments[topologyKey]; got != "b" {
		t.Fatal(got)
	}
	expect(t, attach(c, "v", "a"), codes.FailedPrecondition, "bound to b")
}

func TestASnapshotAndACloneHaveTheDataOfTheirMoment(t *testing.T) {
	c := newController(t)
	create(t, c, &csi.CreateVolumeRequest{Name: "v"})
	file := filepath.Join(c.store.dataOf(volumes, "v"), "file")
	if err := os.WriteFile(file, []byte("before"), 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := c.CreateSnapshot(context.Background(), &csi.CreateSnapshotRequest{Name: "s", SourceVolumeId: "v"}); err != nil {
		t.Fatal(err)
	}
	create(t, c, &csi.CreateVolumeRequest{Name: "clone", VolumeContentSource: &csi.VolumeContentSource{
		Type: &csi.VolumeContentSource_Volume{Volume: &csi.VolumeContentSource_VolumeSource{VolumeId: "v"}},
	}})
	if err := os.WriteFile(file, []byte("after"), 0o640); err != nil {
		t.Fatal(err)
	}
	create(t, c, &csi.CreateVolumeRequest{Name: "restored", VolumeContentSource: &csi.VolumeContentSource{
		Type: &csi.VolumeContentSource_Snapshot{Snapshot: &csi.VolumeContentSource_SnapshotSource{SnapshotId: "s"}},
	}})
	for _, name := range []string{"clone", "restored"} {
		restored := filepath.Join(c.store.dataOf(volumes, name), "file")
		text, err := os.ReadFile(restored)
		info, _ := os.Stat(restored)
		if err != nil || string(text) != "before" || info.Mode().Perm() != 0o640 {
			t.Fatal(name, string(text), err)
		}
	}
}

func TestAVolumeIsNeverSmallerThanItsSource(t *testing.T) {
	c := newController(t)
	create(t, c, &csi.CreateVolumeRequest{Name: "v", CapacityRange: &csi.CapacityRange{RequiredBytes: 200}})
	_, err := c.CreateVolume(context.Background(), &csi.CreateVolumeRequest{
		Name: "w", VolumeCapabilities: []*csi.VolumeCapability{writer}, CapacityRange: &csi.CapacityRange{RequiredBytes: 100},
		VolumeContentSource: &csi.VolumeContentSource{
			Type: &csi.VolumeContentSource_Volume{Volume: &csi.VolumeContentSource_VolumeSource{VolumeId: "v"}},
		},
	})
	expect(t, err, codes.OutOfRange, "too small")
}

func TestWhatCannotBeIsRefused(t *testing.T) {
	c := newController(t)
	create(t, c, &csi.CreateVolumeRequest{Name: "v"})
	_, err := c.ControllerExpandVolume(context.Background(), &csi.ControllerExpandVolumeRequest{
		VolumeId: "v", CapacityRange: &csi.CapacityRange{RequiredBytes: largestSize + 1},
	})
	expect(t, err, codes.OutOfRange, "too much")
	_, err = c.ControllerModifyVolume(context.Background(), &csi.ControllerModifyVolumeRequest{
		VolumeId: "v", MutableParameters: map[string]string{"iops": "99999"},
	})
	expect(t, err, codes.InvalidArgument, `iops is "99999"; it must be from 100 to 16000`)
	expect(t, checkCapabilities([]*csi.VolumeCapability{capability(csi.VolumeCapability_AccessMode_MULTI_NODE_MULTI_WRITER)}),
		codes.InvalidArgument, "MULTI_NODE_MULTI_WRITER")
	_, err = c.CreateVolume(context.Background(), &csi.CreateVolumeRequest{
		Name: "w", VolumeCapabilities: []*csi.VolumeCapability{writer}, Parameters: map[string]string{"fast": "yes"},
	})
	expect(t, err, codes.InvalidArgument, `"fast"`)
}

func TestSnapshotsOfAGroupComeAndGoTogether(t *testing.T) {
	c := newController(t)
	g := &groups{store: c.store, busy: newBusy()}
	for _, name := range []string{"v", "w"} {
		create(t, c, &csi.CreateVolumeRequest{Name: name})
	}
	request := &csi.CreateVolumeGroupSnapshotRequest{Name: "g", SourceVolumeIds: []string{"w", "v"}}
	for range 2 {
		made, err := g.CreateVolumeGroupSnapshot(context.Background(), request)
		if err != nil || len(made.GroupSnapshot.Snapshots) != 2 {
			t.Fatal(made, err)
		}
	}
	if _, err := g.DeleteVolumeGroupSnapshot(context.Background(), &csi.DeleteVolumeGroupSnapshotRequest{GroupSnapshotId: "g"}); err != nil {
		t.Fatal(err)
	}
	if left, err := c.store.list(snapshots); err != nil || len(left) > 0 {
		t.Fatal(left, err)
	}
}

func TestAFaultMeetsTheCallsThatItIsMeantFor(t *testing.T) {
	c := newController(t)
	create(t, c, &csi.CreateVolumeRequest{Name: "v", Parameters: map[string]string{forWhom + "pvc/namespace": "n", forWhom + "pvc/name": "c"}})
	create(t, c, &csi.CreateVolumeRequest{Name: "w"})
	told := faults{folder: filepath.Join(c.store.root, "faults"), store: c.store}
	write(t, told.folder, `{"call": "DeleteVolume", "namespace": "n", "code": "UNAVAILABLE", "message": "no", "times": 1}`)
	ask := func(call, volume string) error {
		_, err := told.intercept(context.Background(), &csi.DeleteVolumeRequest{VolumeId: volume},
			&grpc.UnaryServerInfo{FullMethod: "/csi.v1.Controller/" + call},
			func(context.Context, any) (any, error) { return nil, nil })
		return err
	}
	for _, each := range [][2]string{{"DeleteVolume", "w"}, {"DeleteVolume", "x"}, {"ControllerPublishVolume", "v"}} {
		if err := ask(each[0], each[1]); err != nil {
			t.Fatal(each, err)
		}
	}
	expect(t, ask("DeleteVolume", "v"), codes.Unavailable, "no")
	if err := ask("DeleteVolume", "v"); err != nil {
		t.Fatal("it happened more often than told:", err)
	}
}

func TestACallThatHangsEndsWithItsCaller(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	expect(t, (&fault{HangSeconds: -1}).happen(ctx), codes.DeadlineExceeded, "")
}

func write(t *testing.T, folder, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, "fault.json"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestMountPointsAreThoseOfTheFolder(t *testing.T) {
	table := "" +
		"36 35 254:1 / / rw - ext4 /dev/root rw\n" +
		"41 36 254:1 /state/csi/volumes/v/data /pods/1/mount rw - ext4 /dev/root rw\n" +
		"42 36 254:1 /state/csi/volumes/v/data /pods/with\\040blank rw - ext4 /dev/root rw\n" +
		"43 36 254:1 /state/csi/volumes/vv/data /pods/3/mount rw - ext4 /dev/root rw\n"
	if got := mountPoints(table, "/home/state/csi/volumes/v/data"); !slices.Equal(got, []string{"/pods/1/mount", "/pods/with blank"}) {
		t.Fatal(got)
	}
}

func TestProcessesAreStoppedAndGoOn(t *testing.T) {
	command := exec.Command("sleep", "60")
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	}()
	found := []int{command.Process.Pid}
	pause(found)
	if runs(found[0]) {
		t.Fatal("it runs")
	}
	goOn(found)
	for deadline := time.Now().Add(5 * time.Second); !runs(found[0]); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not run")
		}
	}
}

// A container's process writes a number to one file after another; larger ones lie between them where they are copied.
const counting = `mount --bind "$0" "$1" && cd "$1" || exit 1
number=0
while :; do
  number=$((number + 1))
  for file in 1 2 3 4 5 6 7 8; do echo $number > $file; done
done`

func TestASnapshotShowsOneMoment(t *testing.T) {
	c := newController(t)
	create(t, c, &csi.CreateVolumeRequest{Name: "v"})
	folder := c.store.dataOf(volumes, "v")
	for each := range 20 {
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprint("filler-", each)), make([]byte, 4<<20), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.Command("unshare", "--map-root-user", "--mount", "sh", "-c", counting, folder, t.TempDir())
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	}()
	for deadline := time.Now().Add(10 * time.Second); number(folder, "8") < 10; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nothing is written")
		}
	}
	for _, name := range []string{"s1", "s2", "s3"} {
		if _, err := c.CreateSnapshot(context.Background(), &csi.CreateSnapshotRequest{Name: name, SourceVolumeId: "v"}); err != nil {
			t.Fatal(err)
		}
		taken := c.store.dataOf(snapshots, name)
		first, last := 0, 0
		for file := range 8 {
			found := number(taken, fmt.Sprint(file+1))
			if found == 0 {
				continue // it was about to be written
			}
			if first == 0 {
				first = found
			}
			last = found
			if last > first || last < first-1 {
				t.Fatal(name, first, last)
			}
		}
	}
	before := number(folder, "8")
	for deadline := time.Now().Add(10 * time.Second); number(folder, "8") <= before; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it was not let go on")
		}
	}
}

func number(folder, file string) int {
	text, err := os.ReadFile(filepath.Join(folder, file))
	if err != nil {
		return 0
	}
	found, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	return found
}
