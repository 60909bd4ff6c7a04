"""Records the operations of a system for simfuzz check, from any number of threads."""
import json
import sys
import threading
import time


class Recorder:
    def __init__(self, path, name=""):
        self.lock, self.ops, self.out = threading.Lock(), 0, open(path, "w", encoding="utf-8")
        self.line({"kind": "history", "version": 1, "name": name})

    def line(self, fields):
        self.out.write(json.dumps(fields) + "\n")

    def do(self, session, type, func, key, run, arg=None):
        """Calls run and records it. What raises may have happened: a timeout, a lost connection."""
        op = {"kind": "op", "session": session, "type": type, "func": func, "key": key, "arg": arg}
        op["call"], op["outcome"] = time.monotonic_ns(), "unknown"
        try:
            op["out"] = run()
            op["return"], op["outcome"] = time.monotonic_ns(), "ok"
            return op["out"]
        finally:
            with self.lock:
                self.line(op)
                self.ops += 1

    def close(self):
        self.line({"kind": "end", "ops": self.ops, "fences": 0})
        self.out.close()


if __name__ == "__main__":  # a dict is the system: python3 record.py history.jsonl
    store, recorder = {}, Recorder(sys.argv[1], "a dict")

    def client(name):
        for i in range(50):
            recorder.do(name, "register", "write", "x", lambda: store.update(x=[name, i]), [name, i])
            recorder.do(name, "register", "read", "x", lambda: store["x"])

    def late():
        raise TimeoutError

    threads = [threading.Thread(target=client, args=(name,)) for name in ("a", "b", "c")]
    [t.start() for t in threads]
    [t.join() for t in threads]
    try:
        recorder.do("d", "register", "write", "x", late, "lost")
    except TimeoutError:
        pass
    recorder.close()
