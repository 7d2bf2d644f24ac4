/* What a call with fresh views costs without any library: two views are created, and three pieces of memory are copied. */
import { time } from "./time.mjs";

for (const size of [16, 1024]) {
  const [source, destination, iv] = [new Uint8Array(2 ** 20), new Uint8Array(2 ** 20), new Uint8Array(16)];
  const arena = new Uint8Array(new ArrayBuffer(8192));
  const [ivPlace, place] = [arena.subarray(0, 16), arena.subarray(4096)];
  const part = arena.subarray(4096, 4096 + size);
  const scope = { source, destination, iv, ivPlace, place, part, size };
  const views = "const from = source.subarray(0, size), to = destination.subarray(0, size); kept.result = to;";
  console.log(`${size} bytes`);
  time("two subarray()", views, scope);
  time("three set()", "ivPlace.set(iv); place.set(part); part.set(part);", scope);
  time("both", `${views} ivPlace.set(iv); place.set(from); to.set(part);`, scope);
}
