package snapshot

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/catalog"
)

// shelf is the plain twin of a bucket's pages.
type shelf map[object][]byte

// read gets pages as an archive does.
func (s shelf) read(names []object) ([]page, error) {
	var pages []page
	for _, o := range names {
		b, ok := s[o]
		if !ok {
			return nil, fmt.Errorf("page %s: %w", o, store.ErrMissing)
		}
		p, err := decodePage(b)
		if err != nil {
			return nil, err
		}
		pages = append(pages, p)
	}
	return pages, nil
}

// save stores a head and reads it again: the head that was read, the bytes of the head
// and of new pages, and how many pages it names.
func (s shelf) save(t require.TestingT, h *head) (read head, size, fresh, named int) {
	b, pages, err := h.encode()
	require.NoError(t, err)
	for _, p := range pages {
		require.Equal(t, h.pages[p.hash] != 0, p.data == nil, "what the head that was read names is not put again")
		require.LessOrEqual(t, len(p.data), maxPageBytes)
		if p.data != nil {
			require.Equal(t, h.since, p.epoch)
			s[p.object] = p.data
			fresh += len(p.data)
		}
	}
	read, err = decodeHead(b, s.read)
	require.NoError(t, err)
	want := *h
	want.pages, want.since = read.pages, h.Epoch
	require.Equal(t, want, read)
	require.Len(t, read.pages, len(pages))
	for _, p := range pages {
		require.Equal(t, p.epoch, read.pages[p.hash])
	}
	return read, len(b), fresh, len(pages)
}

func entryOf(v store.Version) entry {
	return entry{v, object{manifestKind, store.Hash{byte(v), byte(v >> 8), byte(v >> 16), 7}, 1 + uint64(v)/100}.String()}
}

// lineOf is a branch of versions from to last.
func lineOf(from, last store.Version) line {
	l := line{Last: last}
	for v := from; v <= last; v++ {
		l.Versions = append(l.Versions, entryOf(v))
	}
	return l
}

// TestHeadsAreSmall stores heads of so many versions, and looks how large they are, and
// how many pages there are. Up to PageItems versions a head has no pages, and is one that older
// programs read.
func TestHeadsAreSmall(t *testing.T) {
	for _, c := range []struct {
		versions     store.Version
		items, pages int
		most         int // bytes of the head
	}{
		{1, 1, 0, 200}, {15, 15, 0, 1800}, {16, 16, 0, 1800},
		{17, 1 + 2, 1, 250},     // 1 to 15 are a page, 16 and 17 are left
		{200, 12 + 9, 12, 1200}, // 200 is 12·16 + 8
		{255, 15 + 16, 15, 1700},
		{256, 1 + 1, 16 + 1, 200},        // 16 pages, which are a page
		{5000, 1 + 3 + 8 + 9, 332, 1200}, // 5000 is 1·16³ + 3·16² + 8·16 + 8: 312 pages of versions, 19 of those, 1 of these
		{4095, 15 + 15 + 16, 255 + 15, 2600},
		{MaxVersions - 1, 15*3 + 16, 4095 + 255 + 15, 3400},
	} {
		s := shelf{}
		h := &head{Epoch: 1, since: 1, line: lineOf(1, c.versions)}
		_, size, _, named := s.save(t, h)
		require.LessOrEqual(t, size, c.most, "%d versions", c.versions)
		require.Equal(t, c.pages, named, "%d versions", c.versions)
		b, _, err := h.encode()
		require.NoError(t, err)
		require.Equal(t, c.versions <= PageItems, bytes.HasPrefix(b, []byte("joinery archive 1 ")), "%.20s", b)
		if c.versions > PageItems {
			require.Equal(t, c.items, bytes.Count(b, []byte(`"`))/2-3, "items of %d versions", c.versions)
		}
		t.Logf("%d versions: a head of %d bytes, %d pages", c.versions, size, named)
	}
}

// TestPublishPutsFewPages adds versions one by one: what is put for each is a head, and at
// most one new page a level, most often none.
func TestPublishPutsFewPages(t *testing.T) {
	s, h, worst := shelf{}, head{Epoch: 1, since: 1}, 0
	add := func(v store.Version) {
		h.line = lineOf(1, v)
		before := len(s)
		var size, fresh int
		h, size, fresh, _ = s.save(t, &h)
		levels := 0
		for n := v; v > PageItems && n%PageItems == 0; n /= PageItems {
			levels++
		}
		if v == PageItems+1 {
			levels = 1 // the first one, of those that the head named itself
		}
		require.Equal(t, levels, len(s)-before, "new pages of version %d", v)
		worst = max(worst, size+fresh)
	}
	for v := store.Version(1); v <= 600; v++ {
		add(v)
	}
	for _, v := range []store.Version{1008, 2048, 4094, 4095, 4096, 4097, 5000} {
		h.line = lineOf(1, v-1)
		h, _, _, _ = s.save(t, &h)
		add(v)
	}
	require.LessOrEqual(t, worst, 3000)
	t.Logf("at most %d bytes of a head and its new pages", worst)
}

// TestCollectedPages drops most versions: what is whole of a page stays, only the borders
// are put again.
func TestCollectedPages(t *testing.T) {
	s := shelf{}
	h, _, _, _ := s.save(t, &head{Epoch: 1, since: 1, line: lineOf(1, 5000)})
	was := maps.Clone(h.pages)
	h.line, h.Epoch = lineOf(4991-500, 5000), 2
	before := len(s)
	h, _, _, named := s.save(t, &h)
	require.LessOrEqual(t, len(s)-before, 3, "the page at the border, and those that name it")
	require.Greater(t, named, 30)
	kept := 0
	for hash, epoch := range h.pages {
		if was[hash] == epoch {
			kept++
		}
	}
	require.GreaterOrEqual(t, kept, named-3)
	// Every hundredth version, and the last: a page of one version is that version.
	h.line = line{Last: 5000}
	for v := store.Version(100); v <= 5000; v += 100 {
		h.Versions = append(h.Versions, entryOf(v))
	}
	h, size, _, named := s.save(t, &h)
	require.Len(t, h.Versions, 50)
	require.LessOrEqual(t, named, 50)
	require.LessOrEqual(t, size, 1200)
	// Few: no pages.
	h.Versions = h.Versions[34:]
	h, _, _, named = s.save(t, &h)
	require.Len(t, h.Versions, PageItems)
	require.Zero(t, named)
	require.Empty(t, h.pages)
}

// TestBranchesSharePages has two branches of the same versions, of which one goes on.
func TestBranchesSharePages(t *testing.T) {
	s := shelf{}
	h := head{Epoch: 1, since: 1, line: lineOf(1, 200), Branches: []branch{{"a", lineOf(1, 200)}, {"b", lineOf(30, 40)}}}
	h, _, _, named := s.save(t, &h)
	require.Equal(t, 12, named, "those of one of them")
	a := &h.Branches[0]
	for v := store.Version(201); v <= 208; v++ {
		e := entryOf(v)
		e.Manifest = object{manifestKind, store.Hash{byte(v), 8}, 1}.String()
		a.Last, a.Versions = v, append(slices.Clip(a.Versions), e)
	}
	h, _, _, named = s.save(t, &h)
	require.Equal(t, 13, named, "192 to 207 are a page of one")
	require.Equal(t, lineOf(1, 200), h.line)
	h.Branches = nil
	_, _, _, named = s.save(t, &h)
	require.Equal(t, 12, named)
}

// TestHeadsAreTheFullList publishes, clones, collects and drops at random on a head that
// is stored and read each time, and on one that is kept as the full list.
func TestHeadsAreTheFullList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := shelf{}
		h := head{Epoch: 1, since: 1, line: lineOf(1, 1)}
		plain := h.clone()
		names := []string{"", "a", "b"}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			name := rapid.SampledFrom(names).Draw(t, "branch")
			l := h.of(name)
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0, 1:
				for range rapid.IntRange(1, 60).Draw(t, "publish") {
					l.Last++
					l.Versions = append(slices.Clip(l.Versions), entryOf(l.Last+store.Version(len(name))<<16))
					l.Versions[len(l.Versions)-1].Version = l.Last
				}
			case 2:
				last := rapid.IntRange(1, 100).Draw(t, "keep")
				step := store.Version(rapid.IntRange(1, 20).Draw(t, "each"))
				all := l.Versions
				l.Versions = nil
				for i, e := range all {
					if i >= len(all)-last || e.Version%step == 0 {
						l.Versions = append(l.Versions, e)
					}
				}
				h.Epoch++
			case 3:
				e := h.Versions[rapid.IntRange(0, len(h.Versions)-1).Draw(t, "of")]
				l = line{e.Version, []entry{e}}
				if name == "" {
					l = h.line
				}
			}
			if len(l.Versions) == 0 {
				continue
			}
			h.put(name, l)
			plain = h.clone()
			var size int
			h, size, _, _ = s.save(t, &h)
			require.Equal(t, plain.lines(), h.lines())
			require.Less(t, size, 3*2200)
		}
	})
}

// TestOlderHeadsAreRead reads heads of the formats before, with more versions than a head
// names by itself now, and stores them with pages.
func TestOlderHeadsAreRead(t *testing.T) {
	for format := 1; format <= 3; format++ {
		h := head{Epoch: 7, line: lineOf(3, 200)}
		if format > 1 {
			h.Branches = []branch{{"a", lineOf(5, 90)}}
		}
		if format > 2 {
			h.Writers = 2
		}
		require.Equal(t, format, h.plainFormat())
		b, err := catalog.Seal(headTitle, format, h)
		require.NoError(t, err)
		require.Contains(t, string(b), `{"version":3,"manifest":"man-0300`)
		read, err := decodeHead(b, noPages)
		require.NoError(t, err)
		require.Empty(t, read.pages)
		require.Equal(t, h.lines(), read.lines())
		b, _, err = read.encode()
		require.NoError(t, err)
		require.True(t, bytes.HasPrefix(b, []byte("joinery archive 4 ")), "%.40s", b)
		s := shelf{}
		again, _, _, _ := s.save(t, &read)
		require.Equal(t, h.lines(), again.lines())
	}
}

// TestLaterFormats are refused by name.
func TestLaterFormats(t *testing.T) {
	b, err := catalog.Seal(headTitle, pagedFormat+1, head{Epoch: 1, line: lineOf(1, 1)})
	require.NoError(t, err)
	_, err = decodeHead(b, noPages)
	require.ErrorIs(t, err, store.ErrFormat)
	require.ErrorContains(t, err, "of format 5, this reads up to 4")
	b, err = catalog.Seal(pageTitle, pageFormat+1, page{})
	require.NoError(t, err)
	_, err = decodePage(b)
	require.ErrorIs(t, err, store.ErrFormat)
}

func itemOf(v store.Version) item {
	e := entryOf(v)
	o, _ := parseObject(e.Manifest)
	return item{v, o}
}

// TestPagesAreRefused reads pages, and heads that name pages, which nobody stores.
func TestPagesAreRefused(t *testing.T) {
	s := shelf{}
	put := func(items ...item) item {
		b, err := catalog.Seal(pageTitle, pageFormat, page{items})
		require.NoError(t, err)
		o := object{pageKind, store.Hash{byte(len(s)), byte(len(s) >> 8)}, 1}
		s[o] = b
		return item{object: o}
	}
	read := func(last store.Version, items ...item) error {
		b, err := catalog.Seal(headTitle, pagedFormat, pagedHead{Epoch: 1, pagedLine: pagedLine{last, items}})
		require.NoError(t, err)
		_, err = decodeHead(b, s.read)
		return err
	}
	one := put(itemOf(1), itemOf(2))
	require.NoError(t, read(3, one, itemOf(3)))
	require.ErrorIs(t, read(3, itemOf(3), one), store.ErrCorrupt, "order")
	require.ErrorIs(t, read(2, one, one), store.ErrCorrupt, "twice")
	require.ErrorIs(t, read(3, one), store.ErrCorrupt, "the last version")
	require.ErrorIs(t, read(3, put(itemOf(1)), itemOf(3)), store.ErrCorrupt, "a page of one item")
	var many []item
	for v := range store.Version(PageItems + 1) {
		many = append(many, itemOf(v+1))
	}
	require.ErrorIs(t, read(PageItems+1, put(many...)), store.ErrCorrupt, "a page of too many")
	require.ErrorIs(t, read(3, item{object: object{pageKind, store.Hash{9, 9, 9}, 1}}, itemOf(3)), store.ErrMissing)
	deep := one
	for v := store.Version(3); v < 2*maxPageDepth; v++ {
		deep = put(deep, itemOf(v))
		err := read(v+1, deep, itemOf(v+1))
		if v <= maxPageDepth+1 {
			require.NoError(t, err, "%d deep", v-1)
		} else {
			require.ErrorIs(t, err, store.ErrCorrupt, "%d deep", v-1)
		}
	}
	// Pages that name one page again and again would be of more versions than there may be.
	wide := one
	for range 5 {
		wide = put(slices.Repeat([]item{wide}, PageItems)...)
	}
	err := read(3, wide, itemOf(3))
	require.ErrorIs(t, err, store.ErrCorrupt)
	require.ErrorContains(t, err, "more than 65536 versions")
}

// TestItems reads what items are written as, and nothing that they are not.
func TestItems(t *testing.T) {
	hash := base64.RawURLEncoding.EncodeToString(make([]byte, 32))
	for text, want := range map[string]item{
		"5 7 " + hash:                    {5, object{manifestKind, store.Hash{}, 7}},
		"7 " + hash:                      {0, object{pageKind, store.Hash{}, 7}},
		"18446744073709551615 0 " + hash: {1<<64 - 1, object{manifestKind, store.Hash{}, 0}},
	} {
		var i item
		require.NoError(t, i.UnmarshalText([]byte(text)))
		require.Equal(t, want, i)
		b, err := i.MarshalText()
		require.NoError(t, err)
		require.Equal(t, text, string(b))
	}
	for _, text := range []string{
		"", hash, "7", "0 7 " + hash, "05 7 " + hash, "5 07 " + hash, "5  7 " + hash, "5 7 " + hash + " ", "-5 7 " + hash, "5 x " + hash,
		"7 " + hash[:42], "7 " + hash + "A", "7 " + hash[:42] + "B", "7 " + hash[:42] + "=", "1 5 7 " + hash, "18446744073709551616 0 " + hash,
		"7 " + strings.Replace(hash, "A", "\n", 1), "7 \n" + hash,
	} {
		var i item
		require.Error(t, i.UnmarshalText([]byte(text)), "%q", text)
	}
}
