package main

import (
	"bytes"
	"os"
	"sync"
	"time"
)

// records is a file to which lines are appended. A line is on the disk before anybody sees it.
type records struct {
	mutex   sync.Mutex
	changed *sync.Cond
	file    *os.File
	lines   [][]byte
	// How many lines each standby has on its disk.
	copied map[string]int
}

func openRecords(path string) (*records, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	// What a crash has cut off was never acknowledged.
	whole := content[:bytes.LastIndexByte(content, '\n')+1]
	if err := file.Truncate(int64(len(whole))); err != nil {
		return nil, err
	}
	if _, err := file.Seek(0, 2); err != nil {
		return nil, err
	}
	made := &records{file: file, lines: linesOf(whole), copied: map[string]int{}}
	made.changed = sync.NewCond(&made.mutex)
	return made, nil
}

func linesOf(content []byte) [][]byte {
	if len(content) == 0 {
		return nil
	}
	return bytes.Split(bytes.TrimSuffix(content, []byte("\n")), []byte("\n"))
}

// add appends lines, and returns how many there are then.
func (all *records) add(lines ...[]byte) (int, error) {
	all.mutex.Lock()
	defer all.mutex.Unlock()
	content := append(bytes.Join(lines, []byte("\n")), '\n')
	if _, err := all.file.Write(content); err != nil {
		return 0, err
	}
	if err := all.file.Sync(); err != nil {
		return 0, err
	}
	all.lines = append(all.lines, lines...)
	all.changed.Broadcast()
	return len(all.lines), nil
}

func (all *records) count() int {
	all.mutex.Lock()
	defer all.mutex.Unlock()
	return len(all.lines)
}

// first has the line that was written when the data were initialised; nil before that.
func (all *records) first() []byte {
	all.mutex.Lock()
	defer all.mutex.Unlock()
	if len(all.lines) == 0 {
		return nil
	}
	return all.lines[0]
}

// after gives the lines from a number on; it waits for one up to patience.
func (all *records) after(number int, patience time.Duration) [][]byte {
	all.mutex.Lock()
	defer all.mutex.Unlock()
	all.wait(patience, func() bool { return len(all.lines) > number })
	return all.lines[min(number, len(all.lines)):]
}

// isCopied notes how much a standby has.
func (all *records) isCopied(standby string, number int) {
	all.mutex.Lock()
	defer all.mutex.Unlock()
	all.copied[standby] = number
	all.changed.Broadcast()
}

// mostCopied tells how many lines the standby with the most has.
func (all *records) mostCopied() int {
	all.mutex.Lock()
	defer all.mutex.Unlock()
	return all.highest()
}

// waitForCopy tells whether a standby has so many lines, after up to patience.
func (all *records) waitForCopy(number int, patience time.Duration) bool {
	all.mutex.Lock()
	defer all.mutex.Unlock()
	return all.wait(patience, func() bool { return all.highest() >= number })
}

func (all *records) highest() int {
	most := 0
	for _, number := range all.copied {
		most = max(most, number)
	}
	return most
}

func (all *records) wait(patience time.Duration, condition func() bool) bool {
	over := false
	timer := time.AfterFunc(patience, func() {
		all.mutex.Lock()
		defer all.mutex.Unlock()
		over = true
		all.changed.Broadcast()
	})
	defer timer.Stop()
	for !condition() && !over {
		all.changed.Wait()
	}
	return condition()
}
