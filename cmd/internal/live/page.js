"use strict";
(() => {
  const at = (id) => document.getElementById(id);
  const element = (tag, text, cls) => {
    const e = document.createElement(tag);
    if (text !== undefined) { e.textContent = text; }
    if (cls) { e.className = cls; }
    return e;
  };
  const show = (s) => {
    document.title = `${s.violations > 0 ? s.violations + " failing: " : ""}${s.title}`;
    at("title").textContent = s.title;
    const verdict = at("verdict");
    verdict.textContent = s.violations > 0 ? "violated" : s.over ? "holds" : "holds so far";
    verdict.className = "verdict " + (s.violations > 0 ? "bad" : "good");
    at("connection").textContent = s.over;
    at("seconds").textContent = `${s.seconds.toFixed(0)} s`;
    at("seeds").textContent = String(s.seeds);
    at("rate").textContent = s.seeds_per_second.toFixed(0);
    at("deliveries").textContent = String(s.deliveries);
    at("violations").textContent = String(s.violations);
    if (s.failures.length > 0) {
      at("failures").replaceChildren(...s.failures.map((f) => {
        const box = element("div", undefined, "violation");
        box.append(element("code", `seed ${f.seed}`), element("pre", f.message));
        if (f.folder) { box.append(element("p", `kept in ${f.folder}`)); }
        return box;
      }));
    }
    at("points").replaceChildren(...s.points.map((p) => {
      const row = element("tr");
      const name = element("th", p.name);
      name.scope = "row";
      row.append(name, element("td", p.seeds > 0 ? String(p.seeds) : "not yet", "n"));
      return row;
    }));
  };
  const events = new EventSource("/events");
  events.onmessage = (e) => { show(JSON.parse(e.data)); };
  events.onerror = () => { at("connection").textContent = "The campaign's program has ended, or does not answer; what stands here is the last that it said."; };
})();
