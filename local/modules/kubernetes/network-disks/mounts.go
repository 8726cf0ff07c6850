package main

import "strings"

// isMountPoint finds a path in a table of mounts as the kernel writes it, in which blanks are escaped.
func isMountPoint(table, path string) bool {
	escaped := strings.NewReplacer(" ", `\040`, "\t", `\011`, "\n", `\012`, `\`, `\134`).Replace(path)
	for line := range strings.Lines(table) {
		if fields := strings.Fields(line); len(fields) > 4 && fields[4] == escaped {
			return true
		}
	}
	return false
}
