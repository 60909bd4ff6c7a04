// Package storetest is the conformance suite of storage engines: one generator of
// workloads, one plain map as the twin, and a disk that crashes at a chosen
// operation (sim/disk). Each operation's outcome must be the map's; after a crash
// the engine must hold a state that the map had, no older than the durability
// promises.
//
// A workload is text, an operation a line, that parses back:
//
//	set K S.N      under key K the value that serial number S and length N make
//	get K          compare the value under K
//	delete K       set an empty value
//	sync           make everything durable
//	snapshot       publish a version
//	idle           two snapshots, which must be one version
//	restore V      go back to version V, 0 for the latest
//	collect N      drop all versions but the last N
//	step           a step of background work
//	clone N        publish, give the version a branch of its own, and go on with that in a
//	               new directory, opened lazily where N is 1 and the engine can
//	split K S.N    publish, split the version into K branches by key, set a key in each to
//	               the value of S and N, publish and merge them, and go on with that
//	reopen         close and open
//	crash N M      cut the power at the Nth disk operation from here, 0 for now, and
//	               once more at the Mth disk operation of opening again, 0 for not
//
// The package is for tests. It asserts nothing about time.
package storetest

import (
	"errors"
	"fmt"
	"strings"

	"github.com/joinery-go/joinery/gen/choice"
)

// Kind is what an operation does.
type Kind uint8

// The kinds of operations.
const (
	Set Kind = iota
	Get
	Delete
	Sync
	Snapshot
	Idle
	Restore
	Collect
	Step
	Reopen
	Crash
	Clone
	Split
	kinds
)

var kindNames = [kinds]string{
	"set", "get", "delete", "sync", "snapshot", "idle", "restore", "collect", "step", "reopen", "crash", "clone", "split",
}

// Op is one operation of a workload. Which fields count depends on its kind.
type Op struct {
	Kind           Kind
	Key            int // number of a key
	Serial, Length int // of a value, Length at least 1
	N, M           int // version, versions kept, disk operations, lazily, branches
}

// String is the operation as a line.
func (o Op) String() string {
	name := kindNames[o.Kind]
	switch o.Kind {
	case Set:
		return fmt.Sprintf("%s %d %d.%d", name, o.Key, o.Serial, o.Length)
	case Get, Delete:
		return fmt.Sprintf("%s %d", name, o.Key)
	case Restore, Collect, Clone:
		return fmt.Sprintf("%s %d", name, o.N)
	case Split:
		return fmt.Sprintf("%s %d %d.%d", name, o.N, o.Serial, o.Length)
	case Crash:
		return fmt.Sprintf("%s %d %d", name, o.N, o.M)
	}
	return name
}

var errParse = errors.New("storetest: not an operation")

// ParseOp reads what [Op.String] wrote.
func ParseOp(line string) (Op, error) {
	var o Op
	name, rest, _ := strings.Cut(line, " ")
	o.Kind = kinds
	for k, n := range kindNames {
		if n == name {
			o.Kind = Kind(k)
		}
	}
	var err error
	switch o.Kind {
	case Set:
		_, err = fmt.Sscanf(rest, "%d %d.%d", &o.Key, &o.Serial, &o.Length)
	case Get, Delete:
		_, err = fmt.Sscanf(rest, "%d", &o.Key)
	case Restore, Collect, Clone:
		_, err = fmt.Sscanf(rest, "%d", &o.N)
	case Split:
		_, err = fmt.Sscanf(rest, "%d %d.%d", &o.N, &o.Serial, &o.Length)
	case Crash:
		_, err = fmt.Sscanf(rest, "%d %d", &o.N, &o.M)
	case kinds:
		err = errParse
	}
	if err != nil || o.String() != line {
		return Op{}, fmt.Errorf("%w: %q", errParse, line)
	}
	return o, nil
}

// Workload is a sequence of operations.
type Workload []Op

// String is an operation a line.
func (w Workload) String() string {
	var b strings.Builder
	for _, o := range w {
		fmt.Fprintln(&b, o)
	}
	return b.String()
}

// Parse reads what [Workload.String] wrote. Empty lines and lines that begin with #
// are passed over.
func Parse(text string) (Workload, error) {
	var w Workload
	for _, line := range strings.Split(text, "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		o, err := ParseOp(line)
		if err != nil {
			return nil, err
		}
		w = append(w, o)
	}
	return w, nil
}

// keys are those that workloads use: short and long, one a prefix of another, with
// zero bytes and high ones. The last few are never written.
var keys = []string{
	"a", "b", "ab", "\x00", "\xff\xff", "key 0000005", strings.Repeat("long", 40), "\n", "never written", "abc",
}

// Written is how many of the keys workloads write.
const Written = 8

// value is what a serial number and a length make: no two serials alike.
func value(serial, length int) string {
	unit := fmt.Sprintf("<%d>", serial)
	return strings.Repeat(unit, length/len(unit)+1)[:max(length, len(unit))]
}

// lengths of values: usual ones, the borders of length encodings and of sectors, and
// some over a small engine's buffers.
var lengths = []int{1, 20, 100, 127, 128, 480, 520, 1500, 5000}

// Draw draws a workload of n operations from src. crashes says whether the power is
// cut.
func Draw(src choice.Source, n int, crashes bool) Workload {
	key := uint64(0)
	ask := func(site string, n int) int {
		key++
		return int(src.Choose(choice.Point{Site: site, Key: key, N: uint64(n)}))
	}
	weights := [kinds]int{Set: 40, Get: 8, Delete: 12, Sync: 3, Snapshot: 8, Idle: 2, Restore: 4, Collect: 3, Step: 10, Reopen: 3, Clone: 2, Split: 1}
	if crashes {
		weights[Crash] = 7
	}
	total := 0
	for _, w := range weights {
		total += w
	}
	var w Workload
	for i := range n {
		o := Op{}
		pick := ask("kind", total)
		for pick >= weights[o.Kind] {
			pick -= weights[o.Kind]
			o.Kind++
		}
		switch o.Kind {
		case Set:
			o.Key, o.Serial, o.Length = ask("key", Written), i+1, lengths[ask("length", len(lengths))]
		case Get:
			o.Key = ask("key", len(keys))
		case Delete:
			o.Key = ask("key", Written)
		case Restore:
			o.N = ask("version", 6)
		case Collect:
			o.N = 1 + ask("keep", 3)
		case Clone:
			o.N = ask("lazily", 2)
		case Split:
			o.N, o.Serial, o.Length = 1+ask("branches", 4), i+1, lengths[ask("length", len(lengths))]
		case Crash:
			o.N = ask("after", 40)
			if ask("again", 3) == 2 {
				o.M = 1 + ask("again.after", 20)
			}
		}
		w = append(w, o)
	}
	return w
}
