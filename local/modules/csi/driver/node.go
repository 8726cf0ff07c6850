package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// nodeServer mounts volumes on one node.
type nodeServer struct {
	csi.UnimplementedNodeServer
	store *store
	name  string
}

// NodeGetInfo tells what the node is called, and how many volumes it can have.
func (n *nodeServer) NodeGetInfo(context.Context, *csi.NodeGetInfoRequest) (*csi.NodeGetInfoResponse, error) {
	info, err := n.store.node(n.name)
	if err != nil {
		return nil, notFound("node", n.name, err)
	}
	return &csi.NodeGetInfoResponse{
		NodeId: n.name, MaxVolumesPerNode: info.MaxVolumes,
		AccessibleTopology: &csi.Topology{Segments: map[string]string{topologyKey: n.name}},
	}, nil
}

// NodeGetCapabilities tells what the node can do.
func (n *nodeServer) NodeGetCapabilities(context.Context, *csi.NodeGetCapabilitiesRequest) (*csi.NodeGetCapabilitiesResponse, error) {
	response := &csi.NodeGetCapabilitiesResponse{}
	for _, each := range []csi.NodeServiceCapability_RPC_Type{
		csi.NodeServiceCapability_RPC_STAGE_UNSTAGE_VOLUME,
		csi.NodeServiceCapability_RPC_GET_VOLUME_STATS,
		csi.NodeServiceCapability_RPC_EXPAND_VOLUME,
		// With this the kubelet holds ReadWriteOncePod against what else uses the volume.
		csi.NodeServiceCapability_RPC_SINGLE_NODE_MULTI_WRITER,
	} {
		response.Capabilities = append(response.Capabilities, &csi.NodeServiceCapability{
			Type: &csi.NodeServiceCapability_Rpc{Rpc: &csi.NodeServiceCapability_RPC{Type: each}},
		})
	}
	return response, nil
}

// NodeStageVolume mounts a volume for the node as a whole.
func (n *nodeServer) NodeStageVolume(_ context.Context, request *csi.NodeStageVolumeRequest) (*csi.NodeStageVolumeResponse, error) {
	if request.VolumeId == "" || request.StagingTargetPath == "" || request.VolumeCapability == nil {
		return nil, missing("volume id, staging target path or volume capability")
	}
	existing, err := n.store.volume(request.VolumeId)
	if err != nil {
		return nil, notFound("volume", request.VolumeId, err)
	}
	if _, attached := existing.Attached[n.name]; !attached {
		return nil, status.Errorf(codes.FailedPrecondition, "volume %s is not attached to %s", existing.ID, n.name)
	}
	if n.store.fileSystem(existing.ID) == 0 {
		if err := n.store.setFileSystem(existing.ID, existing.Size); err != nil {
			return nil, internal(err)
		}
	}
	if err := bind(n.store.dataOf(volumes, existing.ID), request.StagingTargetPath, false); err != nil {
		return nil, internal(err)
	}
	return &csi.NodeStageVolumeResponse{}, nil
}

// NodeUnstageVolume undoes NodeStageVolume.
func (n *nodeServer) NodeUnstageVolume(_ context.Context, request *csi.NodeUnstageVolumeRequest) (*csi.NodeUnstageVolumeResponse, error) {
	if request.VolumeId == "" || request.StagingTargetPath == "" {
		return nil, missing("volume id or staging target path")
	}
	if err := unbind(request.StagingTargetPath); err != nil {
		return nil, internal(err)
	}
	return &csi.NodeUnstageVolumeResponse{}, nil
}

// NodePublishVolume mounts a staged volume where a Pod finds it.
func (n *nodeServer) NodePublishVolume(_ context.Context, request *csi.NodePublishVolumeRequest) (*csi.NodePublishVolumeResponse, error) {
	if request.VolumeId == "" || request.TargetPath == "" || request.VolumeCapability == nil {
		return nil, missing("volume id, target path or volume capability")
	}
	existing, err := n.store.volume(request.VolumeId)
	if err != nil {
		return nil, notFound("volume", request.VolumeId, err)
	}
	folder := n.store.dataOf(volumes, existing.ID)
	if request.StagingTargetPath == "" || !slices.Contains(mountedAt(folder), filepath.Clean(request.StagingTargetPath)) {
		return nil, status.Errorf(codes.FailedPrecondition, "volume %s is not staged", existing.ID)
	}
	if request.VolumeCapability.GetAccessMode().GetMode() == csi.VolumeCapability_AccessMode_SINGLE_NODE_SINGLE_WRITER {
		for _, other := range mountedAt(folder) {
			if other != filepath.Clean(request.StagingTargetPath) && other != filepath.Clean(request.TargetPath) {
				return nil, status.Errorf(codes.FailedPrecondition, "volume %s is in use: it is mounted at %s", existing.ID, other)
			}
		}
	}
	if err := bind(folder, request.TargetPath, request.Readonly); err != nil {
		return nil, internal(err)
	}
	return &csi.NodePublishVolumeResponse{}, nil
}

// NodeUnpublishVolume takes a volume away from a Pod.
func (n *nodeServer) NodeUnpublishVolume(_ context.Context, request *csi.NodeUnpublishVolumeRequest) (*csi.NodeUnpublishVolumeResponse, error) {
	if request.VolumeId == "" || request.TargetPath == "" {
		return nil, missing("volume id or target path")
	}
	if err := unbind(request.TargetPath); err != nil {
		return nil, internal(err)
	}
	if err := os.Remove(request.TargetPath); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, internal(err)
	}
	return &csi.NodeUnpublishVolumeResponse{}, nil
}

// NodeGetVolumeStats tells how much of a volume is used.
func (n *nodeServer) NodeGetVolumeStats(_ context.Context, request *csi.NodeGetVolumeStatsRequest) (*csi.NodeGetVolumeStatsResponse, error) {
	if request.VolumeId == "" || request.VolumePath == "" {
		return nil, missing("volume id or volume path")
	}
	existing, err := n.store.volume(request.VolumeId)
	if err != nil {
		return nil, notFound("volume", request.VolumeId, err)
	}
	folder := n.store.dataOf(volumes, existing.ID)
	if !slices.Contains(mountedAt(folder), filepath.Clean(request.VolumePath)) {
		return nil, status.Errorf(codes.NotFound, "volume %s is not mounted at %s", existing.ID, request.VolumePath)
	}
	size, used, files := n.store.fileSystem(existing.ID), int64(0), int64(0)
	err = filepath.WalkDir(folder, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // it was deleted meanwhile
		}
		files++
		if info, err := entry.Info(); err == nil && info.Mode().IsRegular() {
			used += info.Size()
		}
		return nil
	})
	if err != nil {
		return nil, internal(err)
	}
	return &csi.NodeGetVolumeStatsResponse{Usage: []*csi.VolumeUsage{
		{Unit: csi.VolumeUsage_BYTES, Total: size, Used: used, Available: max(0, size-used)},
		{Unit: csi.VolumeUsage_INODES, Used: files},
	}}, nil
}

// NodeExpandVolume gives a volume's file system the volume's size.
func (n *nodeServer) NodeExpandVolume(_ context.Context, request *csi.NodeExpandVolumeRequest) (*csi.NodeExpandVolumeResponse, error) {
	if request.VolumeId == "" || request.VolumePath == "" {
		return nil, missing("volume id or volume path")
	}
	existing, err := n.store.volume(request.VolumeId)
	if err != nil {
		return nil, notFound("volume", request.VolumeId, err)
	}
	if err := n.store.setFileSystem(existing.ID, existing.Size); err != nil {
		return nil, internal(err)
	}
	return &csi.NodeExpandVolumeResponse{CapacityBytes: existing.Size}, nil
}

// bind mounts a folder at a path, if it is not mounted there.
func bind(source, target string, readOnly bool) error {
	if slices.Contains(mountedAt(source), filepath.Clean(target)) {
		return nil
	}
	if err := os.MkdirAll(target, 0o750); err != nil {
		return err
	}
	if err := syscall.Mount(source, target, "", syscall.MS_BIND, ""); err != nil {
		return status.Errorf(codes.Internal, "cannot mount %s: %v", source, err)
	}
	if readOnly {
		flags := uintptr(syscall.MS_BIND | syscall.MS_REMOUNT | syscall.MS_RDONLY)
		if err := syscall.Mount("", target, "", flags, ""); err != nil {
			return status.Errorf(codes.Internal, "cannot mount %s read-only: %v", source, err)
		}
	}
	return nil
}

// unbind unmounts whatever is mounted at a path.
func unbind(target string) error {
	for mounted(target) {
		if err := syscall.Unmount(target, 0); err != nil {
			return status.Errorf(codes.Internal, "cannot unmount %s: %v", target, err)
		}
	}
	return nil
}
