package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// whileStill runs a copy of volumes while nobody writes to them, so that it shows one moment, as a storage system's
// snapshot does. The processes of the Pods that have one of them mounted are stopped meanwhile: they notice a pause.
func whileStill(s *store, ids []string, copy func() error) error {
	var stopped []int
	defer func() { goOn(stopped) }()
	for {
		// Whoever is found may have started others before it was stopped.
		running := others(writers(s, ids), stopped)
		if len(running) == 0 {
			break
		}
		stopped = append(stopped, running...)
		pause(running)
	}
	return copy()
}

// resumeWriters lets go on what a driver that was killed while it copied has left stopped.
func resumeWriters(s *store) {
	ids, err := s.list(volumes)
	if err == nil {
		goOn(writers(s, ids))
	}
}

// pause stops processes, and waits for what is in the middle of a write.
func pause(processes []int) {
	signalAll(processes, syscall.SIGSTOP)
	deadline := time.Now().Add(5 * time.Second)
	for _, each := range processes {
		for runs(each) && time.Now().Before(deadline) {
			time.Sleep(time.Millisecond)
		}
	}
}

func goOn(processes []int) { signalAll(processes, syscall.SIGCONT) }

func signalAll(processes []int, number syscall.Signal) {
	for _, each := range processes {
		_ = syscall.Kill(each, number) // it may have ended
	}
}

// runs tells whether a process has neither stopped nor ended.
func runs(process int) bool {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(process), "stat"))
	if err != nil {
		return false
	}
	_, rest, found := strings.Cut(string(text), ") ")
	return found && !strings.HasPrefix(rest, "T") && !strings.HasPrefix(rest, "Z") && !strings.HasPrefix(rest, "X")
}

func others(found, known []int) []int {
	seen := map[int]bool{}
	for _, each := range known {
		seen[each] = true
	}
	var left []int
	for _, each := range found {
		if !seen[each] {
			left = append(left, each)
		}
	}
	return left
}

// writers has the processes in containers that have one of the volumes mounted. The machine's own processes see the
// mounts as well: they share our mount namespace.
func writers(s *store, ids []string) []int {
	own, err := os.Readlink("/proc/self/ns/mnt")
	if err != nil {
		return nil
	}
	folders, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil
	}
	var found []int
	for _, folder := range folders {
		namespace, err := os.Readlink(filepath.Join(folder, "ns", "mnt"))
		if err != nil || namespace == own {
			continue
		}
		table, err := os.ReadFile(filepath.Join(folder, "mountinfo"))
		if err != nil {
			continue
		}
		process, err := strconv.Atoi(filepath.Base(folder))
		if err == nil && hasMounted(string(table), s, ids) {
			found = append(found, process)
		}
	}
	return found
}

func hasMounted(table string, s *store, ids []string) bool {
	for _, id := range ids {
		if len(mountPoints(table, s.dataOf(volumes, id))) > 0 {
			return true
		}
	}
	return false
}
