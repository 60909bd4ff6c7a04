package mutants

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/joinery-go/joinery/cmd/simfuzz/internal/mutants/mechanical"
)

// limits bound one run of a mutant's program, which may loop or eat memory for ever.
type limits struct {
	processor time.Duration // of the processor, whatever else the machine does
	elapsed   time.Duration // on the wall, for what waits for ever
	memory    int64         // bytes of address space
}

// What a mutant's run may take, given what the clean program's took.
const (
	leastLimit   = 7 * time.Second // longer than a campaign goes without a line of progress
	limitFactor  = 5
	elapsedLimit = 20 // for each second of the processor: on a busy machine it takes as long
	memoryLimit  = 4 << 30
)

func limitsFor(clean time.Duration) limits {
	processor := (leastLimit + limitFactor*clean).Round(time.Second)
	return limits{processor: processor, elapsed: elapsedLimit * processor, memory: memoryLimit}
}

// ending is how a limited run ended.
type ending struct {
	stdout, stderr []byte
	code           int  // exit code; -1 where a signal ended it
	limited        bool // a limit ended it
	processor      time.Duration
}

// limited runs a program in dir with variables added to the environment, under limits
// where the system has them. An error means that it did not run, or that the context
// is done.
func limited(ctx context.Context, l limits, dir string, variables []string, program string, args ...string) (ending, error) {
	within, cancel := context.WithTimeout(ctx, l.elapsed)
	defer cancel()
	name, rest := limitedCommand(l, program, args)
	cmd := command(within, name, rest...)
	cmd.Dir = dir
	// A switch set around all of this, as where its own tests run as mutants, is not
	// meant for the program.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, mechanical.Switch) })
	cmd.Env = append(cmd.Env, variables...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	code := -1
	if cmd.ProcessState != nil {
		code = cmd.ProcessState.ExitCode()
	}
	if gone := interrupted(ctx, code, err); gone != nil {
		return ending{}, gone
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && within.Err() == nil {
		return ending{}, err
	}
	e := ending{stdout: out.Bytes(), stderr: errs.Bytes(), code: code, limited: within.Err() != nil}
	if s := cmd.ProcessState; s != nil {
		e.processor = s.UserTime() + s.SystemTime()
		e.limited = e.limited || e.code < 0 && e.processor >= l.processor-time.Second ||
			bytes.Contains(e.stderr, []byte("out of memory")) || bytes.Contains(e.stderr, []byte("cannot allocate memory"))
	}
	return e, nil
}

// shellLimits has a shell set limits for the program that replaces it. What a system
// cannot limit is left to the limit on the wall.
const shellLimits = `ulimit -t "$1" 2>/dev/null; ulimit -v "$2" 2>/dev/null; ulimit -c 0 2>/dev/null; shift 2; exec "$@"`

func limitedCommand(l limits, program string, args []string) (string, []string) {
	shell, err := exec.LookPath("sh")
	if err != nil {
		return program, args
	}
	seconds := strconv.FormatInt(int64(l.processor/time.Second), 10)
	kilobytes := strconv.FormatInt(l.memory/1024, 10)
	return shell, append([]string{"-c", shellLimits, "sh", seconds, kilobytes, program}, args...)
}
