// What the volume provisioner runs on the node to make or remove the folder behind a volume. It passes the action as
// `-a create` or `-a delete` and the folder in VOL_DIR.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	action := flag.String("a", "", "create or delete")
	flag.String("p", "", "the folder, as in VOL_DIR")
	flag.String("s", "", "the size, which a folder does not have")
	flag.String("m", "", "the volume mode")
	flag.Parse()
	if err := run(*action, os.Getenv("VOL_DIR")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(action, folder string) error {
	if folder == "" {
		return fmt.Errorf("VOL_DIR is not set")
	}
	switch action {
	case "create":
		if err := os.MkdirAll(folder, 0o777); err != nil {
			return err
		}
		// Pods that do not run as root must be able to write, and the umask must not decide that.
		return os.Chmod(folder, 0o777)
	case "delete":
		return os.RemoveAll(folder)
	}
	return fmt.Errorf("unknown action %q", action)
}
