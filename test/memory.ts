import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import vm from "node:vm";
import { MessageChannel, receiveMessageOnPort } from "node:worker_threads";
import { byteLengthOf, partOf } from "@cryptodev/core/host";
import { pattern } from "./bytes.ts";

/* Every kind of memory that a view can be over: memory that disappears, changes its size, moves, or has two names. */

/** Detaches the memory of a view, as a transfer to another thread does. */
export function detach(view: Uint8Array<ArrayBuffer>): void {
  structuredClone(view.buffer, { transfer: [view.buffer] });
}

/** Creates a view that had `size` bytes before it was detached. */
export function detached(size: number): Uint8Array<ArrayBuffer> {
  const view = pattern(size);
  detach(view);
  return view;
}

/** Creates a buffer that can change its size. ES2024 has it, but the types used here do not. */
export function resizable(size: number, most: number): ArrayBuffer & { resize(size: number): void } {
  type Resizable = ReturnType<typeof resizable>;
  const Resizable = ArrayBuffer as unknown as new (size: number, options: { maxByteLength: number }) => Resizable;
  return new Resizable(size, { maxByteLength: most });
}

/** Creates shared memory that any thread can grow at any time. */
export function growable(size: number, most: number): SharedArrayBuffer & { grow(size: number): void } {
  type Growable = ReturnType<typeof growable>;
  const Growable = SharedArrayBuffer as unknown as new (size: number, options: { maxByteLength: number }) => Growable;
  return new Growable(size, { maxByteLength: most });
}

/** A WebAssembly memory, as far as the tests use it; the types used here do not have it. */
export interface WasmMemory {
  readonly buffer: ArrayBufferLike;
  grow(pages: number): number;
  /** Returns a buffer that follows the memory instead of being detached when it grows. Node.js 20 does not have it. */
  toResizableBuffer?(): ArrayBuffer;
}

type WasmMemoryOptions = { readonly initial: number; readonly maximum?: number; readonly shared?: boolean };
const { WebAssembly } = globalThis as unknown as {
  WebAssembly: { Memory: new (options: WasmMemoryOptions) => WasmMemory };
};

const WASM_PAGE = 65536;
/** How many bytes of pieces a WebAssembly memory has room for, and how often it can grow. */
const WASM_ROOM = 2 ** 19;
const WASM_GROWS = 64;

/** Creates a WebAssembly memory with room for `size` bytes and one more page. */
export function wasmMemory(size: number, shared = false): WasmMemory {
  const initial = Math.ceil(size / WASM_PAGE) + 1;
  return new WebAssembly.Memory({ initial, maximum: initial + WASM_GROWS, shared });
}

/** Whether this runtime has buffers that follow a WebAssembly memory. */
export const hasResizableWasm: boolean = wasmMemory(0).toResizableBuffer !== undefined;

/**
 * WebAssembly memories that do not move: Bun has room for about eight of them, and each further one moves when it
 * grows.
 */
const taken: WasmMemory[] = [];

/** Creates a WebAssembly memory that moves when it grows, if this runtime moves any. */
export function movingWasmMemory(size: number): WasmMemory {
  while (taken.length < 16) taken.push(wasmMemory(0));
  return wasmMemory(size);
}

/** Two buffer objects over one shared memory, in each way that a program can obtain them. */
export const twins: readonly (readonly [string, (size: number) => readonly [SharedArrayBuffer, SharedArrayBuffer]])[] =
  [
    [
      "structuredClone()",
      (size) => {
        const buffer = new SharedArrayBuffer(size);
        return [buffer, structuredClone(buffer)];
      },
    ],
    [
      "a MessageChannel",
      (size) => {
        const buffer = new SharedArrayBuffer(size);
        const { port1, port2 } = new MessageChannel();
        port1.postMessage(buffer);
        const received = receiveMessageOnPort(port2)?.message as SharedArrayBuffer;
        port1.close();
        return [buffer, received];
      },
    ],
    [
      "a shared WebAssembly memory before and after it grew",
      (size) => {
        const memory = wasmMemory(size, true);
        const before = memory.buffer as SharedArrayBuffer;
        memory.grow(1);
        return [before, memory.buffer as SharedArrayBuffer];
      },
    ],
    [
      "two growable buffers",
      (size) => {
        const buffer = growable(size, size + 4096);
        return [buffer, structuredClone(buffer)];
      },
    ],
  ];

/** One piece of memory. */
export interface Piece {
  readonly view: Uint8Array;
  /** Does to the memory what a program may do between two operations; the view stays the same, its bytes may change. */
  disturb?(): unknown;
}

/** A way to obtain a Uint8Array, with the special properties of its memory. */
export interface MemoryKind {
  readonly name: string;
  make(size: number): Piece;
}

const { Bun } = globalThis as unknown as { Bun?: { mmap(path: string): Uint8Array<ArrayBuffer> } };

/** Maps a writable file of `size` bytes. Only Bun can do this, and only if the file is not empty. */
export function mapFile(size: number): { readonly view: Uint8Array; readonly path: string } {
  const folder = mkdtempSync(join(tmpdir(), "cryptodev-mapped-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "file");
  writeFileSync(path, new Uint8Array(size));
  return { view: (Bun as NonNullable<typeof Bun>).mmap(path), path };
}

/** Maps a file that has no name any more: vitest kills its processes, so they cannot remove it when they exit. */
function mapUnnamed(size: number): Uint8Array {
  const { view, path } = mapFile(size);
  rmSync(dirname(path), { recursive: true });
  return view;
}

/** All pieces are parts of one mapped file. */
let mapped: Uint8Array | undefined;
let nextMapped = 0;
const MAPPED = 2 ** 20;

/**
 * Takes pieces from one WebAssembly memory: creating one takes a millisecond or more, so each is used for many pieces.
 */
function inWasm(make: () => WasmMemory, bufferOf: (memory: WasmMemory) => ArrayBufferLike): MemoryKind["make"] {
  let memory: WasmMemory | undefined;
  let [end, grown] = [0, 0];
  return (size) => {
    if (memory === undefined || end + size > WASM_ROOM || grown === WASM_GROWS) {
      memory = make();
      [end, grown] = [0, 0];
    }
    const own = memory;
    const view = new Uint8Array(bufferOf(own), end + 11, size);
    end += size + 11;
    const disturb = () => {
      // The memory may have been replaced, or have grown for other pieces.
      if (own !== memory || grown === WASM_GROWS) return;
      grown += 1;
      own.grow(1);
    };
    return { view, disturb };
  };
}

class Subclass extends Uint8Array {}
const elsewhere = vm.runInNewContext("Uint8Array") as Uint8ArrayConstructor;

/** Overrides the properties and methods of a view with wrong ones. */
function lying(view: Uint8Array): Uint8Array {
  return Object.defineProperties(view, {
    length: { get: () => byteLengthOf(view) + 1 },
    byteLength: { get: () => byteLengthOf(view) + 16 },
    byteOffset: { value: 3 },
    buffer: { value: new ArrayBuffer(1) },
    subarray: { value: () => new Uint8Array(1) },
    slice: { value: () => new Uint8Array(1) },
    set: { value: () => {} },
    fill: { value: () => {} },
  });
}

/** Every kind of memory that this runtime has. */
export const memoryKinds: readonly MemoryKind[] = [
  {
    name: "a view of its own",
    make(size) {
      const view = new Uint8Array(size);
      // In Bun, a small view moves when its buffer is first read.
      return { view, disturb: () => void view.buffer };
    },
  },
  { name: "a part of a buffer", make: (size) => ({ view: new Uint8Array(new ArrayBuffer(size + 29), 13, size) }) },
  { name: "a Buffer of the pool", make: (size) => ({ view: Buffer.from(new Uint8Array(size)) }) },
  { name: "TextEncoder's result", make: (size) => ({ view: new TextEncoder().encode("x".repeat(size)) }) },
  { name: "a subclass", make: (size) => ({ view: new Subclass(size) }) },
  { name: "a view of another realm", make: (size) => ({ view: new elsewhere(size) }) },
  { name: "a view that lies", make: (size) => ({ view: lying(new Uint8Array(size)) }) },
  {
    name: "a resizable buffer, whose length is followed",
    make(size) {
      const buffer = resizable(size, size + 100);
      const resize = () => {
        buffer.resize(0);
        buffer.resize(size);
      };
      return { view: new Uint8Array(buffer), disturb: resize };
    },
  },
  {
    name: "a part of a resizable buffer",
    make(size) {
      const buffer = resizable(size + 7, size + 100);
      return { view: new Uint8Array(buffer, 7, size), disturb: () => buffer.resize(size + 90) };
    },
  },
  {
    name: "a resizable buffer that shrinks under the view",
    make(size) {
      const buffer = resizable(size, size);
      return { view: new Uint8Array(buffer, 0, size), disturb: () => buffer.resize(size >> 1) };
    },
  },
  {
    name: "a buffer that is transferred",
    make(size) {
      const view = new Uint8Array(new ArrayBuffer(size));
      return { view, disturb: () => isGone(view) || detach(view) };
    },
  },
  { name: "shared memory", make: (size) => ({ view: new Uint8Array(new SharedArrayBuffer(size + 5), 5, size) }) },
  {
    name: "growable shared memory, whose length is followed",
    make: (size) => ({ view: new Uint8Array(growable(size, size + 100)) }),
  },
  {
    name: "a part of growable shared memory",
    make(size) {
      const buffer = growable(size + 3, size + 100);
      return { view: new Uint8Array(buffer, 3, size), disturb: () => buffer.grow(size + 100) };
    },
  },
  {
    name: "WebAssembly memory, which is detached when it grows",
    make: inWasm(
      () => wasmMemory(WASM_ROOM),
      (memory) => memory.buffer,
    ),
  },
  {
    name: "shared WebAssembly memory",
    make: inWasm(
      () => wasmMemory(WASM_ROOM, true),
      (memory) => memory.buffer,
    ),
  },
  ...(hasResizableWasm
    ? [
        {
          name: "WebAssembly memory that is followed, and moves in Bun",
          make: inWasm(
            () => movingWasmMemory(WASM_ROOM),
            (memory) => memory.toResizableBuffer?.() as ArrayBuffer,
          ),
        },
      ]
    : []),
  ...(Bun === undefined
    ? []
    : [
        {
          name: "a mapped file",
          make(size: number) {
            mapped ??= mapUnnamed(MAPPED);
            const start = nextMapped + size > MAPPED ? 0 : nextMapped;
            nextMapped = start + size + 1;
            return { view: partOf(mapped, start, start + size) };
          },
        },
      ]),
];

/** Copies the content of a view, even if its properties are overridden. */
export function contentOf(view: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(byteLengthOf(view));
  if (copy.length > 0) copy.set(partOf(view, 0, copy.length));
  return copy;
}

/** Overwrites the first bytes of a view, even if its properties are overridden. */
export function fillWith(view: Uint8Array, bytes: Uint8Array): void {
  if (bytes.length > 0) partOf(view, 0, bytes.length).set(bytes);
}

/** Whether the memory of a view is gone; that of an empty view may still exist. */
export function isGone(view: Uint8Array): boolean {
  try {
    partOf(view, 0, 0);
    return false;
  } catch {
    return true;
  }
}
