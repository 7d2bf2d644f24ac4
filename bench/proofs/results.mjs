/* What memory for a result costs: the part of `update()` that no library can save. */
import { Buffer } from "node:buffer";
import { time } from "./time.mjs";

for (const size of [16, 256, 1024, 4096]) {
  console.log(`${size} bytes`);
  time("new Uint8Array()", "kept.result = new Uint8Array(size);", { size });
  time("Buffer.allocUnsafeSlow()", "kept.result = Buffer.allocUnsafeSlow(size);", { Buffer, size });
  time("Buffer.alloc()", "kept.result = Buffer.alloc(size);", { Buffer, size });
}
