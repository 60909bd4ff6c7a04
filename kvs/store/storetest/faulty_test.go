package storetest_test

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/lsm"
	"github.com/joinery-go/joinery/kvs/store/storetest"
	"github.com/joinery-go/joinery/sim"
)

// Each test of the suite must notice the faults for which it is there. Engines that are right
// show nothing of that, so here are some that are not, each around an LSM tree: what it does
// otherwise, the part of the suite that must fail on it, and what that must say.

// faulty is an engine of which some functions do something else.
type faulty struct {
	store.Engine
	set      func(e store.Engine, key, value []byte) error
	get      func(e store.Engine, key []byte) ([]byte, error)
	sync     func(e store.Engine) error
	snapshot func(e store.Engine) (store.Version, error)
	restore  func(e store.Engine, v store.Version) error
	close    func(e store.Engine) error
	size     func(s store.Size) store.Size
	stats    func(s store.Stats) store.Stats
}

func (f *faulty) Set(key, value []byte) error {
	if f.set != nil {
		return f.set(f.Engine, key, value)
	}
	return f.Engine.Set(key, value)
}

func (f *faulty) Get(key []byte) ([]byte, error) {
	if f.get != nil {
		return f.get(f.Engine, key)
	}
	return f.Engine.Get(key)
}

func (f *faulty) Sync() error {
	if f.sync != nil {
		return f.sync(f.Engine)
	}
	return f.Engine.Sync()
}

func (f *faulty) Snapshot() (store.Version, error) {
	if f.snapshot != nil {
		return f.snapshot(f.Engine)
	}
	return f.Engine.Snapshot()
}

func (f *faulty) Restore(v store.Version) error {
	if f.restore != nil {
		return f.restore(f.Engine, v)
	}
	return f.Engine.Restore(v)
}

func (f *faulty) Close() error {
	if f.close != nil {
		return f.close(f.Engine)
	}
	return f.Engine.Close()
}

func (f *faulty) Size() store.Size {
	if f.size != nil {
		return f.size(f.Engine.Size())
	}
	return f.Engine.Size()
}

func (f *faulty) Stats() store.Stats {
	if f.stats != nil {
		return f.stats(f.Engine.Stats())
	}
	return f.Engine.Stats()
}

type opener = func(store.Options) (store.Engine, error)

// opened opens an LSM tree that merges often, with options and then functions of its own.
func opened(change func(o *store.Options, f *faulty)) opener {
	return func(o store.Options) (store.Engine, error) {
		f := &faulty{}
		change(&o, f)
		e, err := lsm.Open(lsm.Options{
			Options: o, MemtableBytes: 3000, MaxRunsPerLevel: 2, MaxBacklog: 5, DensityFactor: 2, BufferBytes: 700, StepRecords: 10,
		})
		if err != nil {
			return nil, err
		}
		f.Engine = e
		return f, nil
	}
}

func engine(open opener) storetest.Engine {
	return storetest.Engine{Name: lsm.Name, Lazy: true, Open: open, Durabilities: []store.Durability{
		store.None, store.OnSnapshot, store.GroupCommit, store.EveryWrite,
	}}
}

var errOther = errors.New("another error")

// afterClose has an operation of an engine that is closed succeed.
func afterClose(what string) opener {
	return opened(func(_ *store.Options, f *faulty) {
		quiet := func(err error) error {
			if errors.Is(err, store.ErrClosed) {
				return nil
			}
			return err
		}
		switch what {
		case "get":
			f.get = func(e store.Engine, key []byte) ([]byte, error) {
				v, err := e.Get(key)
				return v, quiet(err)
			}
		case "set":
			f.set = func(e store.Engine, key, value []byte) error { return quiet(e.Set(key, value)) }
		case "sync":
			f.sync = func(e store.Engine) error { return quiet(e.Sync()) }
		case "snapshot":
			f.snapshot = func(e store.Engine) (store.Version, error) {
				v, err := e.Snapshot()
				return v, quiet(err)
			}
		case "restore":
			f.restore = func(e store.Engine, v store.Version) error { return quiet(e.Restore(v)) }
		case "close":
			f.close = func(e store.Engine) error { return quiet(e.Close()) }
		}
	})
}

// unlocked is a file system whose locks anybody gets.
type unlocked struct{ vfs.FS }

func (unlocked) Lock(string) (io.Closer, error) { return io.NopCloser(nil), nil }

// scheduler does something else with the steps of jobs.
type scheduler struct {
	store.Scheduler
	step func(step store.Step) (bool, error)
}

func (s scheduler) Offer(job string, step store.Step) error {
	return s.Scheduler.Offer(job, func() (bool, error) { return s.step(step) })
}

// cleanly opens an engine that, after a clean close, takes what is spoiled for what was never
// there.
func cleanly() opener {
	return opened(func(o *store.Options, f *faulty) {
		fsys := o.FS
		if fsys == nil {
			return
		}
		names, err := fsys.List(o.Dir)
		clean := err == nil
		for _, name := range names {
			clean = clean && !strings.HasSuffix(name, ".log")
		}
		f.get = func(e store.Engine, key []byte) ([]byte, error) {
			v, err := e.Get(key)
			if clean && errors.Is(err, store.ErrCorrupt) {
				return nil, nil
			}
			return v, err
		}
	})
}

// unbounded opens an engine that lets its log grow until somebody asks for a sync.
func unbounded() opener {
	return opened(func(_ *store.Options, f *faulty) {
		grown := int64(0)
		f.set = func(e store.Engine, key, value []byte) error {
			grown += int64(len(value))
			return e.Set(key, value)
		}
		f.sync = func(e store.Engine) error {
			grown = 0
			return e.Sync()
		}
		f.size = func(s store.Size) store.Size {
			s.Disk += grown
			return s
		}
	})
}

// restless opens an engine whose job goes on for ever once the engine was closed during a step
// of it.
func restless() opener {
	return opened(func(o *store.Options, f *faulty) {
		closed, over := false, false
		f.close = func(e store.Engine) error {
			closed = true
			return e.Close()
		}
		o.Scheduler = scheduler{o.Scheduler, func(step store.Step) (bool, error) {
			before := closed
			more, err := step()
			over = over || closed && !before
			return more || over, err
		}}
	})
}

var faults = []struct {
	name string
	says string // what the part of the suite must say, or / and the name of the test in it
	test func(t *testing.T)
}{
	{"uploads everything", "snapshot 0 of", func(t *testing.T) {
		storetest.TestBytes(t, opened(func(_ *store.Options, f *faulty) {
			f.stats = func(s store.Stats) store.Stats {
				s.CriticalBytes *= 10
				return s
			}
		}), 1.5, 4)
	}},
	{"a backlog beyond its bound", `is not less than "6"`, func(t *testing.T) {
		storetest.TestMaintenance(t, opened(func(_ *store.Options, f *faulty) {
			f.size = func(s store.Size) store.Size {
				s.Backlog += 10
				return s
			}
		}), 5, 1)
	}},
	{"refuses without a name", errOther.Error(), func(t *testing.T) {
		storetest.TestMaintenance(t, opened(func(_ *store.Options, f *faulty) {
			f.set = func(e store.Engine, key, value []byte) error {
				err := e.Set(key, value)
				if errors.Is(err, store.ErrBackpressure) {
					return errOther
				}
				return err
			}
		}), 5, 1)
	}},
	{"gets after it was closed", "/closed", func(t *testing.T) { storetest.TestDamage(t, engine(afterClose("get"))) }},
	{"sets after it was closed", "/closed", func(t *testing.T) { storetest.TestDamage(t, engine(afterClose("set"))) }},
	{"syncs after it was closed", "/closed", func(t *testing.T) { storetest.TestDamage(t, engine(afterClose("sync"))) }},
	{"snapshots after it was closed", "/closed", func(t *testing.T) { storetest.TestDamage(t, engine(afterClose("snapshot"))) }},
	{"restores after it was closed", "/closed", func(t *testing.T) { storetest.TestDamage(t, engine(afterClose("restore"))) }},
	{"closes after it was closed", "/closed", func(t *testing.T) { storetest.TestDamage(t, engine(afterClose("close"))) }},
	{"locks nobody out", "/locked", func(t *testing.T) {
		storetest.TestDamage(t, engine(opened(func(o *store.Options, _ *faulty) { o.FS = unlocked{o.FS} })))
	}},
	{"takes damage for nothing after a clean close", "/flipped", func(t *testing.T) { storetest.TestDamage(t, engine(cleanly())) }},
	{"grows until it is synced", "after set", func(t *testing.T) { storetest.TestOverwriting(t, unbounded(), 64<<10) }},
	{"fails in the background without a name", errOther.Error(), func(t *testing.T) {
		storetest.TestRotten(t, opened(func(o *store.Options, _ *faulty) {
			o.Scheduler = scheduler{o.Scheduler, func(step store.Step) (bool, error) {
				more, err := step()
				if err != nil {
					err = errOther
				}
				return more, err
			}}
		}), "run")
	}},
	{"works on after it was closed", "Should be zero", func(t *testing.T) { storetest.TestMoments(t, restless()) }},
	{"forgets deletes", "Not equal", func(t *testing.T) {
		storetest.TestResize(t, engine(opened(func(_ *store.Options, f *faulty) {
			f.set = func(e store.Engine, key, value []byte) error {
				if len(value) == 0 {
					return nil
				}
				return e.Set(key, value)
			}
		})))
	}},
}

const faultVariable = "STORETEST_FAULT"

// TestFaults runs a part of the suite on each of the engines above, in a process of its own,
// where it must fail.
func TestFaults(t *testing.T) {
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			switch os.Getenv(faultVariable) {
			case f.name:
				f.test(t)
				return
			case "":
			default:
				return
			}
			t.Parallel()
			binary, err := os.Executable()
			require.NoError(t, err)
			only := "^TestFaults$/^" + strings.ReplaceAll(f.name, " ", "_") + "$"
			if strings.HasPrefix(f.says, "/") { // the name of a test within
				only += "/^" + f.says[1:] + "$"
			}
			run := exec.Command(binary, "-test.run", only)
			run.Env = append(os.Environ(), faultVariable+"="+f.name)
			out, err := run.CombinedOutput()
			require.Error(t, err, "the suite finds nothing")
			require.Contains(t, string(out), "--- FAIL")
			require.Contains(t, string(out), f.says)
		})
	}
}

// TestRunFaults has workloads depart on engines that lose what they hold when they are closed, or
// leave files behind that nobody names.
func TestRunFaults(t *testing.T) {
	forgets := opened(func(_ *store.Options, f *faulty) {
		held := map[string][]byte{}
		f.set = func(_ store.Engine, key, value []byte) error {
			held[string(key)] = append([]byte(nil), value...)
			return nil
		}
		f.get = func(e store.Engine, key []byte) ([]byte, error) {
			if v, ok := held[string(key)]; ok && len(v) > 0 {
				return v, nil
			}
			return e.Get(key)
		}
	})
	one := storetest.Workload{{Kind: storetest.Set, Key: 1, Serial: 7, Length: 40}}
	c := storetest.Config{Engine: engine(forgets), Durability: store.OnSnapshot, Crash: sim.Off}
	_, err := storetest.Run(c, one)
	require.ErrorContains(t, err, "it holds []")
	require.ErrorContains(t, err, "…40", "a long value is cut, and its length said")

	litters := opened(func(o *store.Options, f *faulty) {
		fsys, dir := o.FS, o.Dir
		f.get = func(e store.Engine, key []byte) ([]byte, error) {
			file, err := fsys.Create(fsys.PathJoin(dir, "99999999.run"), vfs.WriteCategoryUnspecified)
			if err == nil {
				err = file.Close()
			}
			if err != nil {
				return nil, err
			}
			return e.Get(key)
		}
	})
	c.Engine = engine(litters)
	_, err = storetest.Run(c, append(one, storetest.Op{Kind: storetest.Crash}))
	require.ErrorContains(t, err, "there is still 99999999.run")
}
