package store_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/appendlog"
	"github.com/joinery-go/joinery/kvs/store/hybridlog"
	"github.com/joinery-go/joinery/kvs/store/lsm"
	"github.com/joinery-go/joinery/kvs/store/pebble"
)

const (
	residentBudget = 4 << 20
	residentValue  = 1000
	residentKeys   = 10*residentBudget/residentValue + 1
	residentPerKey = 128      // bytes of an index
	residentSlack  = 12 << 20 // of the runtime, of merges and of files being read
)

// withBudget opens engines so that they keep to residentBudget.
var withBudget = map[string]func(store.Options) (store.Engine, error){
	appendlog.Name: func(o store.Options) (store.Engine, error) {
		return appendlog.Open(appendlog.Options{Options: o, BufferBytes: 2 << 20})
	},
	hybridlog.Name: func(o store.Options) (store.Engine, error) {
		return hybridlog.Open(hybridlog.Options{Options: o, PageBytes: 512 << 10, MutablePages: 4, ReadOnlyPages: 2, FoldPages: 4})
	},
	lsm.Name: func(o store.Options) (store.Engine, error) {
		return lsm.Open(lsm.Options{Options: o, MemtableBytes: 1 << 20, BufferBytes: 512 << 10})
	},
	pebble.Name: func(o store.Options) (store.Engine, error) {
		return pebble.Open(pebble.Options{Options: o, MemtableBytes: 1 << 20, CacheBytes: 1 << 20})
	},
}

func init() { fill = fillResident }

// fillResident sets ten times the budget, twice over, reads some of it, and prints by how much the
// resident set of the process has grown meanwhile, at the most, and what the engine says that it holds.
func fillResident(name, dir string) error {
	debug.SetGCPercent(20) // what the engine holds is asked, and not how seldom the collector runs
	key := func(i int) []byte { return fmt.Appendf(nil, "key-%012d", i) }
	value := func(i, round int) []byte {
		b := make([]byte, 0, residentValue+8)
		for r := rand.NewPCG(uint64(i), uint64(round)); len(b) < residentValue; {
			b = binary.LittleEndian.AppendUint64(b, r.Uint64())
		}
		return b
	}
	e, err := withBudget[name](store.Options{Dir: dir})
	if err != nil {
		return err
	}
	debug.FreeOSMemory()
	before, err := resident()
	if err != nil {
		return err
	}
	most, says := int64(0), int64(0)
	look := func() error {
		now, err := resident()
		most, says = max(most, now-before), max(says, e.Size().Memory)
		return err
	}
	for round := range 2 {
		for i := range residentKeys {
			if err := e.Set(key(i), value(i, round)); err != nil {
				return err
			}
			if i%500 == 0 {
				if err := look(); err != nil {
					return err
				}
			}
		}
	}
	for i := 0; i < residentKeys; i += 7 {
		got, err := e.Get(key(i))
		if err != nil {
			return err
		}
		if string(got) != string(value(i, 1)) {
			return fmt.Errorf("key %d: another value", i)
		}
	}
	if err := look(); err != nil {
		return err
	}
	fmt.Println(most, says, e.Size().Disk)
	return e.Close()
}

// resident is the resident set of this process, in bytes.
func resident() (int64, error) {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	_, rest, ok := strings.Cut(string(b), "VmRSS:")
	var kB int64
	if _, err := fmt.Sscan(rest, &kB); err != nil || !ok {
		return 0, errors.Join(err, errors.New("no VmRSS in /proc/self/status"))
	}
	return kB << 10, nil
}

// TestResident holds the resident set of a process, in which an engine keeps ten times its budget for
// memory, against that budget and its index.
func TestResident(t *testing.T) {
	for name := range withBudget {
		t.Run(name, func(t *testing.T) {
			self, err := os.Executable()
			require.NoError(t, err)
			run := exec.CommandContext(t.Context(), self)
			run.Env = append(os.Environ(), fmt.Sprintf("%s=fill %s %s", other, name, filepath.Join(t.TempDir(), "dir")))
			out, err := run.CombinedOutput()
			require.NoError(t, err, "%s", out)
			var most, says, disk int64
			_, err = fmt.Sscan(string(out), &most, &says, &disk)
			require.NoError(t, err, "%s", out)
			allowed := int64(residentBudget + residentKeys*residentPerKey + residentSlack)
			t.Logf("%d keys, %d kB on disk: the resident set grew by %d kB, the engine says %d; allowed %d",
				residentKeys, disk>>10, most>>10, says>>10, allowed>>10)
			require.LessOrEqual(t, says, int64(residentBudget))
			require.LessOrEqual(t, most, allowed)
			require.GreaterOrEqual(t, disk, int64(9*residentBudget), "the values are somewhere")
		})
	}
}
