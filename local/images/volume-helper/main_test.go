package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAVolumeIsAFolderThatEverybodyCanWriteTo(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "volume")
	if err := run("create", folder); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(folder)
	if err != nil || info.Mode().Perm() != 0o777 {
		t.Fatalf("mode %v, error %v", info.Mode(), err)
	}
}

func TestCreatingAnExistingVolumeKeepsItsData(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "data")
	if err := os.WriteFile(file, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run("create", folder); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Fatal(err)
	}
}

func TestDeletingRemovesTheFolder(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "volume")
	if err := run("create", folder); err != nil {
		t.Fatal(err)
	}
	if err := run("delete", folder); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(folder); !os.IsNotExist(err) {
		t.Fatal("the folder is still there")
	}
}

func TestAnUnknownActionIsRefused(t *testing.T) {
	if run("", t.TempDir()) == nil || run("create", "") == nil {
		t.Fatal("no error")
	}
}
