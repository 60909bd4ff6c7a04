// Command storebench measures the storage engines side by side with Pebble, as an engine and
// alone, and a Go map, and answers the five questions of the thesis that they come from:
// compare, snapshots, recovery, lazy, sweep and global measure one thing each, and report
// makes all of their measurements and writes one page.
//
// A figure that there is not, as merges of the map, is "-" in a table, null in JSON, and empty
// in CSV.
//
// It works in temporary directories, which it removes, and leaves behind what --keep
// and --out name. Everything it lists fits into 80 columns; --json prints an object a
// line, for scripts.
//
// Exit codes: 0 measured, 1 an engine failed or lost something, 3 called in a way that
// it cannot be, or an output or a file cannot be written, 130 interrupted, 141 if whoever
// read its output is gone, as of a program that SIGPIPE ends. Of several the gravest
// counts: 1 over 3 over 141 over 130.
//
// An interrupt (Ctrl-C, SIGINT or SIGTERM) ends every command at once; what was
// measured until then stands. A second one ends it without that.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the next one ends the process
	// Asked for, the signal of a closed pipe does not end the process, and the write
	// fails instead: so temporary directories are removed first.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	c := &cli{ctx: ctx, in: os.Stdin, out: os.Stdout, err: os.Stderr}
	os.Exit(c.main(os.Args[1:]))
}
