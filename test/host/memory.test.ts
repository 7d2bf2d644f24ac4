import { closeSync, openSync, readSync } from "node:fs";
import { crypt_op } from "@cryptodev/core/abi";
import { Argument } from "@cryptodev/core/host";
import { afterAll, describe, expect, test } from "vitest";
import { pattern, toHex } from "../bytes.ts";
import { detach, detached, growable, hasResizableWasm, movingWasmMemory, resizable } from "../memory.ts";
import { collectGarbage, realHost, runtimeName } from "../runtime.ts";

/*
 * What the kernel finds at the addresses that we pass to it. The tests read this process's memory by address, as the
 * kernel does.
 */

const host = await realHost();
const memory = openSync("/proc/self/mem", "r");
afterAll(() => closeSync(memory));

function readAddress(address: bigint, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  expect(readSync(memory, bytes, 0, size, address)).toBe(size);
  return bytes;
}

/** Returns the address in a pointer field of an argument. */
function pointer(argument: Argument, offset: number): bigint {
  return BigInt(argument.getUint32(offset)) | (BigInt(argument.getUint32(offset + 4)) << 32n);
}

/** Collects garbage, and overwrites the freed memory: reading freed memory of these sizes then shows the change. */
function churn(...sizes: number[]): void {
  for (let round = 0; round < 10; round += 1) {
    collectGarbage();
    const litter = sizes.flatMap((size) =>
      Array.from({ length: 500 }, () => new Uint8Array(new ArrayBuffer(size)).fill(0xdd)),
    );
    expect(litter.length).toBe(sizes.length * 500);
  }
}

const makers: readonly (readonly [string, (size: number) => Uint8Array])[] = [
  ["new Uint8Array(n)", (size) => new Uint8Array(size)],
  ["over an ArrayBuffer", (size) => new Uint8Array(new ArrayBuffer(size))],
  ["in the middle of an ArrayBuffer", (size) => new Uint8Array(new ArrayBuffer(size + 24), 13, size)],
  ["slice()", (size) => new Uint8Array(size + 5).slice(0, size)],
  ["Uint8Array.from()", (size) => Uint8Array.from({ length: size })],
  ["TextEncoder.encode()", (size) => new TextEncoder().encode("x".repeat(size))],
  ["over a SharedArrayBuffer", (size) => new Uint8Array(new SharedArrayBuffer(size))],
];

describe.each(makers)("the address of a view (%s) in an Argument", (_name, make) => {
  test.each([1, 16, 48, 1000, 1001, 65536])("is that of the caller's own %i bytes", (size) => {
    const argument = new Argument(host, crypt_op);
    const view = make(size);
    argument.point(argument.offset.src, view);
    // In Bun, asking for the buffer of a small view moves it, so that an address that was taken earlier is stale.
    view.subarray(0, 1);
    void view.buffer;
    new DataView(view.buffer);
    view.set(pattern(size));
    churn(size);
    expect(toHex(readAddress(pointer(argument, argument.offset.src), size))).toBe(toHex(pattern(size)));
  });
});

test.each([32, 4096])("an Argument keeps alive the %i bytes to which only its pointer refers", (size) => {
  const held = Array.from({ length: 200 }, (_, index) => {
    const argument = new Argument(host, crypt_op);
    argument.point(argument.offset.src, new Uint8Array(new ArrayBuffer(size)).fill(index));
    return argument;
  });
  churn(size);
  for (const [index, argument] of held.entries()) {
    const bytes = readAddress(pointer(argument, argument.offset.src), size);
    expect(toHex(bytes)).toBe(toHex(new Uint8Array(size).fill(index)));
  }
});

test("the struct of an Argument stays at its address", () => {
  const held = Array.from({ length: 100 }, () => new Argument(host, crypt_op));
  for (const [index, argument] of held.entries()) argument.setUint32(argument.offset.ses, index + 1);
  churn(48);
  for (const [index, argument] of held.entries()) {
    const bytes = readAddress(BigInt(argument.address), argument.bytes.length);
    expect(new DataView(bytes.buffer).getUint32(argument.offset.ses, true)).toBe(index + 1);
  }
});

describe("a pointer in an Argument is NULL for", () => {
  test.each([
    ["null", null],
    ["an empty view", new Uint8Array()],
    ["an empty view into a buffer", new Uint8Array(new ArrayBuffer(16), 8, 0)],
    ["a detached view", detached(16)],
  ])("%s", (_name, view) => {
    const argument = new Argument(host, crypt_op);
    argument.point(argument.offset.src, pattern(16));
    argument.point(argument.offset.src, view);
    expect(pointer(argument, argument.offset.src)).toBe(0n);
  });

  test("a view that was detached after the pointer was set", () => {
    const argument = new Argument(host, crypt_op);
    const view = pattern(16);
    argument.point(argument.offset.src, view);
    detach(view);
    argument.point(argument.offset.src, view);
    expect(pointer(argument, argument.offset.src)).toBe(0n);
  });

  test("every view after release()", () => {
    const argument = new Argument(host, crypt_op);
    argument.point(argument.offset.src, pattern(16));
    argument.point(argument.offset.iv, pattern(16));
    argument.release();
    expect(argument.bytes).toEqual(new Uint8Array(48));
    expect(argument.pointees.every((target) => target === null)).toBe(true);
  });
});

describe("Argument.point() with the same view again finds its new address in", () => {
  const kinds: readonly (readonly [string, () => { readonly view: Uint8Array; move(): void }])[] = [
    [
      "a resizable buffer",
      () => {
        const buffer = resizable(4096, 2 ** 20);
        return { view: new Uint8Array(buffer, 0, 64), move: () => buffer.resize(2 ** 20) };
      },
    ],
    [
      "growable shared memory",
      () => {
        const buffer = growable(4096, 2 ** 20);
        return { view: new Uint8Array(buffer, 0, 64), move: () => buffer.grow(2 ** 20) };
      },
    ],
    ...(hasResizableWasm
      ? [
          [
            "WebAssembly memory that is followed",
            () => {
              const memory = movingWasmMemory(0);
              const view = new Uint8Array(memory.toResizableBuffer?.() as ArrayBuffer, 0, 64);
              return { view, move: () => void memory.grow(8) };
            },
          ] as const,
        ]
      : []),
  ];

  test.each(kinds)("%s", (_name, make) => {
    // Keep them all, so that each has memory of its own.
    const held = Array.from({ length: 20 }, () => {
      const argument = new Argument(host, crypt_op);
      const { view, move } = make();
      argument.point(argument.offset.src, view);
      move();
      view.set(pattern(64));
      argument.point(argument.offset.src, view);
      return { argument, view };
    });
    for (const { argument, view } of held) {
      expect(pointer(argument, argument.offset.src)).toBe(BigInt(host.addressOf(view)));
      expect(toHex(readAddress(pointer(argument, argument.offset.src), 64))).toBe(toHex(pattern(64)));
    }
  });
});

if (runtimeName === "Bun") {
  test("WebAssembly memory in Bun moves under a view that stays valid", () => {
    // If this fails, Bun no longer moves it, and the tests of moving memory need another way to move it.
    const memory = movingWasmMemory(0);
    const view = new Uint8Array(memory.toResizableBuffer?.() as ArrayBuffer, 0, 64);
    const before = host.addressOf(view);
    for (let round = 0; round < 20 && host.addressOf(view) === before; round += 1) memory.grow(1);
    expect(host.addressOf(view)).not.toBe(before);
    expect(view).toHaveLength(64);
  });

  test("an address in Bun that was taken before the view's buffer was requested goes stale", async () => {
    // If this fails, Bun no longer moves small views, and its host does not need to request the buffer first.
    const { ptr } = (await import("bun:ffi" as string)) as { ptr(view: Uint8Array): number };
    const view = new Uint8Array(48);
    const early = ptr(view);
    void view.buffer;
    expect(ptr(view)).not.toBe(early);
  });
}
