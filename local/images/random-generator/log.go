package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
)

// Log is a file of numbered lines that is only ever appended to. A line that Append has returned is on the disk, and
// the numbers go on after a restart, so that a missing line shows.
type Log struct {
	mutex sync.Mutex
	file  *os.File
	last  int
}

// OpenLog opens the log, or makes it.
func OpenLog(path string) (*Log, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	log := &Log{file: file}
	if err := log.recover(); err != nil {
		file.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return log, nil
}

// recover finds the last number, and ends a line that a crash has left half written.
func (l *Log) recover() error {
	content, err := io.ReadAll(l.file)
	if err != nil || len(content) == 0 {
		return err
	}
	if content[len(content)-1] != '\n' {
		if _, err := l.file.WriteString("\n"); err != nil {
			return err
		}
	}
	for _, line := range bytes.Split(content, []byte("\n")) {
		number, _, _ := bytes.Cut(line, []byte(" "))
		if n, err := strconv.Atoi(string(number)); err == nil && n > l.last {
			l.last = n
		}
	}
	return nil
}

// Path is where the log is.
func (l *Log) Path() string { return l.file.Name() }

// Append writes a line behind its number, waits until it is on the disk, and returns the number.
func (l *Log) Append(text string) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if _, err := fmt.Fprintf(l.file, "%d %s\n", l.last+1, text); err != nil {
		return 0, err
	}
	if err := l.file.Sync(); err != nil {
		return 0, err
	}
	l.last++
	return l.last, nil
}

// Close closes the file.
func (l *Log) Close() error { return l.file.Close() }
