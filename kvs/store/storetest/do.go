package storetest

import (
	"errors"
	"fmt"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/disk"
)

// do does one operation on the engine and on the model.
func (r *run) do(o Op) (result string, err error) {
	switch o.Kind {
	case Set:
		return r.set(keys[o.Key%Written], value(o.Serial, o.Length))
	case Delete:
		return r.set(keys[o.Key%Written], "")
	case Get:
		return r.get(keys[o.Key%len(keys)])
	case Sync:
		if err := r.engine.Sync(); err != nil {
			return "", err
		}
		r.model.durable()
		return "ok", nil
	case Snapshot:
		_, result, err := r.snapshot()
		return result, err
	case Idle:
		return r.idle()
	case Restore:
		return r.restore(o.N)
	case Collect:
		return r.collect(max(o.N, 1))
	case Step:
		ran, err := r.step()
		if ran {
			result = stepped
		}
		return result, err
	case Reopen:
		return r.reopen()
	case Clone:
		return r.clone(o.N == 1)
	case Split:
		return r.split(min(max(o.N, 1), Written), value(o.Serial, o.Length))
	case Crash:
		if o.N > 0 {
			r.arm(r.fs.Ops() + int64(o.N))
			r.again = o.M
			return "armed", nil
		}
		if r.config.Engine.Clones {
			return "crash", r.cloneAndCrash()
		}
		return "crash", r.crash()
	}
	return "", fmt.Errorf("%w: kind %d", errParse, o.Kind)
}

// cloneAndCrash goes on with a copy of the disk after a power cut, while the engine
// of before is closed on the original.
func (r *run) cloneAndCrash() error {
	r.copyAt(r.fs.Ops() + 1)
	if err := r.goOnCopy(); err != nil {
		return err
	}
	return r.crash()
}

// set sets, running background work that is behind when asked to.
func (r *run) set(key, v string) (string, error) {
	next := r.model.now().with(key, v)
	r.attempted, r.tried = &next, &next
	err := r.engine.Set([]byte(key), []byte(v))
	for range maxSteps {
		if !errors.Is(err, store.ErrBackpressure) {
			break
		}
		r.attempted = nil
		switch {
		case errors.Is(err, disk.ErrCrashed): // it has stopped the background work
			return "", err
		case r.config.Queued && r.queue.Len() > 0:
			if _, err := r.step(); err != nil {
				return "", err
			}
		case r.config.Errors == sim.Off: // else the work has failed, and is offered again
			return "", departs("ErrBackpressure with nothing in the background: %w", err)
		}
		r.attempted = &next
		err = r.engine.Set([]byte(key), []byte(v))
	}
	if err != nil {
		return "", err
	}
	r.attempted = nil
	r.model.set(key, v)
	return "ok", nil
}

func (r *run) get(key string) (string, error) {
	v, err := r.engine.Get([]byte(key))
	if err != nil {
		return "", err
	}
	if want := r.model.now()[key]; string(v) != want {
		return "", departs("get %q: %q, the map has %q", key, v, want)
	}
	if v == nil {
		return "nothing", nil
	}
	return fmt.Sprintf("%.12q", v), nil
}

func (r *run) snapshot() (store.Version, string, error) {
	v, err := r.engine.Snapshot()
	if err != nil {
		return 0, "", err
	}
	if err := r.model.snapshot(v); err != nil {
		return 0, "", &departure{err}
	}
	return v, "version " + v.String(), nil
}

func (r *run) idle() (string, error) {
	v, _, err := r.snapshot()
	if err != nil {
		return "", err
	}
	again, _, err := r.snapshot()
	if err == nil && again != v {
		err = departs("an idle snapshot is version %s after %s", again, v)
	}
	return "version " + v.String(), err
}

func (r *run) restore(n int) (string, error) {
	target, known := r.model.find(n)
	if known {
		r.attempted, r.tried = &target, &target
	}
	err := r.engine.Restore(store.Version(n))
	if !known {
		if r.config.Errors != sim.Off && err != nil && !damage(err) || errors.Is(err, disk.ErrCrashed) {
			return "", err
		}
		if !errors.Is(err, store.ErrVersion) {
			return "", departs("restore of an unknown version: %w", err)
		}
		return "no such version", r.compare()
	}
	if err != nil {
		return "", err
	}
	r.attempted = nil
	r.model.restore(target)
	return "ok", r.compare()
}

func (r *run) collect(n int) (string, error) {
	r.collecting, r.collected = true, true
	_, err := r.archive.Collect(snapshot.Retention{Last: n})
	if err != nil {
		return "", err
	}
	r.collecting = false
	r.model.collect(n)
	vs, err := r.archive.Versions()
	if err != nil {
		return "", err
	}
	if err := r.model.archived(vs, false); err != nil {
		return "", &departure{err}
	}
	if len(vs) != len(r.model.versions) {
		return "", departs("the archive has versions %v, %d are to be kept", vs, len(r.model.versions))
	}
	return fmt.Sprint(vs), nil
}

// stepped is the outcome of a step for which there was background work.
const stepped = "ran"

// step runs a step of background work, and says whether there was one to run.
func (r *run) step() (ran bool, err error) {
	if r.queue == nil {
		return false, nil
	}
	return r.queue.Step()
}

func (r *run) reopen() (string, error) {
	if err := r.engine.Close(); err != nil {
		return "", err
	}
	r.model.durable()
	if err := r.open(); err != nil {
		return "", err
	}
	return "ok", r.compare()
}
