// Runs the wasm build for the text cases: framed RESP on stdin, framed replies on stdout.
// In: u32 length, f64 now in milliseconds, RESP. Out: u32 length, RESP. All little endian.
import { pathToFileURL } from "node:url";

const HEAD_BYTES = 12;
let now = Date.now();
// The package takes its time from Date.now: the cases move it.
Date.now = () => now;

const { Larder } = await import(pathToFileURL(process.argv[2]).href);
// The cases move time in jumps: a timer of real time would not notice.
const db = await Larder.open({ activeExpiry: false });

let waiting = Buffer.alloc(0);
for await (const chunk of process.stdin) {
  waiting = Buffer.concat([waiting, chunk]);
  while (waiting.length >= HEAD_BYTES) {
    const end = HEAD_BYTES + waiting.readUInt32LE(0);
    if (waiting.length < end) break;
    now = waiting.readDoubleLE(4);
    db.tick();
    const answer = db.raw(new Uint8Array(waiting.subarray(HEAD_BYTES, end)));
    waiting = waiting.subarray(end);
    const head = Buffer.alloc(4);
    head.writeUInt32LE(answer.length);
    process.stdout.write(Buffer.concat([head, answer]));
  }
}
