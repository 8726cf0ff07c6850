package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// fault is what shall go wrong with a call. Tests write each into a file of its own, and remove it.
type fault struct {
	// Such as ControllerExpandVolume.
	Call string `json:"call"`
	// Which volumes: those of a claim's namespace, of a claim, or one by its identifier. All where none is given.
	Namespace string `json:"namespace,omitempty"`
	Claim     string `json:"claim,omitempty"`
	Volume    string `json:"volume,omitempty"`
	// How long the call hangs first; until whoever called gives up, where it is negative.
	HangSeconds float64 `json:"hang_seconds,omitempty"`
	// The gRPC code, such as OUT_OF_RANGE, and the message of the error; without a code the call is carried out.
	Code    string `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
	// How often; until the file is removed, where it is absent.
	Times *int `json:"times,omitempty"`
}

// faults makes calls go wrong as the files in a folder say.
type faults struct {
	folder string
	store  *store
}

func (f faults) intercept(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	call := info.FullMethod[strings.LastIndex(info.FullMethod, "/")+1:]
	if found := f.take(call, request); found != nil {
		fmt.Fprintf(os.Stderr, "%s %s: as told, %s hangs for %v s and answers %q\n",
			time.Now().UTC().Format(time.RFC3339), f.subject(request).volume, call, found.HangSeconds, found.Code)
		if err := found.happen(ctx); err != nil {
			return nil, err
		}
	}
	return handler(ctx, request)
}

// happen hangs, and is the error that a call shall end with.
func (each *fault) happen(ctx context.Context) error {
	if each.HangSeconds != 0 {
		var over <-chan time.Time
		if each.HangSeconds > 0 {
			over = time.After(time.Duration(each.HangSeconds * float64(time.Second)))
		}
		select {
		case <-ctx.Done():
			return status.FromContextError(ctx.Err()).Err()
		case <-over:
		}
	}
	if each.Code == "" {
		return nil
	}
	var code codes.Code
	if err := code.UnmarshalJSON([]byte(`"` + each.Code + `"`)); err != nil {
		return status.Errorf(codes.Internal, "a fault has the code %q, which gRPC does not have", each.Code)
	}
	return status.Error(code, each.Message)
}

// take finds the first fault that a call shall meet, and counts it.
func (f faults) take(call string, request any) *fault {
	files, err := filepath.Glob(filepath.Join(f.folder, "*.json"))
	if err != nil || len(files) == 0 {
		return nil
	}
	about := f.subject(request)
	for _, file := range files {
		if found, err := used(file, call, about); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", file, err)
		} else if found != nil {
			return found
		}
	}
	return nil
}

// used reads a fault and, if it is meant for this call, notes that it was met once more: the processes of all nodes do.
func used(path, call string, about subject) (*fault, error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		return nil, err
	}
	found := &fault{}
	if err := json.NewDecoder(file).Decode(found); err != nil {
		return nil, err
	}
	if !found.meant(call, about) || (found.Times != nil && *found.Times <= 0) {
		return nil, nil
	}
	if found.Times != nil {
		*found.Times--
		text, err := json.Marshal(found)
		if err != nil {
			return nil, err
		}
		if err := file.Truncate(0); err != nil {
			return nil, err
		}
		if _, err := file.WriteAt(text, 0); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// subject is what a call is about.
type subject struct{ volume, namespace, claim string }

func (each *fault) meant(call string, about subject) bool {
	return each.Call == call &&
		(each.Volume == "" || each.Volume == about.volume) &&
		(each.Namespace == "" || each.Namespace == about.namespace) &&
		(each.Claim == "" || each.Claim == about.claim)
}

// subject finds out which volume a request is about, and for which claim that was made.
func (f faults) subject(request any) subject {
	if named, ok := request.(interface {
		GetName() string
		GetParameters() map[string]string
	}); ok {
		parameters := named.GetParameters()
		if claim := parameters[forWhom+"pvc/name"]; claim != "" {
			return subject{identifier(named.GetName()), parameters[forWhom+"pvc/namespace"], claim}
		}
	}
	return f.ofVolume(f.volumeOf(request))
}

// volumeOf is the identifier of the volume that a request names.
func (f faults) volumeOf(request any) string {
	switch each := request.(type) {
	case interface{ GetVolumeId() string }:
		return each.GetVolumeId()
	case interface{ GetSourceVolumeId() string }:
		return each.GetSourceVolumeId()
	case interface{ GetSourceVolumeIds() []string }:
		if ids := each.GetSourceVolumeIds(); len(ids) > 0 {
			return ids[0]
		}
	case interface{ GetSnapshotId() string }:
		if found, err := f.store.snapshot(each.GetSnapshotId()); err == nil {
			return found.Volume
		}
	}
	return ""
}

func (f faults) ofVolume(id string) subject {
	about := subject{volume: id}
	if found, err := f.store.volume(id); err == nil {
		about.namespace, about.claim = found.Parameters[forWhom+"pvc/namespace"], found.Parameters[forWhom+"pvc/name"]
	}
	return about
}
