package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
)

func TestQueueTakesTurns(t *testing.T) {
	_, err := store.NewQueue(0)
	require.ErrorIs(t, err, store.ErrOptions)
	q, err := store.NewQueue(2)
	require.NoError(t, err)
	var ran []string
	job := func(name string, steps int, last error) store.Step {
		return func() (bool, error) {
			ran = append(ran, name)
			steps--
			if steps == 0 {
				return false, last
			}
			return true, nil
		}
	}
	broken := errors.New("broken")
	require.NoError(t, q.Offer("a", job("a", 3, nil)))
	require.NoError(t, q.Offer("b", job("b", 2, broken)))
	require.ErrorIs(t, q.Offer("c", job("c", 1, nil)), store.ErrQueueFull)
	require.Equal(t, 2, q.Len())
	more, err := q.Step()
	require.True(t, more)
	require.NoError(t, err)
	done, err := q.Drain(2)
	require.False(t, done)
	require.NoError(t, err)
	done, err = q.Drain(10)
	require.True(t, done)
	require.ErrorIs(t, err, broken)
	require.ErrorContains(t, err, "b")
	require.Equal(t, []string{"a", "b", "a", "b", "a"}, ran)
	more, err = q.Step()
	require.False(t, more)
	require.NoError(t, err)
	ran = nil
	require.NoError(t, store.Inline.Offer("d", job("d", 2, nil)))
	require.Equal(t, []string{"d", "d"}, ran)
	require.NoError(t, store.Inline.Offer("e", func() (bool, error) { return true, broken }), "an error ends the job")
}

func TestDurabilityNames(t *testing.T) {
	for d := range store.EveryWrite + 1 {
		got, err := store.ParseDurability(d.String())
		require.NoError(t, err)
		require.Equal(t, d, got)
	}
	_, err := store.ParseDurability("sometimes")
	require.ErrorIs(t, err, store.ErrOptions)
	require.Equal(t, "durability(9)", store.Durability(9).String())
	require.Equal(t, "latest", store.Latest.String())
	require.Equal(t, "12", store.Version(12).String())
}

func TestHashText(t *testing.T) {
	h := store.Hash{1, 0xab}
	text, err := h.MarshalText()
	require.NoError(t, err)
	var got store.Hash
	require.NoError(t, got.UnmarshalText(text))
	require.Equal(t, h, got)
	for _, bad := range []string{"", string(text[1:]), string(text) + "00", "x" + string(text[1:])} {
		require.Error(t, got.UnmarshalText([]byte(bad)), bad)
	}
}

func TestOptionsHaveDefaults(t *testing.T) {
	o, err := store.Options{Dir: "d"}.WithDefaults()
	require.NoError(t, err)
	require.Equal(t, store.Private, o.FS)
	require.Equal(t, store.Inline, o.Scheduler)
	require.Equal(t, 64, o.GroupWrites)
	require.Equal(t, store.OnSnapshot, o.Durability)
	require.NoError(t, o.CheckKey("get", make([]byte, store.MaxKeyBytes)))
	require.ErrorIs(t, o.CheckKey("get", make([]byte, store.MaxKeyBytes+1)), store.ErrKey)
	require.NoError(t, o.CheckValue(nil))
	o, err = store.Options{Dir: "d", MaxKeyBytes: 3, MaxValueBytes: 2, GroupWrites: 5}.WithDefaults()
	require.NoError(t, err)
	require.ErrorIs(t, o.CheckKey("get", []byte("four")), store.ErrKey)
	require.ErrorIs(t, o.CheckValue([]byte("xxx")), store.ErrValue)
	require.Equal(t, 5, o.GroupWrites)
}

// TestPrivate makes files in every way that the interface has, under an umask that
// leaves all open or not.
func TestPrivate(t *testing.T) {
	p := store.Private
	dir := filepath.Join(t.TempDir(), "a", "b")
	require.NoError(t, p.MkdirAll(dir, 0o777))
	old := filepath.Join(dir, "old")
	require.NoError(t, os.WriteFile(old, []byte("old"), 0o644))
	name := func(n string) string { return filepath.Join(dir, n) }
	f, err := p.Create(name("created"), vfs.WriteCategoryUnspecified)
	require.NoError(t, err)
	_, err = f.Write([]byte("x"))
	require.NoError(t, err)
	require.NoError(t, f.Close())
	f, err = p.Create(old, vfs.WriteCategoryUnspecified)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	b, err := os.ReadFile(old)
	require.NoError(t, err)
	require.Empty(t, b, "created in place of the old one")
	f, err = p.OpenReadWrite(name("opened"), vfs.WriteCategoryUnspecified)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	f, err = p.OpenReadWrite(name("created"), vfs.WriteCategoryUnspecified)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	b, err = os.ReadFile(name("created"))
	require.NoError(t, err)
	require.Equal(t, "x", string(b), "opened as it was")
	lock, err := p.Lock(name("locked"))
	require.NoError(t, err)
	_, err = p.Lock(filepath.Join(dir, "..", "b") + "/locked")
	require.Error(t, err)
	require.NoError(t, os.Symlink(dir, name("../link")))
	_, err = p.Lock(name("../link/locked"))
	require.Error(t, err)
	require.NoError(t, lock.Close())
	lock, err = p.Lock(name("locked"))
	require.NoError(t, err)
	require.NoError(t, lock.Close())
	for _, n := range []string{"created", "old", "opened", "locked"} {
		info, err := os.Stat(name(n))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), n)
	}
	for _, n := range []string{".", ".."} {
		info, err := os.Stat(name(n))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o700), info.Mode().Perm(), n)
	}
	_, err = p.Create(name("none/x"), vfs.WriteCategoryUnspecified)
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = p.Lock(name("none/x"))
	require.ErrorIs(t, err, os.ErrNotExist)
}
