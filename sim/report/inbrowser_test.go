package report_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/sim/report"
)

// file writes a page to a file of its own.
func file(t *testing.T, name string, p *report.Page) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(written(t, p)), 0o600))
	return path
}

// point moves the mouse to a row of the run's diagram, beside its lanes.
func (b *browser) point(row int) {
	b.t.Helper()
	box := eval[[]float64](b, `(() => { const c = document.querySelector("#run canvas"); c.scrollIntoView({block: "center", behavior: "instant"}); const r = c.getBoundingClientRect(); return [r.left + r.width - 20, r.top]; })()`)
	b.do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, box[0], box[1]+26+22*(float64(row)+0.5)))
	b.settle()
}

// until waits for a condition, ten seconds at most: what a click or a key leads to comes
// after it, on a busy machine long after it.
func (b *browser) until(js string, msg ...any) {
	b.t.Helper()
	met := eval[bool](b, `new Promise(r => { const start = performance.now(); const look = () => { if ((`+js+`) || performance.now() - start > 10000) { r(!!(`+js+`)); } else { requestAnimationFrame(look); } }; look(); })`)
	canvas := `JSON.stringify(document.querySelector("#run .canvas")?.dataset)`
	if !met {
		assert.Fail(b.t, "it did not come to be", "%s: %v; drawn: %s", js, msg, eval[string](b, canvas))
	}
}

// click clicks on an element wherever it is: one that is aimed at by its place misses when
// the page moves between the aim and the click.
func (b *browser) click(selector string) {
	b.t.Helper()
	eval[bool](b, fmt.Sprintf(`(document.querySelector(%q).click(), true)`, selector))
	b.settle()
}

// shows waits until the panel beside the run says something.
func (b *browser) shows(what string, msg ...any) {
	b.t.Helper()
	b.until(fmt.Sprintf(`document.querySelector("#run .side").innerText.includes(%q)`, what), msg...)
}

func (b *browser) press(keys ...string) {
	b.t.Helper()
	for _, k := range keys {
		b.do(chromedp.KeyEvent(k))
	}
	b.settle()
}

// TestInBrowser: the page renders at both widths, light and dark, without an error or a
// request; pointing at an event and walking by keys show what its node holds.
func TestInBrowser(t *testing.T) {
	b := open(t)
	path := file(t, "sample.html", sample(plain))
	for _, width := range []int64{390, 1280} {
		for _, scheme := range []string{"dark", "light"} {
			b.load(path, width, scheme)
			what := fmt.Sprintf("%d %s", width, scheme)
			assert.Equal(t, "A run", eval[string](b, `document.title`), what)
			assert.LessOrEqual(t, eval[int](b, `document.documentElement.scrollWidth`), int(width), "%s: nothing but boxes of its own scrolls sideways", what)
			assert.Equal(t, 2, eval[int](b, `document.querySelectorAll(".diagram:not([hidden])").length`), what)
			assert.Positive(t, eval[int](b, `+document.querySelector("#run .canvas").dataset.signs`), what)
			assert.Equal(t, scheme == "dark", eval[bool](b, `getComputedStyle(document.body).backgroundColor === "rgb(20, 23, 28)"`), what)
			assert.True(t, eval[bool](b, `[...document.querySelectorAll("#rewind svg.bar")].every(x => x.getBoundingClientRect().right <= document.querySelector("#rewind .scroll").getBoundingClientRect().right)`), "%s: no bar is cut off, by which shares would look alike", what)
			b.axe(what)
			b.shoot(fmt.Sprintf("sample-%d-%s", width, scheme))
		}
	}
	b.point(2)
	b.shows("durable")
	b.shows("1.2 ms")
	b.until(`document.querySelector("#run .side ins").textContent === "one"`, "what has changed")
	b.point(3)
	b.shows("gossip lost")
	b.shows("drop")
	b.point(5)
	b.shows("n1 is down", "faults in force")

	b.do(chromedp.Focus(chromedp.CSS("#run .canvas")), chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, 1, 1))
	b.press(kb.Home)
	b.shows("★ write x 1")
	b.shows("Operations in progress")
	b.press(kb.ArrowDown, kb.ArrowDown)
	b.shows("durable")
	assert.Contains(t, eval[string](b, `document.querySelector("#run [aria-live]").textContent`), "n0: durable; x is now one", "it is read out")
	b.press(kb.End)
	b.shows("response")
	b.press("c")
	b.shows("durable", "what sent the message")
	b.press(kb.ArrowLeft)
	b.shows("request", "before it on the lane")
	b.press("m")
	b.shows("write x 1", "of the witness")
	b.press(kb.Escape)
	b.shows("Point at an event")
	b.tools()
	b.quiet()
}

// tools tries the switches of the diagram.
func (b *browser) tools() {
	b.t.Helper()
	signs := func() int { return eval[int](b, `+document.querySelector("#run .canvas").dataset.signs`) }
	before := signs()
	b.click(`#run input[data-kind=timer]`)
	b.until(fmt.Sprintf(`+document.querySelector("#run .canvas").dataset.signs === %d`, before+1), "timers are there to be shown")
	b.click(`#run input[data-kind=timer]`)
	b.click(`#run [data-do=axis]`)
	b.until(`document.querySelector("#run [data-do=axis]").getAttribute("aria-pressed") === "true"`)
	b.until(fmt.Sprintf(`+document.querySelector("#run .canvas").dataset.signs === %d`, before), "to scale there are as many")
	b.click(`#run [data-do=axis]`)
	b.do(chromedp.Focus(chromedp.CSS("#run .canvas")))
	b.press(kb.End, "p")
	b.until(`document.querySelector("#run [data-do=past]").getAttribute("aria-pressed") === "true"`)
	b.click(`#run .rows summary`)
	b.until(`document.querySelectorAll("#run .rows tbody tr").length === 9`)
	b.do(chromedp.SendKeys(chromedp.CSS("#run [data-do=find]"), "crash"+kb.Enter))
	b.shows("crash")
	b.click(`#theme`)
	b.click(`#theme`)
	b.until(`getComputedStyle(document.body).backgroundColor === "rgb(20, 23, 28)"`, "dark, whatever the system says")
}

// axe has axe-core look at the page, where AXE names its file.
func (b *browser) axe(what string) {
	b.t.Helper()
	path := os.Getenv("AXE")
	if path == "" {
		b.t.Log("AXE names no axe.min.js, so accessibility is not checked by it")
		return
	}
	source, err := os.ReadFile(path)
	require.NoError(b.t, err)
	eval[bool](b, string(source)+";true")
	found := eval[[]string](b, `axe.run().then(r => r.violations.map(v => v.id + ": " + v.nodes.map(n => n.html + " " + n.failureSummary).join("; ")))`)
	assert.Empty(b.t, found, what)
}

// TestLongFacts: names and values without a blank do not make the page wider than a small
// screen.
func TestLongFacts(t *testing.T) {
	b := open(t)
	p := sample(plain)
	p.Facts = append(p.Facts, report.Fact{Name: strings.Repeat("name", 20) + " holds", Value: strings.Repeat("value", 40)})
	b.load(file(t, "facts.html", p), 390, "light")
	assert.LessOrEqual(t, eval[int](b, `document.documentElement.scrollWidth`), 390)
	b.quiet()
}

// TestHostileInBrowser: nothing of a run becomes a part of the page.
func TestHostileInBrowser(t *testing.T) {
	b := open(t)
	all := strings.Join(hostile, " ")
	b.load(file(t, "hostile.html", sample(func(what string) string { return what + all })), 1280, "light")
	title := eval[string](b, `document.title`)
	assert.True(t, strings.HasPrefix(title, "A run</script>"), title)
	for row := range 8 {
		b.point(row)
	}
	b.click(`#run .rows summary`)
	b.point(2)
	b.shows(`<img src=x onerror=`)
	assert.Zero(t, eval[int](b, `document.querySelectorAll("img, iframe, [onload], [onerror]").length`))
	assert.NotEqual(t, "owned", eval[string](b, `document.title`))
	b.quiet()
}

// manyEvents is a diagram of so many events, two in three of them messages.
func manyEvents(events int) *report.Diagram {
	const lanes = 12
	d := &report.Diagram{Clock: true}
	for i := range lanes {
		d.Lanes = append(d.Lanes, report.Lane{Name: fmt.Sprintf("n%d", i)})
	}
	for i := range events {
		e := report.Event{At: int64(i) * 1000, Lane: i * 7 % lanes, From: report.None, Kind: report.Storage, Label: fmt.Sprintf("durable %d", i)}
		if i > 100 && i%3 > 0 {
			from := i - 1 - i*13%100
			e.Kind, e.From, e.Sent, e.Label = report.Message, from*7%lanes, int64(from)*1000, fmt.Sprintf("gossip %d", i)
		}
		d.Events = append(d.Events, e)
		if i%5 == 0 {
			d.States = append(d.States, report.State{At: e.At, Lane: e.Lane, Key: fmt.Sprintf("k%d", i%40), After: fmt.Sprint(i)})
		}
	}
	return d
}

// TestManyEvents: of 100,000 events only what is in sight is drawn, in one frame for
// each move, and the page has no more elements than that of a short run.
func TestManyEvents(t *testing.T) {
	b := open(t)
	b.load(file(t, "many.html", &report.Page{Title: "Many", Run: manyEvents(100_000)}), 1280, "light")
	get := func(name string) int { return eval[int](b, `+document.querySelector("#run .canvas").dataset.`+name) }
	elements := eval[int](b, `document.querySelectorAll("*").length`)
	assert.Less(t, elements, 200)
	assert.Less(t, get("signs"), 100, "those in sight")
	for i := range 8 {
		frames := get("frames")
		eval[bool](b, fmt.Sprintf(`(document.querySelector("#run .canvas").scrollTop = %d, true)`, i*250_000))
		b.settle()
		assert.LessOrEqual(t, get("frames")-frames, 2, "a frame for a move, or one more where the browser splits it")
		assert.Less(t, get("signs"), 100)
		assert.Less(t, get("arrows"), 400)
	}
	b.do(chromedp.Focus(chromedp.CSS("#run .canvas")))
	b.press(kb.End)
	b.shows("durable 99999")
	b.shows("then holds")
	b.click("#run [data-do=fit]")
	b.until(`+document.querySelector("#run .canvas").dataset.signs > 1000`, "all of it in sight")
	assert.LessOrEqual(t, get("signs"), 3000, "of which a sample is drawn")
	assert.LessOrEqual(t, get("arrows"), 1500)
	b.shoot("many-fit")
	for range 6 {
		frames := get("frames")
		b.press("+")
		assert.LessOrEqual(t, get("frames")-frames, 3)
		assert.LessOrEqual(t, get("signs"), 3000)
	}
	b.do(chromedp.SendKeys(chromedp.CSS("#run [data-do=find]"), "gossip 54322"+kb.Enter))
	b.settle()
	b.shows("gossip 54322")
	assert.Less(t, eval[int](b, `document.querySelectorAll("*").length`), elements+100)
	b.quiet()
}

// TestPagesGiven looks at pages that REPORT_PAGES names, separated by commas, such as
// those of real runs, or the http:// address of what "simfuzz serve" shows; REPORT_SHOTS names a folder for pictures of them.
func TestPagesGiven(t *testing.T) {
	pages := os.Getenv("REPORT_PAGES")
	if pages == "" {
		t.Skip("REPORT_PAGES names no page to look at")
	}
	b := open(t)
	for path := range strings.SplitSeq(pages, ",") {
		for _, width := range []int64{390, 1280} {
			for _, scheme := range []string{"dark", "light"} {
				b.load(path, width, scheme)
				if eval[bool](b, `document.querySelector(".canvas") !== null`) { // with an event picked
					b.do(chromedp.Focus(chromedp.CSS(".canvas")))
					b.press(kb.Home, kb.PageDown, kb.ArrowUp)
				}
				what := fmt.Sprintf("%s-%d-%s", strings.TrimSuffix(filepath.Base(path), ".html"), width, scheme)
				assert.LessOrEqual(t, eval[int](b, `document.documentElement.scrollWidth`), int(width), what)
				b.axe(what)
				b.shoot(what)
			}
		}
	}
	b.quiet()
}
