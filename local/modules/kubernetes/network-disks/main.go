// The node's side of the embedded cluster's network disks: a CSI driver whose disks are folders of this machine.
//
// A disk is a folder that every real node can mount. That it is attached to one node at a time is what Kubernetes
// decides (the attach and detach controller) and the volume provisioner grants, as with a cloud's disks.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	registration "k8s.io/kubelet/pkg/apis/pluginregistration/v1"
)

const name = "network-disks.stateful-service.local"

func main() {
	node := flag.String("node", "", "the node's name")
	folder := flag.String("folder", "", "where the disks are")
	socket := flag.String("socket", "", "where the kubelet asks for disks")
	registered := flag.String("registration", "", "where the kubelet learns of this driver")
	flag.Parse()
	if err := run(*node, *folder, *socket, *registered); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(node, folder, socket, registered string) error {
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer cancel()
	server := grpc.NewServer()
	disks := &disks{node: node, folder: folder, socket: socket}
	csi.RegisterIdentityServer(server, disks)
	csi.RegisterNodeServer(server, disks)
	registration.RegisterRegistrationServer(server, disks)
	failed := make(chan error, 2)
	// The kubelet must not learn of the driver before it can ask it.
	for _, path := range []string{socket, registered} {
		listener, err := listen(path)
		if err != nil {
			return err
		}
		go func() { failed <- server.Serve(listener) }()
	}
	select {
	case <-stop.Done():
		server.Stop()
		return nil
	case err := <-failed:
		return err
	}
}

// listen replaces the socket of a process that was killed.
func listen(path string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	return net.Listen("unix", path)
}

// disks answers the kubelet of one node.
type disks struct {
	csi.UnimplementedIdentityServer
	csi.UnimplementedNodeServer
	registration.UnimplementedRegistrationServer
	node, folder, socket string
}

// GetInfo tells the kubelet where the driver is.
func (d *disks) GetInfo(context.Context, *registration.InfoRequest) (*registration.PluginInfo, error) {
	return &registration.PluginInfo{
		Type: registration.CSIPlugin, Name: name, Endpoint: d.socket, SupportedVersions: []string{"1.0.0"},
	}, nil
}

// NotifyRegistrationStatus hears whether the kubelet took the driver.
func (d *disks) NotifyRegistrationStatus(_ context.Context, result *registration.RegistrationStatus) (*registration.RegistrationStatusResponse, error) {
	if !result.PluginRegistered {
		fmt.Fprintln(os.Stderr, "the kubelet refused the driver:", result.Error)
	}
	return &registration.RegistrationStatusResponse{}, nil
}

// GetPluginInfo tells the driver's name.
func (d *disks) GetPluginInfo(context.Context, *csi.GetPluginInfoRequest) (*csi.GetPluginInfoResponse, error) {
	return &csi.GetPluginInfoResponse{Name: name, VendorVersion: "1.0"}, nil
}

// Probe tells that the driver is well.
func (d *disks) Probe(context.Context, *csi.ProbeRequest) (*csi.ProbeResponse, error) {
	return &csi.ProbeResponse{}, nil
}

// NodeGetInfo tells what the node is called.
func (d *disks) NodeGetInfo(context.Context, *csi.NodeGetInfoRequest) (*csi.NodeGetInfoResponse, error) {
	return &csi.NodeGetInfoResponse{NodeId: d.node}, nil
}

// NodeGetCapabilities tells that a disk needs nothing between attaching and mounting, and what its claims may ask for.
func (d *disks) NodeGetCapabilities(context.Context, *csi.NodeGetCapabilitiesRequest) (*csi.NodeGetCapabilitiesResponse, error) {
	// With this the kubelet holds ReadWriteOncePod against what else uses the disk.
	single := csi.NodeServiceCapability_RPC_SINGLE_NODE_MULTI_WRITER
	return &csi.NodeGetCapabilitiesResponse{Capabilities: []*csi.NodeServiceCapability{{
		Type: &csi.NodeServiceCapability_Rpc{Rpc: &csi.NodeServiceCapability_RPC{Type: single}},
	}}}, nil
}

// NodePublishVolume mounts a disk where a Pod finds it.
func (d *disks) NodePublishVolume(_ context.Context, request *csi.NodePublishVolumeRequest) (*csi.NodePublishVolumeResponse, error) {
	source := filepath.Join(d.folder, filepath.Base(request.VolumeId))
	if _, err := os.Stat(source); err != nil {
		return nil, status.Errorf(codes.NotFound, "there is no disk %s", request.VolumeId)
	}
	target := request.TargetPath
	if mounted(target) {
		return &csi.NodePublishVolumeResponse{}, nil
	}
	if err := os.MkdirAll(target, 0o750); err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	if err := syscall.Mount(source, target, "", syscall.MS_BIND, ""); err != nil {
		return nil, status.Errorf(codes.Internal, "cannot mount %s: %v", source, err)
	}
	if request.Readonly {
		flags := uintptr(syscall.MS_BIND | syscall.MS_REMOUNT | syscall.MS_RDONLY)
		if err := syscall.Mount("", target, "", flags, ""); err != nil {
			return nil, status.Errorf(codes.Internal, "cannot mount %s read-only: %v", source, err)
		}
	}
	return &csi.NodePublishVolumeResponse{}, nil
}

// NodeUnpublishVolume takes a disk away from a Pod.
func (d *disks) NodeUnpublishVolume(_ context.Context, request *csi.NodeUnpublishVolumeRequest) (*csi.NodeUnpublishVolumeResponse, error) {
	if mounted(request.TargetPath) {
		if err := syscall.Unmount(request.TargetPath, 0); err != nil {
			return nil, status.Errorf(codes.Internal, "cannot unmount %s: %v", request.TargetPath, err)
		}
	}
	if err := os.Remove(request.TargetPath); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, status.Error(codes.Internal, err.Error())
	}
	return &csi.NodeUnpublishVolumeResponse{}, nil
}

// mounted tells whether something is mounted here: two mounts of one file system differ by their numbers alone.
func mounted(path string) bool {
	table, err := os.ReadFile("/proc/self/mountinfo")
	return err == nil && isMountPoint(string(table), path)
}
