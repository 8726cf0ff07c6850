// Tells whether what clients saw of a store of keys can be explained by one order of their operations, in which each
// takes effect between its call and its answer (linearisability). The tests keep such histories while nodes fail.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
)

// operation is a line of a history. Without Return, the client never learned whether it took effect.
type operation struct {
	Client int     `json:"client"`
	Key    string  `json:"key"`
	Put    *string `json:"put"`
	Got    string  `json:"got"`
	Call   int64   `json:"call"`
	Return *int64  `json:"return"`
}

// model is a register for each key: it has the value that was put last, or none.
var model = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		keys := map[string][]porcupine.Operation{}
		for _, each := range history {
			key := each.Input.(operation).Key
			keys[key] = append(keys[key], each)
		}
		parts := [][]porcupine.Operation{}
		for _, part := range keys {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() any { return "" },
	Step: func(state, input, output any) (bool, any) {
		if put := input.(operation).Put; put != nil {
			return true, *put
		}
		return output.(string) == state.(string), state
	},
}

func main() {
	history, err := read(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	result := porcupine.CheckOperationsTimeout(model, history, 5*time.Minute)
	fmt.Println(result, len(history))
	if result != porcupine.Ok {
		os.Exit(1)
	}
}

func read(input io.Reader) ([]porcupine.Operation, error) {
	found := []porcupine.Operation{}
	for lines := json.NewDecoder(input); ; {
		var each operation
		if err := lines.Decode(&each); err == io.EOF {
			return slices.Clip(found), nil
		} else if err != nil {
			return nil, err
		}
		end := int64(math.MaxInt64)
		if each.Return != nil {
			end = *each.Return
		}
		found = append(found, porcupine.Operation{
			ClientId: each.Client, Input: each, Call: each.Call, Output: each.Got, Return: end,
		})
	}
}
