package storetest

import (
	"fmt"
	"maps"
	"slices"

	"github.com/joinery-go/joinery/kvs/store"
)

// state is what all keys hold; it is never changed.
type state map[string]string

func (s state) with(key, value string) state {
	t := maps.Clone(s)
	if t == nil {
		t = state{}
	}
	if value == "" {
		delete(t, key)
	} else {
		t[key] = value
	}
	return t
}

// model is the plain twin: a map, what it was since the last moment that a crash
// cannot undo, and what versions hold.
type model struct {
	durability store.Durability
	group      int
	// states are those that a crash may leave, oldest first; the last is the present.
	states []state
	// sinceSync are the sets since the last sync that the model knows of.
	versions map[store.Version]state
	latest   store.Version
}

func newModel(d store.Durability, group int) *model {
	return &model{durability: d, group: group, states: []state{nil}, versions: map[store.Version]state{}}
}

func (m *model) now() state { return m.states[len(m.states)-1] }

// durable says that nothing before the present can come back.
func (m *model) durable() { m.states = m.states[len(m.states)-1:] }

// set is a set that returned.
func (m *model) set(key, value string) {
	m.states = append(m.states, m.now().with(key, value))
	keep := len(m.states)
	switch m.durability {
	case store.EveryWrite:
		keep = 1
	case store.GroupCommit:
		keep = m.group
	}
	if n := len(m.states); n > keep {
		m.states = m.states[n-keep:]
	}
}

// begun adds a state that an operation which did not return may have led to.
func (m *model) begun(s state) { m.states = append(m.states, s) }

// snapshot is a snapshot that returned v.
func (m *model) snapshot(v store.Version) error {
	if s, known := m.versions[v]; known {
		if v != m.latest {
			return fmt.Errorf("snapshot is version %s again, and the latest is %s", v, m.latest)
		}
		if !maps.Equal(s, m.now()) {
			return fmt.Errorf("snapshot is version %s again, whose state was another", v)
		}
	} else if v <= m.latest {
		return fmt.Errorf("snapshot is version %s after version %s", v, m.latest)
	}
	m.versions[v], m.latest = m.now(), v
	if m.durability != store.None {
		m.durable()
	}
	return nil
}

// find is the state of a version, or of the latest.
func (m *model) find(n int) (state, bool) {
	v := store.Version(n)
	if v == store.Latest {
		v = m.latest
	}
	s, ok := m.versions[v]
	return s, ok
}

func (m *model) restore(s state) {
	m.states = append(m.states, s)
	m.durable()
}

// collect drops all versions but the last n.
func (m *model) collect(n int) {
	all := slices.Sorted(maps.Keys(m.versions))
	for _, v := range all[:max(len(all)-n, 0)] {
		delete(m.versions, v)
	}
}

// recovered adopts what an engine holds after a crash, which must be one of the
// states that it may hold. archived are the versions in the archive; a new one must
// be what was to be published.
func (m *model) recovered(got state, archived []store.Version) error {
	pending := m.now()
	at := slices.IndexFunc(m.states, func(s state) bool { return maps.Equal(s, got) })
	if at < 0 {
		return fmt.Errorf("recovered %v, which is none of the %d states that the durability %s allows; the last is %v",
			show(got), len(m.states), m.durability, show(m.now()))
	}
	for _, v := range archived {
		if _, known := m.versions[v]; !known {
			if v <= m.latest {
				return fmt.Errorf("the archive has a version %s again, after %s", v, m.latest)
			}
			m.versions[v], m.latest = pending, v
		}
	}
	m.states = []state{m.states[at]}
	return nil
}

// archived compares the versions with those that the archive has. While a collect
// has not returned, it may have fewer.
func (m *model) archived(vs []store.Version, collecting bool) error {
	for _, v := range slices.Sorted(maps.Keys(m.versions)) {
		if slices.Contains(vs, v) {
			continue
		}
		if !collecting {
			return fmt.Errorf("the archive has lost version %s", v)
		}
		delete(m.versions, v)
	}
	return nil
}

// show is a state short enough for a message.
func show(s state) string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(s)) {
		v := s[k]
		if len(v) > 12 {
			v = fmt.Sprintf("%s…%d", v[:8], len(v))
		}
		if len(k) > 12 {
			k = k[:8] + "…"
		}
		out = append(out, fmt.Sprintf("%q:%q", k, v))
	}
	return fmt.Sprint(out)
}
