package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	defaultSize = 1 << 30
	largestSize = 16 << 40
	// The parameter of a StorageClass whose volumes belong to one node each.
	nodeBound = "nodeBound"
	// What the side-cars add to the parameters: for which claim or snapshot they ask.
	forWhom = "csi.storage.k8s.io/"
)

// attributeLimits are the parameters of a VolumeAttributesClass, and from where to where they go.
var attributeLimits = map[string][2]int{"iops": {100, 16000}, "throughput": {25, 1000}}

// controller makes volumes and snapshots, and attaches them.
type controller struct {
	csi.UnimplementedControllerServer
	store *store
	busy  *busy
}

// ControllerGetCapabilities tells what the controller can do.
func (c *controller) ControllerGetCapabilities(context.Context, *csi.ControllerGetCapabilitiesRequest) (*csi.ControllerGetCapabilitiesResponse, error) {
	response := &csi.ControllerGetCapabilitiesResponse{}
	for _, each := range []csi.ControllerServiceCapability_RPC_Type{
		csi.ControllerServiceCapability_RPC_CREATE_DELETE_VOLUME,
		csi.ControllerServiceCapability_RPC_PUBLISH_UNPUBLISH_VOLUME,
		csi.ControllerServiceCapability_RPC_PUBLISH_READONLY,
		csi.ControllerServiceCapability_RPC_LIST_VOLUMES,
		csi.ControllerServiceCapability_RPC_LIST_VOLUMES_PUBLISHED_NODES,
		csi.ControllerServiceCapability_RPC_GET_VOLUME,
		csi.ControllerServiceCapability_RPC_GET_CAPACITY,
		csi.ControllerServiceCapability_RPC_CREATE_DELETE_SNAPSHOT,
		csi.ControllerServiceCapability_RPC_LIST_SNAPSHOTS,
		csi.ControllerServiceCapability_RPC_GET_SNAPSHOT,
		csi.ControllerServiceCapability_RPC_CLONE_VOLUME,
		csi.ControllerServiceCapability_RPC_EXPAND_VOLUME,
		csi.ControllerServiceCapability_RPC_MODIFY_VOLUME,
		csi.ControllerServiceCapability_RPC_SINGLE_NODE_MULTI_WRITER,
	} {
		response.Capabilities = append(response.Capabilities, &csi.ControllerServiceCapability{
			Type: &csi.ControllerServiceCapability_Rpc{Rpc: &csi.ControllerServiceCapability_RPC{Type: each}},
		})
	}
	return response, nil
}

// CreateVolume makes a volume: an empty one, or one with the data of a snapshot or of another volume.
func (c *controller) CreateVolume(_ context.Context, request *csi.CreateVolumeRequest) (*csi.CreateVolumeResponse, error) {
	if request.Name == "" {
		return nil, missing("name")
	}
	if err := checkCapabilities(request.VolumeCapabilities); err != nil {
		return nil, err
	}
	if err := checkAttributes(request.MutableParameters); err != nil {
		return nil, err
	}
	wanted, err := c.wantedVolume(request)
	if err != nil {
		return nil, err
	}
	if !c.busy.take(wanted.ID) {
		return nil, pending("volume", wanted.ID)
	}
	defer c.busy.release(wanted.ID)
	existing, err := c.store.volume(wanted.ID)
	if err == nil {
		return existingVolume(existing, wanted, request.CapacityRange)
	}
	if !errors.Is(err, errNotFound) {
		return nil, internal(err)
	}
	if err := c.fill(wanted); err != nil {
		return nil, err
	}
	return &csi.CreateVolumeResponse{Volume: described(wanted)}, nil
}

// wantedVolume is the volume that a request asks for.
func (c *controller) wantedVolume(request *csi.CreateVolumeRequest) (*volume, error) {
	size, err := sizeOf(request.CapacityRange, defaultSize)
	if err != nil {
		return nil, err
	}
	wanted := &volume{
		ID: identifier(request.Name), Name: request.Name, Size: size, Parameters: request.Parameters,
		Attributes: request.MutableParameters, Attached: map[string]bool{},
	}
	for _, each := range request.VolumeCapabilities {
		wanted.Modes = append(wanted.Modes, each.GetAccessMode().GetMode().String())
	}
	bound, err := isNodeBound(request.Parameters)
	if err != nil {
		return nil, err
	}
	if bound {
		if wanted.BoundTo = nodeOf(request.AccessibilityRequirements); wanted.BoundTo == "" {
			return nil, status.Error(codes.ResourceExhausted, "the volume is bound to a node, and no node was asked for")
		}
	}
	switch source := request.GetVolumeContentSource().GetType().(type) {
	case *csi.VolumeContentSource_Snapshot:
		wanted.SourceSnapshot = source.Snapshot.GetSnapshotId()
	case *csi.VolumeContentSource_Volume:
		wanted.SourceVolume = source.Volume.GetVolumeId()
	}
	return wanted, nil
}

// existingVolume is the answer when there is a volume of that name: it has to be what is asked for.
func existingVolume(existing, wanted *volume, limits *csi.CapacityRange) (*csi.CreateVolumeResponse, error) {
	fits := existing.Size >= limits.GetRequiredBytes() && (limits.GetLimitBytes() == 0 || existing.Size <= limits.GetLimitBytes())
	if existing.Name != wanted.Name || !fits || existing.SourceSnapshot != wanted.SourceSnapshot ||
		existing.SourceVolume != wanted.SourceVolume {
		return nil, status.Errorf(codes.AlreadyExists, "there is another volume %s, of %d bytes", existing.Name, existing.Size)
	}
	return &csi.CreateVolumeResponse{Volume: described(existing)}, nil
}

// fill makes a volume with the data of its source.
func (c *controller) fill(wanted *volume) error {
	switch {
	case wanted.SourceSnapshot != "":
		from, err := c.store.snapshot(wanted.SourceSnapshot)
		if err != nil {
			return notFound("snapshot", wanted.SourceSnapshot, err)
		}
		if wanted.Size < from.Size {
			return tooSmall(wanted, "snapshot", from.ID, from.Size)
		}
		return internal(c.store.create(volumes, wanted.ID, wanted, c.store.dataOf(snapshots, from.ID)))
	case wanted.SourceVolume != "":
		from, err := c.store.volume(wanted.SourceVolume)
		if err != nil {
			return notFound("volume", wanted.SourceVolume, err)
		}
		if wanted.Size < from.Size {
			return tooSmall(wanted, "volume", from.ID, from.Size)
		}
		return internal(whileStill(c.store, []string{from.ID}, func() error {
			return c.store.create(volumes, wanted.ID, wanted, c.store.dataOf(volumes, from.ID))
		}))
	}
	return internal(c.store.create(volumes, wanted.ID, wanted, ""))
}

// DeleteVolume deletes a volume and its data.
func (c *controller) DeleteVolume(_ context.Context, request *csi.DeleteVolumeRequest) (*csi.DeleteVolumeResponse, error) {
	if request.VolumeId == "" {
		return nil, missing("volume id")
	}
	if !c.busy.take(request.VolumeId) {
		return nil, pending("volume", request.VolumeId)
	}
	defer c.busy.release(request.VolumeId)
	existing, err := c.store.volume(request.VolumeId)
	if err == nil && len(existing.Attached) > 0 {
		return nil, status.Errorf(codes.FailedPrecondition, "volume %s is attached to %s", existing.ID, nodesOf(existing))
	}
	if err := c.store.remove(volumes, request.VolumeId); err != nil {
		return nil, internal(err)
	}
	return &csi.DeleteVolumeResponse{}, nil
}

// ControllerPublishVolume attaches a volume to a node, if no other one has it.
func (c *controller) ControllerPublishVolume(_ context.Context, request *csi.ControllerPublishVolumeRequest) (*csi.ControllerPublishVolumeResponse, error) {
	if request.VolumeId == "" || request.NodeId == "" {
		return nil, missing("volume id or node id")
	}
	if request.VolumeCapability == nil {
		return nil, missing("volume capability")
	}
	if err := checkCapabilities([]*csi.VolumeCapability{request.VolumeCapability}); err != nil {
		return nil, err
	}
	c.store.mutex.Lock()
	defer c.store.mutex.Unlock()
	existing, err := c.store.volume(request.VolumeId)
	if err != nil {
		return nil, notFound("volume", request.VolumeId, err)
	}
	node, err := c.store.node(request.NodeId)
	if err != nil {
		return nil, notFound("node", request.NodeId, err)
	}
	if readOnly, attached := existing.Attached[node.Name]; attached {
		if readOnly != request.Readonly {
			return nil, status.Errorf(codes.AlreadyExists, "volume %s is attached to %s in another way", existing.ID, node.Name)
		}
		return &csi.ControllerPublishVolumeResponse{}, nil
	}
	if err := c.canAttach(existing, node, request.VolumeCapability); err != nil {
		return nil, err
	}
	if existing.Attached == nil {
		existing.Attached = map[string]bool{}
	}
	existing.Attached[node.Name] = request.Readonly
	if err := c.store.write(volumes, existing.ID, existing); err != nil {
		return nil, internal(err)
	}
	return &csi.ControllerPublishVolumeResponse{}, nil
}

// canAttach tells what keeps a volume from a node.
func (c *controller) canAttach(wanted *volume, node *nodeInfo, capability *csi.VolumeCapability) error {
	many := capability.GetAccessMode().GetMode() == csi.VolumeCapability_AccessMode_MULTI_NODE_READER_ONLY
	if len(wanted.Attached) > 0 && !many {
		return status.Errorf(codes.FailedPrecondition, "volume %s is attached to %s", wanted.ID, nodesOf(wanted))
	}
	if wanted.BoundTo != "" && wanted.BoundTo != node.Name {
		return status.Errorf(codes.FailedPrecondition, "volume %s is bound to %s", wanted.ID, wanted.BoundTo)
	}
	all, err := c.store.allVolumes()
	if err != nil {
		return internal(err)
	}
	var count int64
	for _, each := range all {
		if _, attached := each.Attached[node.Name]; attached {
			count++
		}
	}
	if node.MaxVolumes > 0 && count >= node.MaxVolumes {
		return status.Errorf(codes.ResourceExhausted, "%s has %d volumes attached, and can have no more", node.Name, count)
	}
	return nil
}

// ControllerUnpublishVolume detaches a volume from a node, or from all.
func (c *controller) ControllerUnpublishVolume(_ context.Context, request *csi.ControllerUnpublishVolumeRequest) (*csi.ControllerUnpublishVolumeResponse, error) {
	if request.VolumeId == "" {
		return nil, missing("volume id")
	}
	c.store.mutex.Lock()
	defer c.store.mutex.Unlock()
	existing, err := c.store.volume(request.VolumeId)
	if errors.Is(err, errNotFound) {
		return &csi.ControllerUnpublishVolumeResponse{}, nil
	}
	if err != nil {
		return nil, internal(err)
	}
	maps.DeleteFunc(existing.Attached, func(node string, _ bool) bool {
		return request.NodeId == "" || request.NodeId == node
	})
	if err := c.store.write(volumes, existing.ID, existing); err != nil {
		return nil, internal(err)
	}
	return &csi.ControllerUnpublishVolumeResponse{}, nil
}

// ValidateVolumeCapabilities tells whether a volume can be used in these ways.
func (c *controller) ValidateVolumeCapabilities(_ context.Context, request *csi.ValidateVolumeCapabilitiesRequest) (*csi.ValidateVolumeCapabilitiesResponse, error) {
	if request.VolumeId == "" || len(request.VolumeCapabilities) == 0 {
		return nil, missing("volume id or volume capabilities")
	}
	if _, err := c.store.volume(request.VolumeId); err != nil {
		return nil, notFound("volume", request.VolumeId, err)
	}
	if err := checkCapabilities(request.VolumeCapabilities); err != nil {
		return &csi.ValidateVolumeCapabilitiesResponse{Message: status.Convert(err).Message()}, nil
	}
	return &csi.ValidateVolumeCapabilitiesResponse{Confirmed: &csi.ValidateVolumeCapabilitiesResponse_Confirmed{
		VolumeContext: request.VolumeContext, VolumeCapabilities: request.VolumeCapabilities,
		Parameters: request.Parameters, MutableParameters: request.MutableParameters,
	}}, nil
}

// ListVolumes lists the volumes, and the nodes that have them.
func (c *controller) ListVolumes(_ context.Context, request *csi.ListVolumesRequest) (*csi.ListVolumesResponse, error) {
	all, err := c.store.allVolumes()
	if err != nil {
		return nil, internal(err)
	}
	shown, next, err := page(all, request.StartingToken, request.MaxEntries)
	if err != nil {
		return nil, err
	}
	response := &csi.ListVolumesResponse{NextToken: next}
	for _, each := range shown {
		response.Entries = append(response.Entries, &csi.ListVolumesResponse_Entry{
			Volume: described(each),
			Status: &csi.ListVolumesResponse_VolumeStatus{PublishedNodeIds: slices.Sorted(maps.Keys(each.Attached))},
		})
	}
	return response, nil
}

// ControllerGetVolume describes one volume.
func (c *controller) ControllerGetVolume(_ context.Context, request *csi.ControllerGetVolumeRequest) (*csi.ControllerGetVolumeResponse, error) {
	if request.VolumeId == "" {
		return nil, missing("volume id")
	}
	existing, err := c.store.volume(request.VolumeId)
	if err != nil {
		return nil, notFound("volume", request.VolumeId, err)
	}
	return &csi.ControllerGetVolumeResponse{
		Volume: described(existing),
		Status: &csi.ControllerGetVolumeResponse_VolumeStatus{PublishedNodeIds: slices.Sorted(maps.Keys(existing.Attached))},
	}, nil
}

// GetCapacity tells how much the machine's disk has free.
func (c *controller) GetCapacity(context.Context, *csi.GetCapacityRequest) (*csi.GetCapacityResponse, error) {
	var found syscall.Statfs_t
	if err := syscall.Statfs(c.store.root, &found); err != nil {
		return nil, internal(err)
	}
	return &csi.GetCapacityResponse{AvailableCapacity: int64(found.Bavail) * found.Bsize}, nil
}

// ControllerExpandVolume makes a volume larger; its file system is the node's to expand.
func (c *controller) ControllerExpandVolume(_ context.Context, request *csi.ControllerExpandVolumeRequest) (*csi.ControllerExpandVolumeResponse, error) {
	if request.VolumeId == "" {
		return nil, missing("volume id")
	}
	if request.CapacityRange == nil {
		return nil, missing("capacity range")
	}
	c.store.mutex.Lock()
	defer c.store.mutex.Unlock()
	existing, err := c.store.volume(request.VolumeId)
	if err != nil {
		return nil, notFound("volume", request.VolumeId, err)
	}
	size, err := sizeOf(request.CapacityRange, existing.Size)
	if err != nil {
		return nil, err
	}
	if size > existing.Size {
		existing.Size = size
		if err := c.store.write(volumes, existing.ID, existing); err != nil {
			return nil, internal(err)
		}
	}
	return &csi.ControllerExpandVolumeResponse{CapacityBytes: existing.Size, NodeExpansionRequired: true}, nil
}

// ControllerModifyVolume gives a volume the parameters of another VolumeAttributesClass.
func (c *controller) ControllerModifyVolume(_ context.Context, request *csi.ControllerModifyVolumeRequest) (*csi.ControllerModifyVolumeResponse, error) {
	if request.VolumeId == "" {
		return nil, missing("volume id")
	}
	if err := checkAttributes(request.MutableParameters); err != nil {
		return nil, err
	}
	c.store.mutex.Lock()
	defer c.store.mutex.Unlock()
	existing, err := c.store.volume(request.VolumeId)
	if err != nil {
		return nil, notFound("volume", request.VolumeId, err)
	}
	if existing.Attributes == nil {
		existing.Attributes = map[string]string{}
	}
	maps.Copy(existing.Attributes, request.MutableParameters)
	if err := c.store.write(volumes, existing.ID, existing); err != nil {
		return nil, internal(err)
	}
	return &csi.ControllerModifyVolumeResponse{}, nil
}

// described is a volume as CSI describes it.
func described(each *volume) *csi.Volume {
	response := &csi.Volume{VolumeId: each.ID, CapacityBytes: each.Size}
	switch {
	case each.SourceSnapshot != "":
		response.ContentSource = &csi.VolumeContentSource{Type: &csi.VolumeContentSource_Snapshot{
			Snapshot: &csi.VolumeContentSource_SnapshotSource{SnapshotId: each.SourceSnapshot},
		}}
	case each.SourceVolume != "":
		response.ContentSource = &csi.VolumeContentSource{Type: &csi.VolumeContentSource_Volume{
			Volume: &csi.VolumeContentSource_VolumeSource{VolumeId: each.SourceVolume},
		}}
	}
	if each.BoundTo != "" {
		response.AccessibleTopology = []*csi.Topology{{Segments: map[string]string{topologyKey: each.BoundTo}}}
	}
	return response
}

// sizeOf is the size that a request asks for.
func sizeOf(limits *csi.CapacityRange, otherwise int64) (int64, error) {
	required, most := limits.GetRequiredBytes(), limits.GetLimitBytes()
	if required < 0 || most < 0 || (most > 0 && required > most) {
		return 0, status.Errorf(codes.InvalidArgument, "a size from %d to %d bytes is not possible", required, most)
	}
	size := required
	if size == 0 {
		size = otherwise
		if most > 0 {
			size = min(size, most)
		}
	}
	if size > largestSize {
		return 0, status.Errorf(codes.OutOfRange, "%d bytes are too much: a volume can have %d bytes", size, int64(largestSize))
	}
	return size, nil
}

// checkCapabilities tells what a volume cannot be used for.
func checkCapabilities(wanted []*csi.VolumeCapability) error {
	if len(wanted) == 0 {
		return missing("volume capabilities")
	}
	for _, each := range wanted {
		if each.GetBlock() != nil {
			return status.Error(codes.InvalidArgument, "volumeMode Block is not supported: a volume is a file system")
		}
		switch mode := each.GetAccessMode().GetMode(); mode {
		case csi.VolumeCapability_AccessMode_SINGLE_NODE_WRITER,
			csi.VolumeCapability_AccessMode_SINGLE_NODE_SINGLE_WRITER,
			csi.VolumeCapability_AccessMode_SINGLE_NODE_MULTI_WRITER,
			csi.VolumeCapability_AccessMode_SINGLE_NODE_READER_ONLY,
			csi.VolumeCapability_AccessMode_MULTI_NODE_READER_ONLY:
		default:
			return status.Errorf(codes.InvalidArgument, "access mode %s is not supported: one node at a time can write to a volume", mode)
		}
	}
	return nil
}

// checkAttributes tells what a VolumeAttributesClass cannot ask for.
func checkAttributes(parameters map[string]string) error {
	for name, value := range parameters {
		if strings.HasPrefix(name, forWhom) {
			continue
		}
		limits, known := attributeLimits[name]
		if !known {
			return status.Errorf(codes.InvalidArgument, "parameter %q is not supported; there are iops and throughput", name)
		}
		if number, err := strconv.Atoi(value); err != nil || number < limits[0] || number > limits[1] {
			return status.Errorf(codes.InvalidArgument, "%s is %q; it must be from %d to %d", name, value, limits[0], limits[1])
		}
	}
	return nil
}

func isNodeBound(parameters map[string]string) (bool, error) {
	for name := range parameters {
		if name != nodeBound && !strings.HasPrefix(name, forWhom) {
			return false, status.Errorf(codes.InvalidArgument, "parameter %q is not supported; there is %s", name, nodeBound)
		}
	}
	value, there := parameters[nodeBound]
	if !there {
		return false, nil
	}
	bound, err := strconv.ParseBool(value)
	if err != nil {
		return false, status.Errorf(codes.InvalidArgument, "%s is %q; it must be true or false", nodeBound, value)
	}
	return bound, nil
}

// nodeOf is the node that a volume shall be made for: the one its first Pod was given comes first.
func nodeOf(requirement *csi.TopologyRequirement) string {
	for _, each := range slices.Concat(requirement.GetPreferred(), requirement.GetRequisite()) {
		if node := each.GetSegments()[topologyKey]; node != "" {
			return node
		}
	}
	return ""
}

// page is the part of a list that a request asks for, and what to ask for the next one with.
func page[T any](all []T, token string, most int32) ([]T, string, error) {
	start := 0
	if token != "" {
		var err error
		if start, err = strconv.Atoi(token); err != nil || start < 0 || start > len(all) {
			return nil, "", status.Errorf(codes.Aborted, "there is no page %q", token)
		}
	}
	end := len(all)
	if most > 0 {
		end = min(end, start+int(most))
	}
	next := ""
	if end < len(all) {
		next = strconv.Itoa(end)
	}
	return all[start:end], next, nil
}

func nodesOf(each *volume) string { return strings.Join(slices.Sorted(maps.Keys(each.Attached)), ", ") }

func missing(what string) error {
	return status.Errorf(codes.InvalidArgument, "the request has no %s", what)
}

func pending(kind, id string) error {
	return status.Errorf(codes.Aborted, "another call for %s %s is at work", kind, id)
}

func tooSmall(wanted *volume, kind, source string, size int64) error {
	return status.Errorf(codes.OutOfRange, "volume %s of %d bytes is too small for %s %s of %d bytes", wanted.ID, wanted.Size, kind, source, size)
}

// notFound is the answer for an object that could not be read.
func notFound(kind, id string, err error) error {
	if errors.Is(err, errNotFound) {
		return status.Errorf(codes.NotFound, "there is no %s %s", kind, id)
	}
	return internal(err)
}

// internal is the answer for what went wrong here; nil for nothing.
func internal(err error) error {
	if err == nil {
		return nil
	}
	if _, known := status.FromError(err); known {
		return err
	}
	return status.Error(codes.Internal, fmt.Sprint(err))
}
