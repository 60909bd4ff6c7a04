package store_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
)

// other names the variable that makes the test's binary another process: what that is to do, the
// engine, and the directory.
const other = "JOINERY_STORE_OTHER"

// fill is what another process does that says how much memory it takes, where a system tells.
var fill func(name, dir string) error

// TestMain lets the test's own binary be another process.
func TestMain(m *testing.M) {
	if args := strings.SplitN(os.Getenv(other), " ", 3); len(args) == 3 {
		if err := beOther(args[0], args[1], args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// beOther opens an engine in a directory. It says whether that is locked and by what error, or, to
// hold it, sets a key, makes that durable, sets another, says so, and keeps the directory open until
// it is killed, or its input ends.
func beOther(do, name, dir string) error {
	if do == "fill" {
		return fill(name, dir)
	}
	e, err := openSmall(name, store.Options{Dir: dir})
	switch {
	case do == "try" && errors.Is(err, store.ErrLocked):
		fmt.Println("locked:", err)
		return nil
	case err != nil:
		return err
	case do == "try":
		fmt.Println("opened")
		return e.Close()
	}
	if err := e.Set([]byte("synced"), []byte("by another")); err != nil {
		return err
	}
	if err := e.Sync(); err != nil {
		return err
	}
	if err := e.Set([]byte("set"), []byte("after that")); err != nil {
		return err
	}
	fmt.Println("held")
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// process is the test's binary as another process, and its output. Its input ends with this one.
func process(t *testing.T, do, name, dir string) (cmd *exec.Cmd, out *bufio.Reader) {
	t.Helper()
	binary, err := os.Executable()
	require.NoError(t, err)
	cmd = exec.CommandContext(t.Context(), binary) // which the end of the test kills
	cmd.Env = append(os.Environ(), other+"="+do+" "+name+" "+dir)
	cmd.Stderr = os.Stderr
	_, err = cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	return cmd, bufio.NewReader(stdout)
}

// tries has another process try to open a directory, and returns what it says.
func tries(t *testing.T, name, dir string) string {
	t.Helper()
	cmd, out := process(t, "try", name, dir)
	said, err := io.ReadAll(out)
	require.NoError(t, err)
	require.NoError(t, cmd.Wait())
	return string(said)
}

// TestTwoProcesses has two processes open one directory of the operating system's. While one has
// it, the other is told that it is locked, whichever of them came first, and once the one has
// closed it or was killed it is free; what it had synced is there.
func TestTwoProcesses(t *testing.T) {
	for _, name := range allEngines {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "engine")
			locked := func(err error) {
				t.Helper()
				require.ErrorIs(t, err, store.ErrLocked)
				require.ErrorContains(t, err, dir)
			}
			e, err := openSmall(name, store.Options{Dir: dir})
			require.NoError(t, err)
			require.NoError(t, e.Set([]byte("k"), []byte("v")))
			said := tries(t, name, dir)
			require.Contains(t, said, "locked: ")
			require.Contains(t, said, dir, "and it is said what")
			_, err = openSmall(name, store.Options{Dir: dir})
			locked(err)
			require.Contains(t, tries(t, name, dir), "locked: ", "also once this process has been refused")
			holds(t, e, "k", "v")
			require.NoError(t, e.Close())
			require.Equal(t, "opened\n", tries(t, name, dir))

			for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
				cmd, out := process(t, "hold", name, dir)
				line, err := out.ReadString('\n')
				require.NoError(t, err)
				require.Equal(t, "held\n", line)
				_, err = openSmall(name, store.Options{Dir: dir})
				locked(err)
				require.NoError(t, cmd.Process.Signal(signal))
				require.Error(t, cmd.Wait(), "it was killed")
				e, err := openSmall(name, store.Options{Dir: dir})
				require.NoError(t, err, "the lock is free")
				holds(t, e, "k", "v")
				holds(t, e, "synced", "by another")
				require.NoError(t, e.Close())
			}
		})
	}
}
