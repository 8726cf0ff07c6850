package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// CreateSnapshot copies a volume as it is at one moment.
func (c *controller) CreateSnapshot(_ context.Context, request *csi.CreateSnapshotRequest) (*csi.CreateSnapshotResponse, error) {
	if request.Name == "" || request.SourceVolumeId == "" {
		return nil, missing("name or source volume id")
	}
	id := identifier(request.Name)
	if !c.busy.take(id) {
		return nil, pending("snapshot", id)
	}
	defer c.busy.release(id)
	existing, err := c.store.snapshot(id)
	if err == nil {
		if existing.Name != request.Name || existing.Volume != request.SourceVolumeId {
			return nil, status.Errorf(codes.AlreadyExists, "there is a snapshot %s of volume %s", existing.Name, existing.Volume)
		}
		return &csi.CreateSnapshotResponse{Snapshot: shown(existing)}, nil
	}
	if !errors.Is(err, errNotFound) {
		return nil, internal(err)
	}
	made := &snapshot{ID: id, Name: request.Name, Volume: request.SourceVolumeId, Parameters: request.Parameters}
	if err := take(c.store, []*snapshot{made}); err != nil {
		return nil, err
	}
	return &csi.CreateSnapshotResponse{Snapshot: shown(made)}, nil
}

// take copies the volumes of snapshots at one moment.
func take(s *store, wanted []*snapshot) error {
	var ids []string
	for _, each := range wanted {
		from, err := s.volume(each.Volume)
		if err != nil {
			return notFound("volume", each.Volume, err)
		}
		each.Size = from.Size
		ids = append(ids, from.ID)
	}
	return internal(whileStill(s, ids, func() error {
		now := time.Now().UTC()
		for _, each := range wanted {
			each.Created = now
			if err := s.create(snapshots, each.ID, each, s.dataOf(volumes, each.Volume)); err != nil {
				return err
			}
		}
		return nil
	}))
}

// DeleteSnapshot deletes a snapshot and its data.
func (c *controller) DeleteSnapshot(_ context.Context, request *csi.DeleteSnapshotRequest) (*csi.DeleteSnapshotResponse, error) {
	if request.SnapshotId == "" {
		return nil, missing("snapshot id")
	}
	existing, err := c.store.snapshot(request.SnapshotId)
	if err == nil && existing.Group != "" {
		return nil, status.Errorf(codes.InvalidArgument, "snapshot %s belongs to the group %s, with which it is deleted", existing.ID, existing.Group)
	}
	if err := c.store.remove(snapshots, request.SnapshotId); err != nil {
		return nil, internal(err)
	}
	return &csi.DeleteSnapshotResponse{}, nil
}

// GetSnapshot describes one snapshot.
func (c *controller) GetSnapshot(_ context.Context, request *csi.GetSnapshotRequest) (*csi.GetSnapshotResponse, error) {
	if request.SnapshotId == "" {
		return nil, missing("snapshot id")
	}
	existing, err := c.store.snapshot(request.SnapshotId)
	if err != nil {
		return nil, notFound("snapshot", request.SnapshotId, err)
	}
	return &csi.GetSnapshotResponse{Snapshot: shown(existing)}, nil
}

// ListSnapshots lists snapshots: all, one, or those of a volume.
func (c *controller) ListSnapshots(_ context.Context, request *csi.ListSnapshotsRequest) (*csi.ListSnapshotsResponse, error) {
	ids, err := c.store.list(snapshots)
	if err != nil {
		return nil, internal(err)
	}
	var found []*snapshot
	for _, id := range ids {
		each, err := c.store.snapshot(id)
		if errors.Is(err, errNotFound) {
			continue
		}
		if err != nil {
			return nil, internal(err)
		}
		if (request.SnapshotId == "" || each.ID == request.SnapshotId) &&
			(request.SourceVolumeId == "" || each.Volume == request.SourceVolumeId) {
			found = append(found, each)
		}
	}
	part, next, err := page(found, request.StartingToken, request.MaxEntries)
	if err != nil {
		return nil, err
	}
	response := &csi.ListSnapshotsResponse{NextToken: next}
	for _, each := range part {
		response.Entries = append(response.Entries, &csi.ListSnapshotsResponse_Entry{Snapshot: shown(each)})
	}
	return response, nil
}

// shown is a snapshot as CSI describes it.
func shown(each *snapshot) *csi.Snapshot {
	return &csi.Snapshot{
		SnapshotId: each.ID, SourceVolumeId: each.Volume, SizeBytes: each.Size, ReadyToUse: true,
		CreationTime: timestamppb.New(each.Created), GroupSnapshotId: each.Group,
	}
}

// groups makes snapshots of several volumes at one moment.
type groups struct {
	csi.UnimplementedGroupControllerServer
	store *store
	busy  *busy
}

// GroupControllerGetCapabilities tells that there are groups of snapshots.
func (g *groups) GroupControllerGetCapabilities(context.Context, *csi.GroupControllerGetCapabilitiesRequest) (*csi.GroupControllerGetCapabilitiesResponse, error) {
	kind := csi.GroupControllerServiceCapability_RPC_CREATE_DELETE_GET_VOLUME_GROUP_SNAPSHOT
	return &csi.GroupControllerGetCapabilitiesResponse{Capabilities: []*csi.GroupControllerServiceCapability{{
		Type: &csi.GroupControllerServiceCapability_Rpc{Rpc: &csi.GroupControllerServiceCapability_RPC{Type: kind}},
	}}}, nil
}

// CreateVolumeGroupSnapshot copies several volumes as they are at one moment.
func (g *groups) CreateVolumeGroupSnapshot(_ context.Context, request *csi.CreateVolumeGroupSnapshotRequest) (*csi.CreateVolumeGroupSnapshotResponse, error) {
	if request.Name == "" || len(request.SourceVolumeIds) == 0 {
		return nil, missing("name or source volume ids")
	}
	id, sources := identifier(request.Name), slices.Sorted(slices.Values(request.SourceVolumeIds))
	if !g.busy.take(id) {
		return nil, pending("group", id)
	}
	defer g.busy.release(id)
	existing := &group{}
	err := g.store.read(groupsOf, id, existing)
	if errors.Is(err, errNotFound) {
		existing, err = g.make(id, request.Name, sources)
	}
	if err != nil {
		return nil, internal(err)
	}
	if existing.Name != request.Name || !slices.Equal(existing.Volumes, sources) {
		return nil, status.Errorf(codes.AlreadyExists, "there is a group %s of other volumes", existing.Name)
	}
	described, err := g.described(existing)
	return &csi.CreateVolumeGroupSnapshotResponse{GroupSnapshot: described}, err
}

func (g *groups) make(id, name string, sources []string) (*group, error) {
	made := &group{ID: id, Name: name, Volumes: sources, Created: time.Now().UTC()}
	var wanted []*snapshot
	for _, source := range sources {
		each := &snapshot{ID: identifier(id + "-" + source), Name: id + "-" + source, Volume: source, Group: id}
		// Of an attempt that did not get to its end.
		if err := g.store.remove(snapshots, each.ID); err != nil {
			return nil, err
		}
		wanted = append(wanted, each)
		made.Snapshots = append(made.Snapshots, each.ID)
	}
	if err := take(g.store, wanted); err != nil {
		return nil, err
	}
	return made, g.store.create(groupsOf, id, made, "")
}

// DeleteVolumeGroupSnapshot deletes a group with its snapshots.
func (g *groups) DeleteVolumeGroupSnapshot(_ context.Context, request *csi.DeleteVolumeGroupSnapshotRequest) (*csi.DeleteVolumeGroupSnapshotResponse, error) {
	if request.GroupSnapshotId == "" {
		return nil, missing("group snapshot id")
	}
	existing := &group{}
	if err := g.store.read(groupsOf, request.GroupSnapshotId, existing); err != nil && !errors.Is(err, errNotFound) {
		return nil, internal(err)
	}
	for _, each := range existing.Snapshots {
		if err := g.store.remove(snapshots, each); err != nil {
			return nil, internal(err)
		}
	}
	if err := g.store.remove(groupsOf, request.GroupSnapshotId); err != nil {
		return nil, internal(err)
	}
	return &csi.DeleteVolumeGroupSnapshotResponse{}, nil
}

// GetVolumeGroupSnapshot describes one group.
func (g *groups) GetVolumeGroupSnapshot(_ context.Context, request *csi.GetVolumeGroupSnapshotRequest) (*csi.GetVolumeGroupSnapshotResponse, error) {
	if request.GroupSnapshotId == "" {
		return nil, missing("group snapshot id")
	}
	existing := &group{}
	if err := g.store.read(groupsOf, request.GroupSnapshotId, existing); err != nil {
		return nil, notFound("group", request.GroupSnapshotId, err)
	}
	described, err := g.described(existing)
	return &csi.GetVolumeGroupSnapshotResponse{GroupSnapshot: described}, err
}

// described is a group as CSI describes it.
func (g *groups) described(each *group) (*csi.VolumeGroupSnapshot, error) {
	response := &csi.VolumeGroupSnapshot{
		GroupSnapshotId: each.ID, ReadyToUse: true, CreationTime: timestamppb.New(each.Created),
	}
	for _, id := range each.Snapshots {
		one, err := g.store.snapshot(id)
		if err != nil {
			return nil, notFound("snapshot", id, err)
		}
		response.Snapshots = append(response.Snapshots, shown(one))
	}
	return response, nil
}
