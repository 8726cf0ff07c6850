package main

import (
	"os"
	"path/filepath"
	"strings"
)

// mountPoints lists where a folder is mounted, as a table of mounts (/proc/PID/mountinfo) has it.
func mountPoints(table, folder string) []string {
	// The table has the folder's path within its file system, which may be mounted anywhere.
	tail := strings.Join(lastParts(folder, 4), "/")
	var found []string
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) > 4 && strings.HasSuffix(unescaped(fields[3]), "/"+tail) {
			found = append(found, unescaped(fields[4]))
		}
	}
	return found
}

// lastParts has the last names of a path: the driver's folder, the kind, the volume and its data.
func lastParts(path string, number int) []string {
	parts := strings.Split(strings.TrimPrefix(filepath.Clean(path), "/"), "/")
	return parts[max(0, len(parts)-number):]
}

// unescaped is a path of the table without the kernel's codes for blanks.
func unescaped(path string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(path)
}

// mountedAt lists where this machine has a folder mounted.
func mountedAt(folder string) []string {
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil
	}
	return mountPoints(string(table), folder)
}

// mounted tells whether something is mounted here: two mounts of one file system differ by their numbers alone.
func mounted(path string) bool {
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(table)) {
		if fields := strings.Fields(line); len(fields) > 4 && unescaped(fields[4]) == filepath.Clean(path) {
			return true
		}
	}
	return false
}
