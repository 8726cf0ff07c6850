// The etcd server.
//
// Its release builds this from the root of the etcd repository, which is a module of its own that only exists to
// collect all the others; the server's module has everything but the main function.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() {
	etcdmain.Main(os.Args)
}
