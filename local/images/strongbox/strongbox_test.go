package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestAnyThreeOfFiveSharesGiveTheSecretBack(t *testing.T) {
	secret := []byte("a key of thirty-two bytes in all")
	shares, err := split(secret, 5, 3)
	if err != nil {
		t.Fatal(err)
	}
	for a := range 5 {
		for b := a + 1; b < 5; b++ {
			if found, err := combine([][]byte{shares[a], shares[b]}); err != nil || bytes.Equal(found, secret) {
				t.Errorf("two shares give %q, %v", found, err)
			}
			for c := b + 1; c < 5; c++ {
				if found, err := combine([][]byte{shares[c], shares[a], shares[b]}); err != nil || !bytes.Equal(found, secret) {
					t.Errorf("shares %d, %d and %d give %q, %v", a, b, c, found, err)
				}
			}
		}
	}
	if _, err := combine([][]byte{shares[0], shares[0], shares[1]}); err == nil {
		t.Error("the same share counts twice")
	}
}

func serverIn(t *testing.T, folder, primary string) *server {
	t.Helper()
	made, err := newServer(folder, "one", primary, 100*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func asked(t *testing.T, mine *server, method, path, content string) (int, string) {
	t.Helper()
	recorder := httptest.NewRecorder()
	mine.handler().ServeHTTP(recorder, httptest.NewRequest(method, path, strings.NewReader(content)))
	text, err := io.ReadAll(recorder.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return recorder.Code, string(text)
}

func TestItIsInitialisedOnceAndSealedAfterAStart(t *testing.T) {
	folder := t.TempDir()
	mine := serverIn(t, folder, "")
	if code, _ := asked(t, mine, http.MethodGet, "/v1/health", ""); code != http.StatusServiceUnavailable {
		t.Errorf("before it is initialised, health is %d", code)
	}
	code, printed := asked(t, mine, http.MethodPost, "/v1/init", "")
	if code != http.StatusOK || strings.Count(printed, `",`) != shareCount-1 {
		t.Fatalf("init answers %d: %s", code, printed)
	}
	if code, _ := asked(t, mine, http.MethodPost, "/v1/init", ""); code != http.StatusConflict {
		t.Errorf("a second init is answered with %d", code)
	}
	keysFile := filepath.Join(t.TempDir(), "output")
	if err := os.WriteFile(keysFile, []byte(printed), 0o600); err != nil {
		t.Fatal(err)
	}

	again := serverIn(t, folder, "")
	if code, _ := asked(t, again, http.MethodGet, "/v1/health", ""); code != http.StatusServiceUnavailable {
		t.Errorf("after a start, health is %d", code)
	}
	again.unsealByFile(keysFile)
	if code, _ := asked(t, again, http.MethodGet, "/v1/health", ""); code != http.StatusOK {
		t.Errorf("with its keys, health is %d", code)
	}
}

func TestAWriteIsAcknowledgedWhenAStandbyHasIt(t *testing.T) {
	mine := serverIn(t, t.TempDir(), "")
	asked(t, mine, http.MethodPost, "/v1/init", "")
	if code, _ := asked(t, mine, http.MethodPut, "/v1/secrets/a", "1"); code != http.StatusServiceUnavailable {
		t.Errorf("without a standby, a write is answered with %d", code)
	}
	mine.records.isCopied("two", 3)
	if code, _ := asked(t, mine, http.MethodPut, "/v1/secrets/b", "2"); code != http.StatusNoContent {
		t.Errorf("with a standby, a write is answered with %d", code)
	}
	if _, found := asked(t, mine, http.MethodGet, "/v1/secrets", ""); found != "{\"a\":\"1\",\"b\":\"2\"}\n" {
		t.Errorf("the secrets are %s", found)
	}
	if content, _ := os.ReadFile(mine.records.file.Name()); bytes.Contains(content, []byte(`"b"`)) {
		t.Error("a secret is on the disk as it is")
	}
}

func TestAPrimaryThatHasLostItsDataIsNotInitialisedAgain(t *testing.T) {
	mine := serverIn(t, t.TempDir(), "")
	if code, _ := asked(t, mine, http.MethodGet, "/v1/records?after=7&standby=two", ""); code != http.StatusConflict {
		t.Errorf("a standby that is ahead is answered with %d", code)
	}
	if code, _ := asked(t, mine, http.MethodPost, "/v1/init", ""); code != http.StatusConflict {
		t.Errorf("init is answered with %d", code)
	}
}

func TestARecordThatACrashHasCutOffIsLeftOut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "records")
	if err := os.WriteFile(path, []byte("whole\ncut o"), 0o600); err != nil {
		t.Fatal(err)
	}
	opened, err := openRecords(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := opened.add([]byte("next")); err != nil {
		t.Fatal(err)
	}
	if content, _ := os.ReadFile(path); string(content) != "whole\nnext\n" {
		t.Errorf("the file has %q", content)
	}
}
