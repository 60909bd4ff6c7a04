// Command simfuzz fuzzes the store in a simulated world, replays what failed,
// judges recorded histories, and shows that the harness kills what it must.
//
// It is the main job of this repository: without arguments it runs for about ten
// seconds on all cores and says what it found. It talks to nobody but its
// terminal, with serve to browsers on its own machine, and with campaign and merge
// to the buckets that they are given, and writes nothing but run folders of failing
// seeds and those buckets. Everything it lists fits into 80 columns.
//
// Exit codes: 0 holds, 1 violated, 2 undecided or incomplete, 3 the tool itself
// failed, 130 interrupted without a violation, 141 if whoever read its output is
// gone, as of a program that SIGPIPE ends. Of several the gravest counts: 1 over
// 3 over 141 over 130 over 2.
//
// An interrupt (Ctrl-C, SIGINT or SIGTERM, or SIGHUP where its terminal goes) ends
// every command at once; what was found until then is printed and kept. A second
// one ends it without that. What is killed otherwise, as by a system that has no
// memory left, says nothing: a summary that is not there is one of nothing.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	context.AfterFunc(ctx, stop) // the next one ends the process
	// Asked for, the signal of a closed pipe does not end the process, and the write
	// fails instead: so failing seeds are kept first.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	c := &cli{ctx: ctx, in: os.Stdin, out: os.Stdout, err: os.Stderr, program: thisProgram()}
	os.Exit(c.main(os.Args[1:]))
}
