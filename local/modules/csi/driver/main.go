// The CSI driver of the embedded cluster. A volume is a folder of this machine whose size is noted beside it.
//
// As on any cluster it runs twice: once as the controller, which the side-cars ask to make, attach, expand, modify and
// snapshot volumes, and once for each node, where the kubelet asks it to mount them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	registration "k8s.io/kubelet/pkg/apis/pluginregistration/v1"
)

const (
	driverName = "disks.csi.stateful-service.local"
	// What a node says of itself, and node-bound volumes ask for.
	topologyKey = driverName + "/node"
)

func main() {
	folder := flag.String("folder", "", "where volumes, snapshots and faults are")
	socket := flag.String("socket", "", "where to listen")
	node := flag.String("node", "", "the node to mount volumes on; none for the controller")
	registered := flag.String("registration", "", "where the node's kubelet learns of the driver")
	most := flag.Int64("max-volumes", 0, "how many volumes the node can have attached; 0 for no limit")
	flag.Parse()
	if err := run(*folder, *socket, *node, *registered, *most); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(folder, socket, node, registered string, most int64) error {
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer cancel()
	if !filepath.IsAbs(folder) {
		return fmt.Errorf("the folder %q is not absolute", folder)
	}
	store, err := openStore(folder)
	if err != nil {
		return err
	}
	server := grpc.NewServer(grpc.UnaryInterceptor(faults{folder: filepath.Join(folder, "faults"), store: store}.intercept))
	csi.RegisterIdentityServer(server, identity{})
	sockets := []string{socket}
	if node == "" {
		resumeWriters(store)
		csi.RegisterControllerServer(server, &controller{store: store, busy: newBusy()})
		csi.RegisterGroupControllerServer(server, &groups{store: store, busy: newBusy()})
	} else {
		info := &nodeInfo{Name: node, MaxVolumes: most}
		if err := store.saveNode(info); err != nil {
			return err
		}
		csi.RegisterNodeServer(server, &nodeServer{store: store, name: node})
		if registered != "" {
			registration.RegisterRegistrationServer(server, registrar{socket: socket})
			// The kubelet must not learn of the driver before it can ask it.
			sockets = append(sockets, registered)
		}
	}
	failed := make(chan error, len(sockets))
	for _, path := range sockets {
		listener, err := listen(path)
		if err != nil {
			return err
		}
		go func() { failed <- server.Serve(listener) }()
	}
	select {
	case <-stop.Done():
		server.Stop()
		return nil
	case err := <-failed:
		return err
	}
}

// listen replaces the socket of a process that was killed.
func listen(path string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	return net.Listen("unix", path)
}
