// A diagram and what a reader does to it: pointing, keys, switches.
class Diagram extends Drawing {
  constructor(host, data) {
    super();
    this.host = host;
    this.d = data;
    this.scroller = host.querySelector(".canvas");
    this.canvas = host.querySelector("canvas");
    this.space = host.querySelector(".space");
    this.side = host.querySelector(".side");
    this.live = host.querySelector("[aria-live]");
    this.picked = -1;
    this.hovered = -1;
    this.zoom = 1;
    this.scaled = false;
    this.past = null;
    this.frames = 0;
    this.queued = false;
    this.hidden = new Set();
    this.marked = new Set(data.mark);
    this.spansOf = data.lanes.map(() => []);
    for (const s of data.spans) { this.spansOf[s.lane].push(s); if (s.mark) { this.marked.add(s.from); } }
    this.marks = [...this.marked].sort((a, b) => a - b);
    this.statesOf = data.lanes.map(() => []);
    this.stateAt = new Set();
    for (const s of data.states) { this.statesOf[s.lane].push(s); this.stateAt.add(s.event); }
    this.prepareArrows();
    this.kinds();
    this.filter();
    this.listen();
    host.hidden = false;
    this.layout();
    if (this.marks.length > 0) { this.scroller.scrollTop = this.y(this.marks[0]) - 5 * ROW; }
    let width = this.scroller.clientWidth;
    new ResizeObserver(() => {
      if (this.scroller.clientWidth !== width) { width = this.scroller.clientWidth; this.layout(); }
    }).observe(this.scroller);
    redraws.push(() => { this.colours = null; this.draw(); });
    if (this.marks.length === 0) { host.querySelector("[data-do=mark]").disabled = true; }
    this.table();
  }

  kinds() {
    const box = this.host.querySelector(".kinds");
    const count = new Array(this.d.kinds.length).fill(0);
    for (let i = 0; i < this.n; i++) { count[this.d.kind[i]]++; }
    this.d.kinds.forEach((name, kind) => {
      if (count[kind] === 0) { return; }
      const label = element("label");
      const input = element("input");
      input.type = "checkbox";
      input.dataset.kind = name;
      input.checked = name !== "timer";
      if (!input.checked) { this.hidden.add(kind); }
      input.addEventListener("change", () => {
        if (input.checked) { this.hidden.delete(kind); } else { this.hidden.add(kind); }
        this.keep(() => this.filter());
      });
      label.append(input, `${name} (${count[kind]})`);
      box.append(label);
    });
  }

  listen() {
    this.scroller.addEventListener("scroll", () => this.ask(), { passive: true });
    this.canvas.addEventListener("mousemove", (e) => this.hover(this.nearest(e)));
    this.canvas.addEventListener("mouseleave", () => this.hover(-1));
    this.canvas.addEventListener("click", (e) => this.pick(this.nearest(e), false));
    this.scroller.addEventListener("keydown", (e) => this.key(e));
    this.host.querySelectorAll("[data-do]").forEach((b) => {
      if (b.dataset.do !== "find") { b.addEventListener("click", () => this.do(b.dataset.do)); }
    });
    const find = this.host.querySelector("[data-do=find]");
    find.addEventListener("keydown", (e) => {
      if (e.key === "Enter") { e.preventDefault(); this.find(find.value); }
    });
  }

  // nearest is the event next to a point, of those within reach the one whose sign or
  // arrow head is closest.
  nearest(e) {
    const box = this.canvas.getBoundingClientRect();
    const x = e.clientX - box.left, y = e.clientY - box.top + this.top;
    if (e.clientY - box.top < HEAD) { return -1; }
    let best = -1, least = 400;
    const from = this.at(y - 20);
    for (let p = from; p < this.shown.length && p < from + 200; p++) {
      const i = this.shown[p], dy = Math.abs(this.y(i) - y);
      if (this.y(i) > y + 20) { break; }
      const beside = x < this.gutter || x > this.textAt || this.d.lane[i] < 0;
      const dx = beside ? 0 : Math.abs(this.x(this.d.lane[i]) - x);
      if (dy * 3 + dx < least) { least = dy * 3 + dx; best = i; }
    }
    return best;
  }

  hover(i) {
    if (i === this.hovered) { return; }
    this.hovered = i;
    this.tell(i >= 0 ? i : this.picked);
    this.ask();
  }

  pick(i, loud) {
    this.picked = i;
    this.setPast(this.past !== null);
    this.tell(i);
    if (i >= 0) {
      const y = this.y(i), top = this.scroller.scrollTop, view = this.scroller.clientHeight - HEAD;
      if (y < top + ROW || y > top + view - ROW) { this.scroller.scrollTop = y - view / 2; }
      if (loud) { this.live.textContent = this.words(i); }
    }
    this.ask();
  }

  key(e) {
    if (e.ctrlKey || e.altKey || e.metaKey) { return; }
    const at = this.picked >= 0 ? this.place[this.picked] : this.at(this.scroller.scrollTop) - 1;
    const go = (p) => this.pick(this.shown[Math.max(0, Math.min(this.shown.length - 1, p))], true);
    const jobs = {
      ArrowDown: () => go(at + 1), ArrowUp: () => go(at - 1),
      ArrowRight: () => this.along(1), ArrowLeft: () => this.along(-1),
      PageDown: () => go(at + 20), PageUp: () => go(at - 20), Home: () => go(0), End: () => go(this.shown.length - 1),
      c: () => { if (this.picked >= 0 && this.d.send[this.picked] >= 0) { this.pick(this.d.send[this.picked], true); } },
      m: () => this.do("mark"), "+": () => this.do("in"), "=": () => this.do("in"), "-": () => this.do("out"), "0": () => this.do("fit"),
      p: () => this.do("past"),
      Escape: () => { this.setPast(false); this.pick(-1, false); },
    };
    if (this.shown.length > 0 && Object.hasOwn(jobs, e.key)) { e.preventDefault(); jobs[e.key](); }
  }

  along(step) {
    if (this.picked < 0) { this.pick(this.shown[0], true); return; }
    const lane = this.d.lane[this.picked];
    for (let p = this.place[this.picked] + step; p >= 0 && p < this.shown.length; p += step) {
      if (this.d.lane[this.shown[p]] === lane) { this.pick(this.shown[p], true); return; }
    }
  }

  do(what) {
    const button = this.host.querySelector(`[data-do=${what}]`);
    switch (what) {
      case "axis":
        this.keep(() => { this.scaled = !this.scaled; });
        button.setAttribute("aria-pressed", this.scaled);
        return;
      case "in": this.rescale(this.zoom * 1.6); return;
      case "out": this.rescale(this.zoom / 1.6); return;
      case "fit": this.rescale((this.scroller.clientHeight - HEAD - 14) / Math.max(this.shown.length * ROW, 1)); return;
      case "past": this.setPast(this.past === null); break;
      case "mark": {
        if (this.marks.length === 0) { return; }
        const next = this.marks.find((i) => i > this.picked);
        this.pick(next === undefined ? this.marks[0] : next, true);
        return;
      }
    }
    this.layout();
  }

  // keep has what is in the middle of the view stay there while something changes.
  keep(change) {
    const view = this.scroller.clientHeight;
    const middle = this.shown[this.at(this.scroller.scrollTop + view / 2 - HEAD)];
    const event = this.picked >= 0 ? this.picked : middle;
    const was = event === undefined ? 0 : this.y(event) - this.scroller.scrollTop;
    change();
    this.layout();
    if (event !== undefined) { this.scroller.scrollTop = this.y(event) - Math.min(Math.max(was, 2 * ROW), view - 2 * ROW - HEAD); }
  }

  // rescale zooms around the middle of the view.
  rescale(zoom) {
    const view = this.scroller.clientHeight;
    const middle = (this.scroller.scrollTop + view / 2) / Math.max(this.total, 1);
    this.zoom = Math.min(64, Math.max(zoom, 1 / 4096));
    this.layout();
    this.scroller.scrollTop = middle * this.total - view / 2;
    this.ask();
  }

  // setPast marks the events that can have led to the one picked: what came before it
  // on its lane, what sent the messages among these, and so on.
  setPast(on) {
    this.past = null;
    if (on && this.picked >= 0) {
      this.past = new Uint8Array(this.n);
      const until = new Int32Array(this.d.lanes.length).fill(-1);
      this.past[this.picked] = 1;
      if (this.d.lane[this.picked] >= 0) { until[this.d.lane[this.picked]] = this.picked; }
      for (let i = this.picked; i >= 0; i--) {
        const lane = this.d.lane[i];
        if (lane < 0 || i > until[lane] || (this.d.kinds[this.d.kind[i]] === "lost" && i !== this.picked)) { continue; }
        this.past[i] = 1;
        const from = this.d.from[i];
        if (from >= 0 && this.d.send[i] > until[from]) { until[from] = this.d.send[i]; }
      }
    }
    this.host.querySelector("[data-do=past]").setAttribute("aria-pressed", this.past !== null);
  }

  find(text) {
    if (text === "") { return; }
    const want = text.toLowerCase();
    for (let k = 1; k <= this.shown.length; k++) {
      const p = ((this.picked >= 0 ? this.place[this.picked] : -1) + k) % this.shown.length;
      const i = this.shown[p];
      if (this.d.text[this.d.label[i]].toLowerCase().includes(want)) { this.pick(i, true); return; }
    }
    this.live.textContent = `no event has “${text}”`;
  }
}

document.querySelectorAll(".diagram").forEach((host) => {
  const source = document.getElementById(host.dataset.source);
  new Diagram(host, JSON.parse(source.textContent));
});
