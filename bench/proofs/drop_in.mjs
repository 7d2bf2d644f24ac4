/*
 * How much of node:crypto's throughput an `update()` can reach whose data goes through memory of the library, and whose iv
 * is passed along and returned, as the ioctl requires: without any other part of a library.
 */
import { createCipheriv } from "node:crypto";

const ROUNDS = 60;
const DURATION = 10;

const key = new Uint8Array(16);
const arena = new Uint8Array(new ArrayBuffer(8192));
const running = new Uint8Array(new ArrayBuffer(16));
const own = new Uint8Array(new ArrayBuffer(16));
const create = () => createCipheriv("aes-128-cbc", key, new Uint8Array(16));

/** An update of node:crypto, and the same with the copies. */
function updatesOf(size) {
  const [direct, inner] = [create(), create()];
  const data = new Uint8Array(size);
  const part = arena.subarray(0, size);
  return [
    () => direct.update(data),
    () => {
      part.set(data);
      for (let index = 0; index < 16; index += 1) own[index] = running[index];
      const result = inner.update(part);
      for (let index = 0; index < 16; index += 1) own[index] = result[size - 16 + index];
      for (let index = 0; index < 16; index += 1) running[index] = own[index];
      return result;
    },
  ];
}

/** Returns a loop that is compiled only for one operation. */
const loopOf = (operation) =>
  new Function(
    "operation",
    "kept",
    "return (count) => { for (let index = 0; index < count; index += 1) kept.result = operation(); };",
  )(operation, {});

/** @returns the nanoseconds of one operation */
function measure(loop, count) {
  const begin = performance.now();
  loop(count);
  return ((performance.now() - begin) * 1e6) / count;
}

const median = (numbers) => numbers.sort((one, other) => one - other)[numbers.length >> 1];

for (const size of [16, 256, 4096]) {
  const [direct, copying] = updatesOf(size).map(loopOf);
  let count = 1000;
  while (measure(direct, count) * count < DURATION * 1e6) count *= 2;
  const pairs = [];
  for (let round = 0; round < ROUNDS; round += 1) pairs.push([measure(direct, count), measure(copying, count)]);
  const late = pairs.slice(ROUNDS / 3);
  const ratio = median(late.map(([one, other]) => one / other));
  const [one, other] = [0, 1].map((index) => median(late.map((pair) => pair[index])).toFixed(0));
  console.log(
    `${size} bytes: ${one} ns in node:crypto, ${other} ns with the copies: ${ratio.toFixed(2)} of its throughput`,
  );
}
