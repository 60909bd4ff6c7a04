// Package programs holds the event-log programs that are shipped, each a file in
// the text form of package edelweiss that opens with what it does and what must be
// reclaimed from it. They are those of Conway et al., "Edelweiss" (VLDB 2014),
// written anew; edits to them are held by tests of packages reclaim and trial.
package programs

import (
	"embed"
	"fmt"
	"strings"

	"github.com/joinery-go/joinery/lattice/edelweiss"
)

//go:embed *.dl
var files embed.FS

// Names lists the programs, sorted.
func Names() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic("programs: the embedded files cannot be listed: " + err.Error())
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".dl"))
	}
	return names
}

// Source is the text of a program.
func Source(name string) (string, error) {
	text, err := files.ReadFile(name + ".dl")
	if err != nil {
		return "", fmt.Errorf("programs: no program %q: choose one of %s", name, strings.Join(Names(), ", "))
	}
	return string(text), nil
}

// Load parses and checks a program.
func Load(name string) (*edelweiss.Program, error) {
	text, err := Source(name)
	if err != nil {
		return nil, err
	}
	p, err := edelweiss.Parse(text)
	if err == nil {
		err = edelweiss.Check(p)
	}
	if err != nil {
		return nil, fmt.Errorf("programs: %s.dl: %w", name, err)
	}
	return p, nil
}
