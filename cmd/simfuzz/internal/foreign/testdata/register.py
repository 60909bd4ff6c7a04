# A last-writer-wins register, as a program for simfuzz laws --exec.
import json
import sys

wrong = "wrong" in sys.argv[1:]


def merge(a, b):
    if wrong:  # a tie keeps the right one
        return b if b["time"] >= a["time"] else a
    return max(a, b, key=lambda s: (s["time"], s["value"]))


def draw(numbers):
    return {"time": numbers[0] % 1000, "value": "abc"[numbers[1] % 3]}


for line in sys.stdin:
    request = json.loads(line)
    if "merge" in request:
        answer = {"merged": merge(*request["merge"])}
    else:
        answer = {"state": draw(request["draw"]), "used": 2}
    print(json.dumps(answer), flush=True)
