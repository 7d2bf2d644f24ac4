/*
 * How fast an `update()` can be whose data goes through memory of the library, and whose iv is passed along and returned,
 * as the ioctl requires: without any other part of a library.
 */
import { createCipheriv } from "node:crypto";
import { time } from "./time.mjs";

const COPYING = `
  part.set(data);
  for (let index = 0; index < 16; index += 1) own[index] = running[index];
  const result = cipher.update(part);
  for (let index = 0; index < 16; index += 1) own[index] = result[size - 16 + index];
  for (let index = 0; index < 16; index += 1) running[index] = own[index];
  kept.result = result;
`;

for (const size of [16, 256, 4096]) {
  const cipher = createCipheriv("aes-128-cbc", new Uint8Array(16), new Uint8Array(16));
  const data = new Uint8Array(size);
  const part = new Uint8Array(new ArrayBuffer(8192), 0, size);
  const [running, own] = [new Uint8Array(new ArrayBuffer(16)), new Uint8Array(new ArrayBuffer(16))];
  console.log(`${size} bytes`);
  const direct = time("update() of node:crypto", "kept.result = cipher.update(data);", { cipher, data });
  const copying = time("the same with the copies", COPYING, { cipher, data, part, running, own, size });
  console.log(`${(direct / copying).toFixed(2).padStart(7)}     of its throughput`);
}
