// What is told of an event beside the diagram and in its table.
class Details {
  time(at) {
    if (this.d.untimed) { return ""; }
    if (!this.d.clock) { return "+" + at; }
    if (at < 1e3) { return at + "ns"; }
    if (at < 1e6) { return (at / 1e3).toFixed(1) + "µs"; }
    if (at < 1e9) { return (at / 1e6).toFixed(2) + "ms"; }
    return (at / 1e9).toFixed(4) + "s";
  }

  exact(at) {
    if (this.d.untimed) { return ""; }
    return this.d.clock ? (at / 1e6) + " ms" : "+" + at;
  }

  words(i) {
    const d = this.d;
    let s = `${this.exact(d.at[i])}${d.lane[i] >= 0 ? ", " + d.lanes[d.lane[i]] : ""}: ${d.text[d.label[i]]}`;
    if (this.marked.has(i)) { s += ", of the witness"; }
    for (const c of this.changes(i)) { s += `; ${d.text[c.key]} is now ${d.text[c.after] || "nothing"}`; }
    return s;
  }

  changes(i) {
    const lane = this.d.lane[i];
    return lane < 0 ? [] : this.statesOf[lane].filter((s) => s.event === i);
  }

  // tell writes what is known of an event beside the diagram.
  tell(i) {
    const side = this.side, d = this.d;
    side.textContent = "";
    if (i < 0) {
      side.append(element("h3", "Point at an event"), element("p", "or move to one by the arrow keys: what it is and what its lane holds then stands here."));
      return;
    }
    side.append(element("h3", (this.marked.has(i) ? "★ " : "") + d.text[d.label[i]]));
    const list = element("dl");
    const add = (name, value) => { if (value) { list.append(element("dt", name), element("dd", value)); } };
    add("at", this.exact(d.at[i]));
    add("where", d.lane[i] >= 0 ? d.lanes[d.lane[i]] : "");
    add("what", d.kinds[d.kind[i]]);
    if (d.from[i] >= 0) {
      add("from", d.lanes[d.from[i]]);
      if (d.send[i] >= 0) { add("sent", this.exact(d.at[d.send[i]])); }
    }
    add("faults", d.text[d.fate[i]]);
    side.append(list);
    this.tellSpans(i);
    this.tellState(i);
    const inForce = d.bands.filter((b) => b.from <= i && i <= b.until).slice(0, 20);
    if (inForce.length > 0) {
      side.append(element("h4", "Faults in force"));
      const ul = element("ul");
      inForce.forEach((b) => ul.append(element("li", b.label)));
      side.append(ul);
    }
  }

  tellSpans(i) {
    const lane = this.d.lane[i];
    if (lane < 0) { return; }
    const now = this.spansOf[lane].filter((s) => s.from <= i && i <= s.until).slice(0, 20);
    if (now.length === 0) { return; }
    this.side.append(element("h4", "Operations in progress"));
    const ul = element("ul");
    now.forEach((s) => ul.append(element("li", `${s.name} ${s.label}: ${s.outcome}${s.mark ? " ★ of the witness" : ""}`)));
    this.side.append(ul);
  }

  tellState(i) {
    const d = this.d, lane = d.lane[i];
    if (lane < 0 || this.statesOf[lane].length === 0) { return; }
    const holds = new Map();
    for (const s of this.statesOf[lane]) {
      if (s.event > i) { break; }
      if (s.after === 0) { holds.delete(s.key); } else { holds.set(s.key, s.after); }
    }
    const changed = new Map(this.changes(i).map((s) => [s.key, s]));
    this.side.append(element("h4", `${d.lanes[lane]} then holds${changed.size > 0 ? ", and what changes" : ""}`));
    const dl = element("dl");
    dl.className = "state";
    const keys = [...new Set([...changed.keys(), ...holds.keys()])];
    for (const key of keys.slice(0, 200)) {
      dl.append(element("dt", d.text[key], "key mono"));
      const dd = element("dd", undefined, "mono");
      const s = changed.get(key);
      if (s) { this.difference(dd, d.text[s.before], d.text[s.after]); } else { dd.textContent = d.text[holds.get(key)]; }
      dl.append(dd);
    }
    if (keys.length === 0) { dl.append(element("dt", "nothing")); }
    this.side.append(dl);
    if (keys.length > 200) { this.side.append(element("p", `and ${keys.length - 200} more keys`)); }
  }

  // difference shows what of a text is gone and what is new, less what both begin and
  // end with.
  difference(to, before, after) {
    let a = 0, b = 0;
    const most = Math.min(before.length, after.length);
    while (a < most && before[a] === after[a]) { a++; }
    while (b < most - a && before[before.length - 1 - b] === after[after.length - 1 - b]) { b++; }
    if (before !== "" && a + b < most / 2) { a = b = 0; }
    to.append(after.slice(0, a));
    const gone = before.slice(a, before.length - b), fresh = after.slice(a, after.length - b);
    if (gone !== "") { to.append(element("del", gone)); }
    if (gone !== "" && fresh !== "") { to.append(" "); }
    if (fresh !== "") { to.append(element("ins", fresh)); }
    if (after === "") { to.append(" gone"); }
    to.append(after.slice(after.length - b));
  }

  // table lists all events, a page at a time, once it is asked for.
  table() {
    const details = this.host.querySelector(".rows"), box = details.querySelector("div");
    let page = 0;
    const d = this.d, pages = Math.max(1, Math.ceil(this.n / PAGE));
    const table = element("table"), head = element("tr"), body = element("tbody");
    ["time", "where", "what", "event"].forEach((name) => { const th = element("th", name); th.scope = "col"; head.append(th); });
    const thead = element("thead");
    thead.append(head);
    table.append(thead, body);
    const tools = element("div", undefined, "tools"), said = element("span");
    said.setAttribute("role", "status");
    const go = (label, step) => {
      const b = element("button", label);
      b.type = "button";
      b.addEventListener("click", () => { page = Math.max(0, Math.min(pages - 1, page + step)); fill(); });
      tools.append(b);
    };
    go("First", -1e9); go("Previous", -1); tools.append(said); go("Next", 1); go("Last", 1e9);
    const fill = () => {
      body.textContent = "";
      for (let i = page * PAGE; i < Math.min(this.n, (page + 1) * PAGE); i++) {
        const tr = element("tr", undefined, this.marked.has(i) ? "mark" : "");
        tr.append(element("td", this.exact(d.at[i]), "n"), element("td", d.lane[i] >= 0 ? d.lanes[d.lane[i]] : ""),
          element("td", d.kinds[d.kind[i]]), element("td", this.words(i).replace(/^[^:]*: /, ""), "w"));
        body.append(tr);
      }
      said.textContent = `page ${page + 1} of ${pages}`;
    };
    details.addEventListener("toggle", () => {
      if (details.open && !box.contains(table)) { details.insertBefore(tools, box); box.append(table); fill(); }
    });
  }
}
