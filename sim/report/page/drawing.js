// A diagram on its canvas: only what is in sight is drawn, within bounds.
class Drawing extends Details {
  // prepareArrows finds for each block of events the earliest event that sent one of
  // its messages, so that arrows through the view are found without looking at all.
  prepareArrows() {
    const n = this.d.at ? this.d.at.length : 0;
    this.n = n;
    this.earliest = new Int32Array(Math.ceil(n / BLOCK)).fill(n);
    for (let i = 0; i < n; i++) {
      const s = this.d.send[i];
      if (s >= 0 && s < this.earliest[i / BLOCK | 0]) { this.earliest[i / BLOCK | 0] = s; }
    }
  }

  // filter lists the events to show, and where each event stands among them.
  filter() {
    this.shown = [];
    this.place = new Int32Array(this.n + 1);
    for (let i = 0; i < this.n; i++) {
      this.place[i] = this.shown.length;
      if (!this.hidden.has(this.d.kind[i])) { this.shown.push(i); }
    }
    this.place[this.n] = this.shown.length;
  }

  layout() {
    const width = this.scroller.clientWidth;
    // What is shorter than the space for it takes no more than it needs.
    const natural = this.shown.length * ROW + HEAD + 12;
    this.scroller.style.height = "";
    if (this.zoom === 1 && !this.scaled && natural + 2 < this.scroller.offsetHeight) { this.scroller.style.height = natural + 2 + "px"; }
    this.gutter = width < 520 ? 68 : 84;
    const lanes = this.d.lanes.length;
    const room = width - this.gutter;
    this.laneWidth = Math.max(13, Math.min(72, room * (width < 520 ? 0.52 : 0.6) / Math.max(lanes, 1)));
    this.textAt = this.gutter + lanes * this.laneWidth + 6;
    this.width = Math.max(width, this.textAt + 130);
    this.total = Math.min(MOST_HEIGHT, Math.max(this.shown.length * ROW * this.zoom, 60));
    this.height = Math.min(this.scroller.clientHeight, this.total + HEAD + 12);
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = this.width * ratio;
    this.canvas.height = this.height * ratio;
    this.canvas.style.width = this.width + "px";
    this.canvas.style.height = this.height + "px";
    this.space.style.height = Math.max(0, this.total + HEAD + 12 - this.height) + "px";
    this.ask();
  }

  ask() {
    if (this.queued) { return; }
    this.queued = true;
    requestAnimationFrame(() => { this.queued = false; this.draw(); });
  }

  // y is how far down an event stands in the whole diagram.
  y(i) {
    if (!this.scaled) { return (this.place[i] + 0.5) * this.total / Math.max(this.shown.length, 1); }
    const from = this.d.at[0], span = Math.max(this.d.at[this.n - 1] - from, 1);
    return 11 + (this.d.at[i] - from) / span * (this.total - 22);
  }

  // at is the first place in shown at or below a height.
  at(height) {
    let lo = 0, hi = this.shown.length;
    while (lo < hi) {
      const mid = (lo + hi) >> 1;
      if (this.y(this.shown[mid]) < height) { lo = mid + 1; } else { hi = mid; }
    }
    return lo;
  }

  x(lane) { return this.gutter + (lane + 0.5) * this.laneWidth; }

  palette() {
    if (!this.colours) {
      const s = getComputedStyle(root);
      this.colours = {};
      for (const name of ["bg", "text", "soft", "line", "lane", "arrow", "late", "bad", "good", "mark", "band", "pick", "warn", "raised"]) {
        this.colours[name] = s.getPropertyValue("--" + name).trim();
      }
      this.mono = s.getPropertyValue("--mono").trim();
    }
    return this.colours;
  }

  draw() {
    const g = this.canvas.getContext("2d"), c = this.palette(), ratio = window.devicePixelRatio || 1;
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.fillStyle = c.bg;
    g.fillRect(0, 0, this.width, this.height);
    const top = this.scroller.scrollTop - HEAD;
    this.top = top;
    const first = Math.max(0, this.at(top - ROW) - 1);
    const last = Math.min(this.shown.length - 1, this.at(top + this.height + ROW));
    this.drawBands(g, c, first, last);
    this.drawLanes(g, c);
    this.drawSpans(g, c, first, last);
    const stride = Math.max(1, Math.ceil((last - first + 1) / MOST_SIGNS));
    const arrows = this.drawArrows(g, c, first, last, stride);
    let signs = 0, lastText = -99;
    const told = [this.picked, this.hovered].filter((i) => i >= 0).map((i) => this.y(i) - top); // whose text is there anyhow
    const dense = this.total / Math.max(this.shown.length, 1) < 13;
    for (let p = first; p <= last; p += stride) {
      const i = this.shown[p], y = this.y(i) - top;
      const chosen = i === this.picked || i === this.hovered;
      const text = chosen || y - lastText >= 13 && !told.some((at) => Math.abs(at - y) < 13);
      this.drawRow(g, c, i, y, text, chosen, dense);
      if (text) { lastText = y; }
      signs++;
    }
    if (this.picked >= 0 && stride > 1) { this.drawRow(g, c, this.picked, this.y(this.picked) - top, true, true, dense); }
    this.drawHead(g, c, stride);
    this.frames++;
    this.scroller.dataset.frames = this.frames;
    this.scroller.dataset.signs = signs;
    this.scroller.dataset.arrows = arrows;
    this.scroller.dataset.first = this.shown[first];
  }

  drawBands(g, c, first, last) {
    if (this.shown.length === 0) { return; }
    const a = this.shown[first], b = this.shown[last];
    for (const band of this.d.bands) {
      if (band.until < a || band.from > b) { continue; }
      const y1 = this.y(band.from) - this.top, y2 = Math.max(this.y(band.until) - this.top, y1 + 3);
      g.fillStyle = c.band;
      g.globalAlpha = 0.16;
      const lanes = band.lanes.length > 0 ? band.lanes : this.d.lanes.map((_, i) => i);
      for (const lane of lanes) { g.fillRect(this.x(lane) - this.laneWidth / 2 + 1, y1, this.laneWidth - 2, y2 - y1); }
      g.globalAlpha = 1;
      g.fillRect(this.x(lanes[0]) - this.laneWidth / 2 + 1, y1, 2, y2 - y1);
    }
  }

  drawLanes(g, c) {
    g.strokeStyle = c.lane;
    g.lineWidth = 1;
    g.beginPath();
    for (let l = 0; l < this.d.lanes.length; l++) {
      g.moveTo(Math.round(this.x(l)) + 0.5, 0);
      g.lineTo(Math.round(this.x(l)) + 0.5, Math.min(this.height, this.total - this.top));
    }
    g.stroke();
  }

  drawSpans(g, c, first, last) {
    if (this.shown.length === 0) { return; }
    const a = this.shown[first], b = this.shown[last];
    let drawn = 0;
    for (let lane = 0; lane < this.spansOf.length; lane++) {
      for (const s of this.spansOf[lane]) {
        if (s.from > b) { break; }
        if (s.until < a || drawn > MOST_ARROWS) { continue; }
        drawn++;
        const y1 = this.y(s.from) - this.top, y2 = Math.max(this.y(s.until) - this.top, y1 + 3);
        g.fillStyle = s.mark ? c.mark : s.outcome === "ok" ? c.good : c.warn;
        g.globalAlpha = s.mark ? 0.9 : 0.55;
        const w = s.open ? 2 : s.mark ? 9 : 6; // what never returned is a thread to the end
        g.fillRect(this.x(lane) - w / 2, y1, w, y2 - y1);
        g.globalAlpha = 1;
      }
    }
  }

  drawArrows(g, c, first, last, stride) {
    let drawn = 0;
    stride *= Math.ceil((last - first + 1) / stride / MOST_ARROWS); // all over the view, not the first ones
    for (let p = first; p <= last && drawn < MOST_ARROWS; p += stride) {
      if (this.d.from[this.shown[p]] >= 0) { this.drawArrow(g, c, this.shown[p]); drawn++; }
    }
    if (this.shown.length === 0) { return 0; }
    const end = this.shown[last];
    for (let block = end / BLOCK | 0; block < this.earliest.length && drawn < MOST_ARROWS; block++) {
      if (this.earliest[block] > end) { continue; }
      for (let i = Math.max(end + 1, block * BLOCK); i < Math.min(this.n, (block + 1) * BLOCK) && drawn < MOST_ARROWS; i++) {
        if (this.d.send[i] >= 0 && this.d.send[i] <= end && !this.hidden.has(this.d.kind[i])) { this.drawArrow(g, c, i); drawn++; }
      }
    }
    return drawn;
  }

  drawArrow(g, c, i) {
    const d = this.d, from = d.from[i], to = d.lane[i];
    if (to < 0) { return; }
    const lost = d.kinds[d.kind[i]] === "lost", fate = d.text[d.fate[i]];
    const y2 = this.y(i) - this.top;
    let y1 = d.send[i] >= 0 ? this.y(d.send[i]) - this.top : y2 - 6;
    if (lost && y2 - y1 < 6) { y1 = y2; }
    const x1 = this.x(from), x2 = this.x(to);
    const chosen = i === this.picked || i === this.hovered;
    g.globalAlpha = this.past && !this.past[i] ? 0.12 : chosen ? 1 : 0.75;
    g.strokeStyle = g.fillStyle = lost ? c.bad : fate ? c.late : c.arrow;
    g.lineWidth = chosen ? 2.5 : 1.3;
    g.setLineDash(lost || fate ? [5, 3] : []);
    const end = lost ? 0.72 : 1;
    const xe = x1 + (x2 - x1) * end, ye = y1 + (y2 - y1) * end;
    g.beginPath();
    g.moveTo(x1, y1);
    g.lineTo(xe, ye);
    g.stroke();
    g.setLineDash([]);
    if (lost) {
      g.lineWidth = 2;
      g.beginPath();
      g.moveTo(xe - 4, ye - 4); g.lineTo(xe + 4, ye + 4);
      g.moveTo(xe + 4, ye - 4); g.lineTo(xe - 4, ye + 4);
      g.stroke();
    } else if (from !== to) {
      const angle = Math.atan2(ye - y1, xe - x1), r = 7;
      g.beginPath();
      g.moveTo(xe, ye);
      g.lineTo(xe - r * Math.cos(angle - 0.42), ye - r * Math.sin(angle - 0.42));
      g.lineTo(xe - r * Math.cos(angle + 0.42), ye - r * Math.sin(angle + 0.42));
      g.fill();
    }
    g.globalAlpha = 1;
  }

  drawRow(g, c, i, y, text, chosen, dense) {
    const d = this.d, kind = d.kinds[d.kind[i]], marked = this.marked.has(i);
    if (chosen) {
      g.fillStyle = c.pick;
      g.globalAlpha = 0.75;
      g.fillRect(0, y - ROW / 2, this.gutter, ROW);
      g.fillRect(this.textAt - 3, y - ROW / 2, this.width, ROW);
      g.globalAlpha = 1;
    }
    g.globalAlpha = this.past && !this.past[i] ? 0.3 : 1;
    if (d.lane[i] >= 0) { this.drawSign(g, c, kind, this.x(d.lane[i]), y, i, dense); }
    if (chosen && d.lane[i] >= 0) {
      g.strokeStyle = c.text;
      g.lineWidth = 2;
      g.beginPath();
      g.arc(this.x(d.lane[i]), y, 8, 0, 7);
      g.stroke();
    }
    if (kind === "network") {
      g.strokeStyle = c.bad;
      g.globalAlpha *= 0.6;
      g.lineWidth = 1;
      g.setLineDash([2, 3]);
      g.beginPath();
      g.moveTo(this.gutter, y);
      g.lineTo(this.textAt, y);
      g.stroke();
      g.setLineDash([]);
      g.globalAlpha = this.past && !this.past[i] ? 0.3 : 1;
    }
    if (text) {
      g.textBaseline = "middle";
      g.font = `11px ${this.mono}`;
      g.fillStyle = c.soft;
      g.textAlign = "right";
      g.fillText(this.time(d.at[i]), this.gutter - 8, y);
      g.textAlign = "left";
      g.font = `${marked || chosen ? "600 " : ""}12px ${this.mono}`;
      g.fillStyle = marked ? c.mark : kind === "lost" || kind === "crash" || kind === "network" ? c.bad : c.text;
      const most = Math.floor((this.width - this.textAt - 4) / 7.3);
      let label = (marked ? "★ " : "") + d.text[d.label[i]].replace(/\n/g, " ");
      if (label.length > most) { label = label.slice(0, Math.max(most - 1, 1)) + "…"; }
      g.fillText(label, this.textAt, y);
    }
    g.globalAlpha = 1;
  }

  drawSign(g, c, kind, x, y, i, dense) {
    const r = dense ? 2 : 4;
    g.fillStyle = g.strokeStyle = this.marked.has(i) ? c.mark : c.text;
    g.lineWidth = 2;
    g.beginPath();
    switch (kind) {
      case "message":
        if (!this.stateAt.has(i)) { return; }
        g.arc(x, y, r - 1, 0, 7); g.fill();
        return;
      case "lost": return;
      case "operation": case "return":
        g.moveTo(x, y - r - 1); g.lineTo(x + r + 1, y); g.lineTo(x, y + r + 1); g.lineTo(x - r - 1, y);
        g.closePath();
        if (kind === "return") { g.fillStyle = c.bg; g.fill(); g.stroke(); } else { g.fill(); }
        return;
      case "storage": g.fillRect(x - r + 1, y - r + 1, 2 * r - 2, 2 * r - 2); return;
      case "timer": g.fillRect(x - 3, y - 1, 6, 2); return;
      case "start": g.fillStyle = c.bg; g.arc(x, y, r + 1, 0, 7); g.fill(); g.stroke(); return;
      case "crash":
        g.strokeStyle = c.bad;
        g.moveTo(x - r - 1, y - r - 1); g.lineTo(x + r + 1, y + r + 1);
        g.moveTo(x + r + 1, y - r - 1); g.lineTo(x - r - 1, y + r + 1);
        g.stroke();
        return;
      default: g.arc(x, y, r - 1, 0, 7); g.stroke();
    }
  }

  drawHead(g, c, stride) {
    g.fillStyle = c.raised;
    g.fillRect(0, 0, this.width, HEAD);
    g.strokeStyle = c.line;
    g.lineWidth = 1;
    g.beginPath();
    g.moveTo(0, HEAD + 0.5);
    g.lineTo(this.width, HEAD + 0.5);
    g.stroke();
    g.fillStyle = c.text;
    g.textBaseline = "middle";
    g.font = `600 12px ${this.mono}`;
    g.textAlign = "center";
    const most = Math.max(1, Math.floor(this.laneWidth / 7.3)), every = Math.ceil(24 / this.laneWidth);
    this.d.lanes.forEach((name, l) => {
      if (l % every === 0) { g.fillText(name.length > most && most > 1 ? name.slice(0, most - 1) + "…" : name.slice(0, Math.max(most, 2)), this.x(l), HEAD / 2); }
    });
    g.font = `11px ${this.mono}`;
    g.fillStyle = c.soft;
    g.textAlign = "right";
    g.fillText(this.d.untimed ? "" : "time", this.gutter - 8, HEAD / 2);
    g.textAlign = "left";
    if (stride > 1) { g.fillText(`one event in ${stride} is drawn: zoom in`, this.textAt, HEAD / 2); }
  }
}
