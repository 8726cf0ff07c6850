// A small server of secrets in the manner of Vault, for an example: it has to be initialised from outside, prints the
// keys that open its data once, and is sealed after each start until enough of them were given.
//
// It is no product: it has neither users nor TLS, and one fixed primary, without which nothing is written.
//
// `strongbox serve` is set up by environment variables: NAME, PRIMARY (its address; empty in the primary itself), DATA (a
// folder), WRITE_TIMEOUT (such as 2s: how long a write waits for a standby), KEYS_FILE (the output of `init`, by which it
// unseals itself; empty: it waits for keys). The other commands ask a server: `status`, `init`, `unseal KEY…`, each with
// the address as the first argument.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

const port = 8200

func main() {
	if err := command(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func command(arguments []string) error {
	switch {
	case len(arguments) == 1 && arguments[0] == "serve":
		return serve()
	case len(arguments) == 2 && arguments[0] == "status":
		return ask(http.MethodGet, arguments[1], "status", "")
	case len(arguments) == 2 && arguments[0] == "init":
		return ask(http.MethodPost, arguments[1], "init", "")
	case len(arguments) > 2 && arguments[0] == "unseal":
		for _, key := range arguments[2:] {
			if err := ask(http.MethodPost, arguments[1], "unseal", key); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("unknown arguments %q: there are serve, status SERVER, init SERVER, unseal SERVER KEY…", arguments)
}

// ask prints a server's answer; one that is not of success is an error.
func ask(method, server, what, content string) error {
	request, err := http.NewRequest(method, fmt.Sprintf("http://%s:%d/v1/%s", server, port, what), strings.NewReader(content))
	if err != nil {
		return err
	}
	answer, err := (&http.Client{Timeout: 3 * patience}).Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("%s: %s", server, strings.TrimSpace(string(text)))
	}
	fmt.Print(string(text))
	return nil
}

func serve() error {
	timeout, err := time.ParseDuration(os.Getenv("WRITE_TIMEOUT"))
	if err != nil {
		return err
	}
	mine, err := newServer(os.Getenv("DATA"), os.Getenv("NAME"), os.Getenv("PRIMARY"), timeout)
	if err != nil {
		return err
	}
	if mine.primary != "" {
		go mine.follow()
	}
	if path := os.Getenv("KEYS_FILE"); path != "" {
		go mine.unsealByFile(path)
	}
	context, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	listening := &http.Server{Addr: fmt.Sprintf(":%d", port), Handler: mine.handler(), ReadHeaderTimeout: patience}
	go func() {
		<-context.Done()
		// Standbys that wait for records are not waited for.
		_ = listening.Close()
	}()
	if err := listening.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
