// Records the operations of a system for simfuzz check, from any number of tasks.
const fs = require("fs");

class Recorder {
  constructor(path, name = "") {
    this.file = fs.openSync(path, "w");
    this.ops = 0;
    this.line({ kind: "history", version: 1, name });
  }
  line(fields) {
    fs.writeSync(this.file, JSON.stringify(fields) + "\n");
  }
  // Calls run and records it. What throws may have happened: a timeout, a lost connection.
  async do(session, type, func, key, run, arg = null) {
    const now = () => Math.round(performance.now() * 1e6);
    const op = { kind: "op", session, type, func, key, arg, call: now(), outcome: "unknown" };
    try {
      const out = await run();
      Object.assign(op, { out, return: now(), outcome: "ok" });
      return out;
    } finally {
      this.line(op);
      this.ops++;
    }
  }
  close() {
    this.line({ kind: "end", ops: this.ops, fences: 0 });
    fs.closeSync(this.file);
  }
}

if (require.main === module) main(); // a Map is the system: node record.js history.jsonl

async function main() {
  const store = new Map(), recorder = new Recorder(process.argv[2], "a Map");
  const pause = () => new Promise((done) => setTimeout(done, 0));
  const client = async (name) => {
    for (let i = 0; i < 50; i++) {
      await recorder.do(name, "register", "write", "x", async () => (await pause(), store.set("x", [name, i]), await pause()), [name, i]);
      await recorder.do(name, "register", "read", "x", async () => (await pause(), store.get("x")));
    }
  };
  await Promise.all(["a", "b", "c"].map(client));
  await recorder.do("d", "register", "write", "x", () => Promise.reject(new Error("timeout")), "lost").catch(() => {});
  recorder.close();
}
module.exports = { Recorder };
