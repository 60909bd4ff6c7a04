// Command simfuzz fuzzes the store in a simulated world, replays what failed,
// judges recorded histories, and shows that the harness kills what it must.
//
// It is the main job of this repository: without arguments it runs for about ten
// seconds on all cores and says what it found. It talks to nobody but its
// terminal and writes nothing but run folders of failing seeds.
//
// Exit codes: 0 holds, 1 violated, 2 undecided or incomplete, 3 the tool itself
// failed, 130 interrupted without a violation.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	c := &cli{ctx: ctx, in: os.Stdin, out: os.Stdout, err: os.Stderr}
	code := c.main(os.Args[1:])
	stop()
	os.Exit(code)
}
