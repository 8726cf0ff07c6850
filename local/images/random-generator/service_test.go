package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func request(t *testing.T, handler http.Handler, method, target string) (int, string) {
	t.Helper()
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequest(method, target, nil))
	return recorder.Code, recorder.Body.String()
}

func withLog(t *testing.T, path string) *Service {
	t.Helper()
	log, err := OpenLog(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	return &Service{Instance: "rg-0", Version: "1.0", Log: log}
}

func TestARandomNumberComesWithTheInstanceAndItsLineInTheLog(t *testing.T) {
	service := withLog(t, filepath.Join(t.TempDir(), "random.log"))
	for line := 1; line <= 3; line++ {
		code, body := request(t, service.Handler(), "GET", "/")
		var answer Answer
		if err := json.Unmarshal([]byte(body), &answer); err != nil || code != 200 {
			t.Fatal(code, body, err)
		}
		if answer.Instance != "rg-0" || answer.Version != "1.0" || answer.Line != line {
			t.Fatalf("%+v", answer)
		}
		_, logs := request(t, service.Handler(), "GET", "/logs")
		lines := strings.Split(strings.TrimSpace(logs), "\n")
		if len(lines) != line || !strings.HasPrefix(lines[line-1], fmt.Sprint(line, " ")) ||
			!strings.HasSuffix(lines[line-1], fmt.Sprint(" rg-0 ", answer.Random)) {
			t.Fatal(logs)
		}
	}
}

func TestTheNumbersGoOnAfterARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "random.log")
	for line := 1; line <= 2; line++ {
		service := withLog(t, path)
		if _, body := request(t, service.Handler(), "GET", "/"); !strings.Contains(body, fmt.Sprintf(`"line":%d`, line)) {
			t.Fatal(body)
		}
	}
}

func TestAHalfWrittenLineIsEndedAndNothingIsLost(t *testing.T) {
	path := filepath.Join(t.TempDir(), "random.log")
	if err := os.WriteFile(path, []byte("1 a\n2 b"), 0o600); err != nil {
		t.Fatal(err)
	}
	service := withLog(t, path)
	request(t, service.Handler(), "GET", "/")
	_, logs := request(t, service.Handler(), "GET", "/logs")
	if !strings.HasPrefix(logs, "1 a\n2 b\n3 ") {
		t.Fatal(logs)
	}
}

func TestRequestsAtTheSameTimeGetLinesOfTheirOwn(t *testing.T) {
	service := withLog(t, filepath.Join(t.TempDir(), "random.log"))
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() { request(t, service.Handler(), "GET", "/") })
	}
	group.Wait()
	_, logs := request(t, service.Handler(), "GET", "/logs")
	for number, line := range strings.Split(strings.TrimSpace(logs), "\n") {
		if !strings.HasPrefix(line, fmt.Sprint(number+1, " ")) {
			t.Fatal(logs)
		}
	}
}

func TestALogThatCannotBeWrittenIsAnErrorAndNotASilentLoss(t *testing.T) {
	service := withLog(t, filepath.Join(t.TempDir(), "random.log"))
	service.Log.Close()
	if code, body := request(t, service.Handler(), "GET", "/"); code != 500 {
		t.Fatal(code, body)
	}
}

func TestWithoutALogThereAreStillNumbers(t *testing.T) {
	service := &Service{Instance: "rg-0"}
	if code, body := request(t, service.Handler(), "GET", "/"); code != 200 || strings.Contains(body, "line") {
		t.Fatal(code, body)
	}
	if code, _ := request(t, service.Handler(), "GET", "/logs"); code != 404 {
		t.Fatal(code)
	}
}

func TestReadinessIsSwitchedOffAndOn(t *testing.T) {
	handler := (&Service{}).Handler()
	for _, each := range []struct {
		method, target string
		code           int
	}{
		{"GET", "/ready", 200},
		{"PUT", "/ready?state=off", 200},
		{"GET", "/ready", 503},
		{"GET", "/healthz", 200},
		{"POST", "/ready?state=on", 200},
		{"GET", "/ready", 200},
		{"PUT", "/ready?state=maybe", 400},
		{"GET", "/ready", 200},
	} {
		if code, body := request(t, handler, each.method, each.target); code != each.code {
			t.Fatal(each, code, body)
		}
	}
}

func TestPeersAreListedAsJSON(t *testing.T) {
	answer := []Peer{{"rg-0.random-generator.default.svc.cluster.local", 8080, []string{"10.244.0.7"}}}
	var failure error
	service := &Service{Peers: func(context.Context) ([]Peer, error) { return answer, failure }}
	code, body := request(t, service.Handler(), "GET", "/peers")
	want := `[{"name":"rg-0.random-generator.default.svc.cluster.local","port":8080,"addresses":["10.244.0.7"]}]`
	if code != 200 || strings.TrimSpace(body) != want {
		t.Fatal(code, body)
	}
	failure = errors.New("the name server does not answer")
	if code, _ := request(t, service.Handler(), "GET", "/peers"); code != 502 {
		t.Fatal(code)
	}
	service.Peers = DNSPeers("")
	if code, _ := request(t, service.Handler(), "GET", "/peers"); code != 404 {
		t.Fatal(code)
	}
}

func TestARequestUnderWayIsAnsweredWhenToldToStop(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stop, cancel := context.WithCancel(context.Background())
	slow := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		cancel()
		time.Sleep(100 * time.Millisecond)
		fmt.Fprint(w, "finished")
	})
	ended := make(chan error, 1)
	go func() { ended <- serve(stop, listener, slow) }()
	response, err := http.Get("http://" + listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(response.Body)
	response.Body.Close()
	if string(body) != "finished" {
		t.Fatal(string(body))
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(time.Second):
		t.Fatal("it did not end within a second")
	}
}

func TestGetPrintsTheAnswerAndFailsWithoutSuccess(t *testing.T) {
	server := httptest.NewServer((&Service{Version: "1.0"}).Handler())
	var body strings.Builder
	if err := get(&body, server.URL+"/version"); err != nil || body.String() != "1.0\n" {
		t.Fatal(err, body.String())
	}
	if err := get(io.Discard, server.URL+"/nothing-there"); err == nil || !strings.HasSuffix(err.Error(), "answers 404 Not Found") {
		t.Fatal(err)
	}
	server.Close()
	if err := get(io.Discard, server.URL); err == nil {
		t.Fatal("nobody is there")
	}
}
