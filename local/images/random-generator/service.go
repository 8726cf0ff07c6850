package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// Service is one instance of the random generator.
type Service struct {
	Instance string
	Version  string
	Log      *Log
	// Peers finds the instances of the governing Service.
	Peers func(context.Context) ([]Peer, error)

	unready atomic.Bool
}

// Answer is what a request for a random number gets.
type Answer struct {
	Random   int64  `json:"random"`
	Instance string `json:"instance"`
	Version  string `json:"version"`
	// Line is the number of the line in the log that holds this answer; left out when no log is kept.
	Line int `json:"line,omitempty"`
}

// Peer is an instance as DNS knows it.
type Peer struct {
	Name      string   `json:"name"`
	Port      uint16   `json:"port"`
	Addresses []string `json:"addresses"`
}

// ErrNoServiceName says that there is nothing to look up.
var ErrNoServiceName = errors.New("SERVICE_NAME is not set, so there is no Service to look up")

// Handler answers the service's requests.
func (s *Service) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.random)
	mux.HandleFunc("GET /logs", s.logs)
	mux.HandleFunc("GET /peers", s.peers)
	mux.HandleFunc("GET /ready", s.ready)
	mux.HandleFunc("PUT /ready", s.setReady)
	mux.HandleFunc("POST /ready", s.setReady)
	mux.HandleFunc("GET /version", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, s.Version) })
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	return mux
}

func (s *Service) random(w http.ResponseWriter, _ *http.Request) {
	answer := Answer{Random: rand.Int64N(1_000_000_000), Instance: s.Instance, Version: s.Version}
	if s.Log != nil {
		line, err := s.Log.Append(fmt.Sprintf("%s %s %d", time.Now().UTC().Format(time.RFC3339Nano), s.Instance, answer.Random))
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		answer.Line = line
	}
	writeJSON(w, answer)
}

func (s *Service) logs(w http.ResponseWriter, r *http.Request) {
	if s.Log == nil {
		http.Error(w, "LOG_FILE is not set, so no log is kept", http.StatusNotFound)
		return
	}
	file, err := os.Open(s.Log.Path())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer file.Close()
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	http.ServeContent(w, r, "", time.Time{}, file)
}

func (s *Service) peers(w http.ResponseWriter, r *http.Request) {
	peers, err := s.Peers(r.Context())
	switch {
	case errors.Is(err, ErrNoServiceName):
		http.Error(w, err.Error(), http.StatusNotFound)
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadGateway)
	default:
		writeJSON(w, peers)
	}
}

func (s *Service) ready(w http.ResponseWriter, _ *http.Request) {
	if s.unready.Load() {
		http.Error(w, "not ready", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ready")
}

func (s *Service) setReady(w http.ResponseWriter, r *http.Request) {
	switch state := r.URL.Query().Get("state"); state {
	case "on", "off":
		s.unready.Store(state == "off")
		fmt.Fprintln(w, state)
	default:
		http.Error(w, fmt.Sprintf("state is %q: it must be on or off", state), http.StatusBadRequest)
	}
}

// DNSPeers looks up the SRV records of a Service, in the Pod's own search domains, and the addresses behind them.
func DNSPeers(service string) func(context.Context) ([]Peer, error) {
	return func(ctx context.Context) ([]Peer, error) {
		if service == "" {
			return nil, ErrNoServiceName
		}
		peers := []Peer{}
		_, records, err := net.DefaultResolver.LookupSRV(ctx, "", "", service)
		if missing(err) {
			return peers, nil
		}
		if err != nil {
			return nil, err
		}
		for _, record := range records {
			addresses, err := net.DefaultResolver.LookupHost(ctx, record.Target)
			if err != nil && !missing(err) {
				return nil, err
			}
			peers = append(peers, Peer{strings.TrimSuffix(record.Target, "."), record.Port, append([]string{}, addresses...)})
		}
		return peers, nil
	}
}

// missing tells a name without records from a name server that does not answer.
func missing(err error) bool {
	var problem *net.DNSError
	return errors.As(err, &problem) && problem.IsNotFound
}

func writeJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value)
}
