package foreign

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// ErrProgram is wrapped by every error that is the program's: it does not start, ends
// early, is silent, or answers with what is no answer.
var ErrProgram = errors.New("program")

// maxAnswer bounds the bytes of one answer.
const maxAnswer = 16 << 20

// Program is a running command that merges. It is for one goroutine at a time. After an
// error it is of no further use, and returns the error again.
type Program struct {
	command  string
	patience time.Duration
	process  *exec.Cmd
	in       io.WriteCloser
	answers  chan answer
	stderr   *tail
	wait     func() (ended <-chan struct{})
	err      error
	requests atomic.Int64
}

// Requests is how often the program was asked. It may be called at any time.
func (p *Program) Requests() int { return int(p.requests.Load()) }

type answer struct {
	line []byte
	err  error
}

// Start runs a command line by the shell. patience is how long one answer may take.
// The program ends with ctx.
func Start(ctx context.Context, command string, patience time.Duration) (*Program, error) {
	p := &Program{command: command, patience: patience, answers: make(chan answer, 1), stderr: &tail{}}
	p.process = exec.CommandContext(ctx, "sh", "-c", "exec "+command)
	p.process.Stderr = p.stderr
	in, err := p.process.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start %q: %w", command, err)
	}
	out, err := p.process.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start %q: %w", command, err)
	}
	p.in = in
	p.wait = sync.OnceValue(func() <-chan struct{} {
		ended := make(chan struct{})
		go func() {
			_ = p.process.Wait() // how it ends is its own affair; what it wrote is there then
			close(ended)
		}()
		return ended
	})
	if err := p.process.Start(); err != nil {
		return nil, fmt.Errorf("%w: start %q: %w", ErrProgram, command, err)
	}
	go p.read(out)
	return p, nil
}

// read hands on lines until the program closes its output.
func (p *Program) read(out io.Reader) {
	lines := bufio.NewScanner(out)
	lines.Buffer(make([]byte, 0, 4096), maxAnswer)
	for lines.Scan() {
		p.answers <- answer{line: bytes.Clone(lines.Bytes())}
	}
	err := lines.Err()
	if err == nil {
		err = io.ErrUnexpectedEOF
	}
	p.answers <- answer{err: err}
	close(p.answers)
}

// Refusal is the error of a merge that refuses two states.
type Refusal struct{ Why string }

// Error is what the program says.
func (r *Refusal) Error() string { return "refused: " + r.Why }

// Merge asks for a ⊔ b. The error is a [*Refusal] where the program refuses, and else
// the program's end.
func (p *Program) Merge(a, b State) (State, error) {
	r, err := p.ask(struct {
		Merge [2]json.RawMessage `json:"merge"`
	}{[2]json.RawMessage{json.RawMessage(a), json.RawMessage(b)}})
	if err != nil {
		return "", err
	}
	if r.err != nil {
		return "", &Refusal{*r.err}
	}
	return p.state(r, "merged")
}

// Draw asks for the state that numbers make, and returns how many of them it took: all of
// them, where the program does not say. They are below 2^53, which every JSON reader keeps.
func (p *Program) Draw(numbers []uint64) (s State, used int, err error) {
	small := make([]uint64, len(numbers))
	for i, n := range numbers {
		small[i] = n >> 11
	}
	r, err := p.ask(struct {
		Draw []uint64 `json:"draw"`
	}{small})
	if err != nil {
		return "", 0, err
	}
	if r.err != nil {
		return "", 0, p.fail(fmt.Errorf("draw: %s", *r.err), "give examples of states with --states where it cannot draw")
	}
	used = len(numbers)
	if r.used != nil {
		used = *r.used
	}
	if used < 0 || used > maxNumbers {
		return "", 0, p.fail(fmt.Errorf("it used %d numbers", used), fmt.Sprintf("used is how many of the numbers of draw the state was made of, from 0 to %d", maxNumbers))
	}
	s, err = p.state(r, "state")
	return s, used, err
}

// maxNumbers bounds how many numbers a state is made of.
const maxNumbers = 1 << 16

func (p *Program) state(r reply, field string) (State, error) {
	raw, ok := r.fields[field]
	if !ok {
		return "", p.fail(fmt.Errorf("to %s it answered %s, which has no field %q", clip(r.asked), clip(r.line), field),
			`answer merge by {"merged": …} and draw by {"state": …}, one line for each that is read`)
	}
	s, err := canonical(raw)
	if err != nil {
		return "", p.fail(err, "each state must be one JSON value")
	}
	return s, nil
}

// ask writes a request and waits for the line that answers it.
func (p *Program) ask(request any) (reply, error) {
	if p.err != nil {
		return reply{}, p.err
	}
	p.requests.Add(1)
	line, err := json.Marshal(request)
	if err != nil {
		return reply{}, p.fail(err, "")
	}
	timer := time.NewTimer(p.patience)
	defer timer.Stop()
	written := make(chan error, 1)
	go func() {
		_, err := p.in.Write(append(line, '\n'))
		written <- err
	}()
	var got answer
	select {
	case got = <-p.answers:
	case <-timer.C:
		return reply{}, p.fail(fmt.Errorf("no answer within %v to %s", p.patience, clip(line)), "flush the output after each line; --patience waits longer")
	}
	if got.err != nil {
		return reply{}, p.ended(line, got.err)
	}
	if err := <-written; err != nil {
		return reply{}, p.ended(line, err)
	}
	r, err := parseReply(got.line)
	if err != nil {
		return reply{}, p.fail(fmt.Errorf("to %s it answered %s: %w", clip(line), clip(got.line), err), "write one JSON object a line and nothing else to the output")
	}
	r.asked = line
	return r, nil
}

// ended is the error of a program that closed its output instead of answering asked.
func (p *Program) ended(asked []byte, err error) error {
	if errors.Is(err, bufio.ErrTooLong) {
		return p.fail(fmt.Errorf("an answer of more than %d bytes", maxAnswer), "")
	}
	p.in.Close()
	how := "closed its output"
	select { // what it said at its end may come after the end of its answers
	case <-p.wait():
		how = fmt.Sprintf("ended (%v)", p.process.ProcessState)
	case <-time.After(time.Second):
	}
	return p.fail(fmt.Errorf("it %s without an answer to request %d, %s", how, p.Requests(), clip(asked)), "it must answer each line until its input ends")
}

func (p *Program) fail(err error, remedy string) error {
	text := fmt.Sprintf("%q: %v", p.command, err)
	if remedy != "" {
		text += "; " + remedy
	}
	if said := p.stderr.String(); said != "" {
		text += "\nit wrote to its standard error:\n" + said
	}
	p.err = fmt.Errorf("%w %s", ErrProgram, text)
	return p.err
}

// Err is what went wrong with the program, nil if nothing did.
func (p *Program) Err() error { return p.err }

// Close ends the program.
func (p *Program) Close() {
	p.in.Close()
	if p.err != nil {
		_ = p.process.Process.Kill() // what hangs would not notice its input's end
	}
	go func() {
		for range p.answers { // what nobody asked for
		}
	}()
	select {
	case <-p.wait():
	case <-time.After(time.Second):
		_ = p.process.Process.Kill()
		<-p.wait()
	}
}

// tail keeps the last lines that are written to it.
type tail struct {
	mu   sync.Mutex
	kept []byte
}

func (t *tail) Write(b []byte) (int, error) {
	const most = 2000
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, b...)
	if over := len(t.kept) - most; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.kept))
}
