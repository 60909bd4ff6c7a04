// A last-writer-wins register, as a program for simfuzz laws --exec.
const wrong = process.argv.includes("wrong");

function merge([a, b]) {
  if (wrong) return b.time >= a.time ? b : a; // a tie keeps the right one
  return b.time > a.time || (b.time === a.time && b.value > a.value) ? b : a;
}

function draw(numbers) {
  return { time: numbers[0] % 1000, value: "abc"[numbers[1] % 3] };
}

require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const request = JSON.parse(line);
  const answer = request.merge ? { merged: merge(request.merge) } : { state: draw(request.draw), used: 2 };
  console.log(JSON.stringify(answer));
});
