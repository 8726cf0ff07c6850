package main

import (
	"strings"
	"testing"

	"github.com/anishathalye/porcupine"
)

func check(t *testing.T, lines ...string) bool {
	t.Helper()
	history, err := read(strings.NewReader(strings.Join(lines, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return porcupine.CheckOperations(model, history)
}

func TestAnOlderValueAfterANewerOneIsSeen(t *testing.T) {
	first := `{"client": 1, "key": "a", "put": "1", "call": 1, "return": 2}`
	second := `{"client": 1, "key": "a", "put": "2", "call": 3, "return": 4}`
	if !check(t, first, second, `{"client": 2, "key": "a", "got": "2", "call": 5, "return": 6}`) {
		t.Error("the newest value is refused")
	}
	if check(t, first, second, `{"client": 2, "key": "a", "got": "1", "call": 5, "return": 6}`) {
		t.Error("a lost write is not seen")
	}
	if !check(t, first, `{"client": 2, "key": "b", "got": "", "call": 5, "return": 6}`) {
		t.Error("keys are mixed up")
	}
}

func TestAWriteWithoutAnswerMayTakeEffectLaterOrNever(t *testing.T) {
	lost := `{"client": 1, "key": "a", "put": "1", "call": 1, "return": null}`
	for _, got := range []string{"", "1"} {
		if !check(t, lost, `{"client": 2, "key": "a", "got": "`+got+`", "call": 5, "return": 6}`) {
			t.Error(got)
		}
	}
	later := `{"client": 2, "key": "a", "got": "1", "call": 5, "return": 6}`
	if check(t, lost, later, `{"client": 2, "key": "a", "got": "", "call": 7, "return": 8}`) {
		t.Error("a value that vanishes is not seen")
	}
}
