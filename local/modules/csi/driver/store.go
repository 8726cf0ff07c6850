package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"sync"
	"time"
)

// volume is what is noted of a volume. Its data are in the folder `data` beside the note.
type volume struct {
	ID         string            `json:"id"`
	Name       string            `json:"name"`
	Size       int64             `json:"size"`
	Modes      []string          `json:"modes,omitempty"`
	Parameters map[string]string `json:"parameters,omitempty"`
	// What a VolumeAttributesClass sets.
	Attributes     map[string]string `json:"attributes,omitempty"`
	SourceSnapshot string            `json:"sourceSnapshot,omitempty"`
	SourceVolume   string            `json:"sourceVolume,omitempty"`
	// The only node that can have the volume, where it is bound to one.
	BoundTo string `json:"boundTo,omitempty"`
	// The nodes that have the volume attached, and whether only for reading.
	Attached map[string]bool `json:"attached,omitempty"`
}

// snapshot is what is noted of a snapshot. Its data are in the folder `data` beside the note.
type snapshot struct {
	ID         string            `json:"id"`
	Name       string            `json:"name"`
	Volume     string            `json:"volume"`
	Size       int64             `json:"size"`
	Created    time.Time         `json:"created"`
	Group      string            `json:"group,omitempty"`
	Parameters map[string]string `json:"parameters,omitempty"`
}

// group is what is noted of snapshots that were made at one moment.
type group struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Volumes   []string  `json:"volumes"`
	Snapshots []string  `json:"snapshots"`
	Created   time.Time `json:"created"`
}

// nodeInfo is what a node tells the controller of itself.
type nodeInfo struct {
	Name       string `json:"name"`
	MaxVolumes int64  `json:"maxVolumes"`
}

var errNotFound = errors.New("not found")

// store keeps the notes and the data in folders. The controller alone changes them, one call at a time for each object.
type store struct {
	root string
	// Held while notes are read and written, not while data are copied.
	mutex sync.Mutex
}

const (
	volumes   = "volumes"
	snapshots = "snapshots"
	groupsOf  = "groups"
	nodes     = "nodes"
	note      = "note.json"
	data      = "data"
)

func openStore(root string) (*store, error) {
	for _, each := range []string{volumes, snapshots, groupsOf, nodes, "faults"} {
		if err := os.MkdirAll(filepath.Join(root, each), 0o755); err != nil {
			return nil, err
		}
	}
	return &store{root: root}, nil
}

var plainName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._-]{0,127}$`)

// identifier is what an object of a name is called: the name itself where it can be that of a folder.
func identifier(name string) string {
	if plainName.MatchString(name) {
		return name
	}
	digest := sha256.Sum256([]byte(name))
	return hex.EncodeToString(digest[:16])
}

func (s *store) place(kind, id string) string { return filepath.Join(s.root, kind, id) }

// dataOf is the folder with a volume's or a snapshot's data.
func (s *store) dataOf(kind, id string) string { return filepath.Join(s.place(kind, id), data) }

// read fills in what is noted of an object.
func (s *store) read(kind, id string, into any) error {
	if !plainName.MatchString(id) {
		return errNotFound
	}
	text, err := os.ReadFile(filepath.Join(s.place(kind, id), note))
	if errors.Is(err, os.ErrNotExist) {
		return errNotFound
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// write notes something of an object that exists.
func (s *store) write(kind, id string, from any) error {
	text, err := json.MarshalIndent(from, "", "  ")
	if err != nil {
		return err
	}
	scratch := filepath.Join(s.place(kind, id), "."+note)
	if err := os.WriteFile(scratch, append(text, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(scratch, filepath.Join(s.place(kind, id), note))
}

// create makes an object with a copy of the data of another one, or with none; it is there as a whole or not at all.
func (s *store) create(kind, id string, from any, source string) error {
	scratch, err := os.MkdirTemp(filepath.Join(s.root, kind), ".making-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	target := filepath.Join(scratch, data)
	if err := os.Mkdir(target, 0o755); err != nil {
		return err
	}
	// Pods that do not run as root must be able to write, and neither the umask nor the owner may decide that.
	if err := os.Chmod(target, 0o777); err != nil {
		return err
	}
	if source != "" {
		command := exec.Command("cp", "--archive", "--reflink=auto", "--sparse=auto", source+"/.", target)
		if said, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("cannot copy %s: %s", source, strings.TrimSpace(string(said)))
		}
	}
	text, err := json.MarshalIndent(from, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(scratch, note), append(text, '\n'), 0o600); err != nil {
		return err
	}
	if err := os.Chmod(scratch, 0o755); err != nil {
		return err
	}
	return os.Rename(scratch, s.place(kind, id))
}

// remove deletes an object with its data, if it is there.
func (s *store) remove(kind, id string) error {
	if !plainName.MatchString(id) {
		return nil
	}
	// Half of it may be gone when this is interrupted: without its note it does not exist.
	if err := os.Remove(filepath.Join(s.place(kind, id), note)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.RemoveAll(s.place(kind, id))
}

// list has the identifiers of all objects of a kind, in order.
func (s *store) list(kind string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(s.root, kind))
	if err != nil {
		return nil, err
	}
	var found []string
	for _, each := range entries {
		if _, err := os.Stat(filepath.Join(s.place(kind, each.Name()), note)); err == nil && plainName.MatchString(each.Name()) {
			found = append(found, each.Name())
		}
	}
	sort.Strings(found)
	return found, nil
}

func (s *store) volume(id string) (*volume, error) {
	found := &volume{}
	return found, s.read(volumes, id, found)
}

func (s *store) snapshot(id string) (*snapshot, error) {
	found := &snapshot{}
	return found, s.read(snapshots, id, found)
}

func (s *store) node(name string) (*nodeInfo, error) {
	found := &nodeInfo{}
	return found, s.read(nodes, name, found)
}

func (s *store) saveNode(info *nodeInfo) error {
	if err := os.MkdirAll(s.place(nodes, info.Name), 0o755); err != nil {
		return err
	}
	return s.write(nodes, info.Name, info)
}

// allVolumes has what is noted of each volume.
func (s *store) allVolumes() ([]*volume, error) {
	ids, err := s.list(volumes)
	if err != nil {
		return nil, err
	}
	var found []*volume
	for _, id := range ids {
		each, err := s.volume(id)
		if errors.Is(err, errNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		found = append(found, each)
	}
	return found, nil
}

// fileSystem is the size that a volume's file system has: the node makes it as large as the volume, and expands it.
func (s *store) fileSystem(id string) int64 {
	text, err := os.ReadFile(filepath.Join(s.place(volumes, id), "filesystem"))
	if err != nil {
		return 0
	}
	var size int64
	if _, err := fmt.Sscan(string(text), &size); err != nil {
		return 0
	}
	return size
}

func (s *store) setFileSystem(id string, size int64) error {
	return os.WriteFile(filepath.Join(s.place(volumes, id), "filesystem"), fmt.Appendln(nil, size), 0o600)
}

// busy holds the objects that a call is at work on: a second call for one of them is to come again.
type busy struct {
	mutex sync.Mutex
	held  map[string]bool
}

func newBusy() *busy { return &busy{held: map[string]bool{}} }

func (b *busy) take(id string) bool {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.held[id] {
		return false
	}
	b.held[id] = true
	return true
}

func (b *busy) release(id string) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	delete(b.held, id)
}
