package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"
)

// How long a standby waits for records, and a command for a server at least.
const patience = 2 * time.Second

// server is one instance. The primary takes writes; standbys copy its records, also while they are sealed.
type server struct {
	name    string
	primary string // empty for the primary itself
	records *records
	timeout time.Duration // of a write

	mutex   sync.Mutex
	barrier *barrier
	given   []string // keys, until there are enough
}

type status struct {
	Initialised bool `json:"initialised"`
	Sealed      bool `json:"sealed"`
	Primary     bool `json:"primary"`
	Records     int  `json:"records"`
}

type keys struct {
	Keys []string `json:"unseal_keys"`
}

func newServer(folder, name, primary string, timeout time.Duration) (*server, error) {
	opened, err := openRecords(filepath.Join(folder, "records"))
	if err != nil {
		return nil, err
	}
	return &server{name: name, primary: primary, records: opened, timeout: timeout}, nil
}

func (mine *server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", func(answer http.ResponseWriter, _ *http.Request) { write(answer, mine.status()) })
	mux.HandleFunc("GET /v1/health", mine.health)
	mux.HandleFunc("POST /v1/init", mine.initialise)
	mux.HandleFunc("POST /v1/unseal", mine.takeKey)
	mux.HandleFunc("GET /v1/records", mine.giveRecords)
	mux.HandleFunc("GET /v1/secrets", mine.list)
	mux.HandleFunc("PUT /v1/secrets/{name}", mine.put)
	return mux
}

func write(answer http.ResponseWriter, content any) {
	answer.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(answer).Encode(content); err != nil {
		log.Print(err)
	}
}

func (mine *server) opened() *barrier {
	mine.mutex.Lock()
	defer mine.mutex.Unlock()
	return mine.barrier
}

func (mine *server) status() status {
	count := mine.records.count()
	return status{count > 0, mine.opened() == nil, mine.primary == "", count}
}

func (mine *server) health(answer http.ResponseWriter, _ *http.Request) {
	if now := mine.status(); now.Sealed {
		http.Error(answer, "sealed", http.StatusServiceUnavailable)
	}
}

// initialise makes the keys, and gives them away: it keeps none.
func (mine *server) initialise(answer http.ResponseWriter, _ *http.Request) {
	mine.mutex.Lock()
	defer mine.mutex.Unlock()
	if mine.primary != "" {
		http.Error(answer, "this is a standby; initialise the primary", http.StatusConflict)
		return
	}
	if mine.records.count() > 0 || mine.records.mostCopied() > 0 {
		http.Error(answer, "it is initialised already, or a standby has data that this server has lost", http.StatusConflict)
		return
	}
	made, shares, first, err := newKeys()
	if err == nil {
		_, err = mine.records.add(first)
	}
	if err != nil {
		http.Error(answer, err.Error(), http.StatusInternalServerError)
		return
	}
	mine.barrier = &made
	write(answer, keys{shares})
}

func (mine *server) takeKey(answer http.ResponseWriter, request *http.Request) {
	content, err := io.ReadAll(io.LimitReader(request.Body, 1<<10))
	if err != nil {
		http.Error(answer, err.Error(), http.StatusBadRequest)
		return
	}
	if err := mine.unseal(string(bytes.TrimSpace(content))); err != nil {
		http.Error(answer, err.Error(), http.StatusBadRequest)
		return
	}
	write(answer, mine.status())
}

// unseal takes one key; with enough of them the server opens its data.
func (mine *server) unseal(key string) error {
	mine.mutex.Lock()
	defer mine.mutex.Unlock()
	first := mine.records.first()
	switch {
	case first == nil:
		return fmt.Errorf("it has no data yet: it is not initialised, or has not copied them from the primary")
	case mine.barrier != nil || slices.Contains(mine.given, key):
		return nil
	}
	mine.given = append(mine.given, key)
	if len(mine.given) < threshold {
		return nil
	}
	made, err := unsealed(mine.given, first)
	mine.given = nil
	if err == nil {
		mine.barrier = &made
	}
	return err
}

// put answers when the record is on the disk here and on that of a standby.
func (mine *server) put(answer http.ResponseWriter, request *http.Request) {
	opened := mine.opened()
	if mine.primary != "" || opened == nil {
		http.Error(answer, "this is a standby, or it is sealed", http.StatusServiceUnavailable)
		return
	}
	value, err := io.ReadAll(io.LimitReader(request.Body, 1<<20))
	if err != nil {
		http.Error(answer, err.Error(), http.StatusBadRequest)
		return
	}
	line, err := opened.sealSecret(secret{request.PathValue("name"), string(value)})
	if err != nil {
		http.Error(answer, err.Error(), http.StatusInternalServerError)
		return
	}
	number, err := mine.records.add(line)
	if err != nil {
		log.Fatal(err) // what is on the disk is unknown now
	}
	if !mine.records.waitForCopy(number, mine.timeout) {
		http.Error(answer, "written, but no standby has it yet", http.StatusServiceUnavailable)
		return
	}
	answer.WriteHeader(http.StatusNoContent)
}

// list gives all secrets, by name.
func (mine *server) list(answer http.ResponseWriter, _ *http.Request) {
	opened := mine.opened()
	if opened == nil {
		http.Error(answer, "sealed", http.StatusServiceUnavailable)
		return
	}
	found := map[string]string{}
	lines := mine.records.after(0, 0)
	for _, line := range lines[min(1, len(lines)):] {
		one, err := opened.openSecret(line)
		if err != nil {
			http.Error(answer, err.Error(), http.StatusInternalServerError)
			return
		}
		found[one.Name] = one.Value
	}
	write(answer, found)
}

// giveRecords gives a standby what comes after what it has, which it thereby tells.
func (mine *server) giveRecords(answer http.ResponseWriter, request *http.Request) {
	number, err := strconv.Atoi(request.URL.Query().Get("after"))
	if err != nil || number < 0 {
		http.Error(answer, "after must be a number", http.StatusBadRequest)
		return
	}
	mine.records.isCopied(request.URL.Query().Get("standby"), number)
	if number > mine.records.count() {
		http.Error(answer, "the primary has fewer records: it has lost data", http.StatusConflict)
		return
	}
	for _, line := range mine.records.after(number, patience) {
		_, _ = answer.Write(append(slices.Clone(line), '\n'))
	}
}

// follow copies from the primary for ever.
func (mine *server) follow() {
	client := http.Client{Timeout: 2 * patience}
	for {
		if err := mine.copyFrom(&client); err != nil {
			log.Print(err)
			time.Sleep(200 * time.Millisecond)
		}
	}
}

func (mine *server) copyFrom(client *http.Client) error {
	query := url.Values{"after": {strconv.Itoa(mine.records.count())}, "standby": {mine.name}}
	answer, err := client.Get(fmt.Sprintf("http://%s:%d/v1/records?%s", mine.primary, port, query.Encode()))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the primary answers: %s", bytes.TrimSpace(content))
	}
	if lines := linesOf(content); len(lines) > 0 {
		_, err = mine.records.add(lines...)
	}
	return err
}

// unsealByFile opens the data by keys in a file, when there are both.
func (mine *server) unsealByFile(path string) {
	for ; mine.opened() == nil; time.Sleep(200 * time.Millisecond) {
		var found keys
		content, err := os.ReadFile(path)
		if err != nil || json.Unmarshal(content, &found) != nil {
			continue
		}
		for _, key := range found.Keys[:min(threshold, len(found.Keys))] {
			_ = mine.unseal(key)
		}
	}
}
