package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim/campaign"
)

// stdinPath is the argument that means standard input.
const stdinPath = "-"

// input is one history to judge.
type input struct {
	name   string  // for messages
	path   string  // a file, or stdinPath
	walked bool    // met in a folder, not named by the user
	parts  []input // files that are one history together; nil if it is one by itself
	passed string  // why it is passed over unread; "" if it is not
}

// extensions tells, while a folder is walked, the histories of a format from
// what else lies there. A format without one takes every file.
var extensions = map[string][]string{
	"jsonl": {".jsonl"}, "jepsen": {".edn", ".json"}, "porcupine-etcd": {".log"}, "plume": {".txt"}, "awdit": {".txt"}, "dbcop": {".bincode", ".json", ".hist"},
	"cobra": {".log"}, "viper": {".json", ".edn", ".log"}, "etcd-robustness": {".json"}, "otlp": {".json", ".jsonl"},
	history.Auto: {".jsonl", ".edn", ".json", ".log", ".txt", ".bincode", ".hist"},
}

// expand turns arguments into inputs: files as they are named, folders walked in
// lexical order for the files of the format. A folder without any is an error,
// as is standard input named twice. With join the files of each folder are one history,
// and so are those that are named.
func expand(args []string, format string, join bool) ([]input, error) {
	var inputs []input
	stdin := false
	for _, arg := range args {
		if arg == stdinPath {
			if stdin {
				return nil, fmt.Errorf("standard input is named twice")
			}
			stdin = true
			inputs = append(inputs, input{name: "<stdin>", path: stdinPath})
			continue
		}
		info, err := os.Stat(arg)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			inputs = append(inputs, input{name: arg, path: arg})
			continue
		}
		found, err := walk(arg, extensions[format])
		if err != nil {
			return nil, err
		}
		histories := slices.DeleteFunc(slices.Clone(found), func(in input) bool { return in.passed != "" })
		if join && len(histories) > 0 {
			found = []input{{name: arg, parts: histories}}
		}
		if len(histories) == 0 {
			return nil, fmt.Errorf("folder %s: no %s file in it", arg, strings.Join(extensions[format], " or "))
		}
		inputs = append(inputs, found...)
	}
	if join {
		return joined(inputs), nil
	}
	return inputs, nil
}

// joined makes one input of those that are files.
func joined(inputs []input) []input {
	var files, all []input
	for _, in := range inputs {
		if in.parts == nil {
			files = append(files, in)
		} else {
			all = append(all, in)
		}
	}
	switch n := len(files); {
	case n == 1:
		all = append(all, files[0])
	case n > 1:
		all = append(all, input{name: fmt.Sprintf("%s and %d more", files[0].name, n-1), parts: files})
	}
	return all
}

// walk lists the regular files with one of the extensions below dir, compressed ones (.gz)
// too; dotfiles and folders that start with a dot are passed by. Of a run folder of a
// campaign only its history is one; its other files are in the list, to be named.
func walk(dir string, extensions []string) ([]input, error) {
	var found []input
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path != dir && strings.HasPrefix(d.Name(), ".") {
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		if d.Type().IsRegular() && (len(extensions) == 0 || slices.Contains(extensions, filepath.Ext(strings.TrimSuffix(d.Name(), ".gz")))) {
			found = append(found, input{name: path, path: path, walked: true, passed: ofRunFolder(path)})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("walk folder %s: %w", dir, err)
	}
	return found, nil
}

// ofRunFolder says what a file is that lies in the folder of a run beside its history; ""
// if it does not.
func ofRunFolder(path string) string {
	dir, name := filepath.Split(path)
	if strings.HasPrefix(name, "history.") && name != "history.txt" {
		return ""
	}
	if !isTape(filepath.Join(dir, campaign.TapeFile)) {
		return ""
	}
	return "it is of a run folder, whose history is history.jsonl"
}

// isTape reports whether a file is a tape, by how it begins.
func isTape(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 64)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false
	}
	return tapeHead.Match(head[:n])
}

// tapeHead is how tapes begin, of the store, of protocols, and of event-log programs.
var tapeHead = regexp.MustCompile(`^\s*\{\s*"joinery_([a-z]+_)?tape"`)
