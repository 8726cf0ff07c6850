// A small stateful service to deploy: it answers with random numbers and keeps a log of them on its volume.
//
// It is set up by environment variables: PORT (8080), LOG_FILE (none: no log is kept), SERVICE_NAME (the governing
// Service, for /peers), VERSION.
//
// `random-generator get URL` asks another one instead, and prints the answer.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

const (
	// How long requests that are being answered may take to finish once the service is told to stop.
	grace = 800 * time.Millisecond
	// How long `get` waits for its answer: whoever is kept out by a network policy never gets one.
	patience = 3 * time.Second
)

func main() {
	if err := command(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func command(arguments []string) error {
	switch {
	case len(arguments) == 0:
		return run()
	case len(arguments) == 2 && arguments[0] == "get":
		return get(os.Stdout, arguments[1])
	}
	return fmt.Errorf("unknown arguments %q: there is `get URL`, or nothing to run the service", arguments)
}

// get prints what a GET request is answered with; an answer that is not of success is an error.
func get(output io.Writer, url string) error {
	client := http.Client{Timeout: patience}
	response, err := client.Get(url)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(output, response.Body); err != nil {
		return err
	}
	if response.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("%s answers %s", url, response.Status)
	}
	return nil
}

func run() error {
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer cancel()

	instance, err := os.Hostname()
	if err != nil {
		return err
	}
	service := &Service{
		Instance: instance,
		Version:  os.Getenv("VERSION"),
		Peers:    DNSPeers(os.Getenv("SERVICE_NAME")),
	}
	if path := os.Getenv("LOG_FILE"); path != "" {
		if service.Log, err = OpenLog(path); err != nil {
			return err
		}
		defer service.Log.Close()
	}
	port := os.Getenv("PORT")
	if port == "" {
		port = "8080"
	}
	listener, err := net.Listen("tcp", net.JoinHostPort("", port))
	if err != nil {
		return err
	}
	fmt.Printf("random-generator %s: %s listens on port %s\n", service.Version, instance, port)
	return serve(stop, listener, service.Handler())
}

// serve answers requests until it is told to stop, then lets those under way finish.
func serve(stop context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-stop.Done():
	}
	limit, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if err := server.Shutdown(limit); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}
