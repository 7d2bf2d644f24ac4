import process from "node:process";
import {
  AuthenticationError,
  BusyError,
  ClosedError,
  Device,
  type DeviceOptions,
  machineOf,
  type Session,
  traced,
} from "@cryptodev/core";
import { KernelCrashError } from "@cryptodev/soft";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { contentOf, fillWith, isGone, memoryKinds } from "../memory.ts";
import { MemoryHost } from "../memory_host.ts";
import { realHost, runtimeName } from "../runtime.ts";
import { parametersOf } from "../soft/random.ts";
import type { Vigil } from "../vigil.ts";
import { VigilantHost } from "../vigilant_host.ts";
import { kinds, type Shape, withGetters } from "./operations.ts";

/*
 * Every operation of every kind of session, over every kind of memory that this runtime has, at sizes around each
 * limit. The results are compared with those of other implementations, whatever happens to the memory between two
 * operations, and whatever the program does in the middle of one: in a trace, or in a getter of an object that the
 * library reads. No call may reach the device with a length that its memory does not have.
 */

const edges = [0, 1, 15, 16, 17, 31, 32, 47, 48, 1023, 1024, 1025, 4095, 4096, 4097];
const bigEdges = [16383, 16384, 16385, 65535, 65536, 65537];

const shape: fc.Arbitrary<Shape> = fc.record({
  size: fc.oneof(
    { weight: 10, arbitrary: fc.constantFrom(...edges) },
    { weight: 4, arbitrary: fc.nat(300) },
    { weight: 1, arbitrary: fc.constantFrom(...bigEdges) },
  ),
  aad: fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom(0, 1, 13, 256) },
    { weight: 1, arbitrary: fc.constantFrom(...edges.slice(0, -1)) },
  ),
  spare: fc.constantFrom(0, 0, 1, 16, 64),
  forged: fc.boolean(),
  cut: fc.nat(100_000),
});
const operation = fc.record({
  kind: fc.constantFrom(...Object.keys(kinds)),
  method: fc.nat(100),
  shape,
  memory: fc.array(fc.nat(memoryKinds.length - 1), { minLength: 4, maxLength: 4 }),
  inPlace: fc.boolean(),
  /** How often to repeat over the same memory, and which argument to disturb before each repetition. */
  disturbed: fc.array(fc.nat(5), { maxLength: 3 }),
});
type Step = typeof operation extends fc.Arbitrary<infer S> ? S : never;
const step = fc.record({
  outer: operation,
  /** An operation that a trace performs in the middle of the outer one. */
  inner: fc.option(operation, { freq: 5 }),
  after: fc.nat(3),
  /** What a getter does if a message's members are getters, and at which of their reads. */
  getter: fc.option(
    fc.record({
      read: fc.nat(2),
      act: fc.constantFrom("operate", "close", "disturb", "disturb"),
      operation,
      index: fc.nat(3),
    }),
    { freq: 3 },
  ),
});
type Getter = typeof step extends fc.Arbitrary<infer S extends { getter: unknown }> ? S["getter"] : never;

type Polluted = { readonly name: string; readonly value: unknown } | null;

/**
 * In some runs, a member of every object while the library works, as after a deep merge of JSON that the program
 * received.
 */
const polluted = fc.option(
  fc.record({
    name: fc.constantFrom(
      ...["cipher", "mac", "key", "macKey", "mackey", "nonce", "aad", "detached", "managedNonce", "header"],
      ...["headerSize", "path", "tagSize", "padding", "hardware", "statistics", "chunkSize", "auth", "iv"],
      ...["tag", "min", "max", "eager", "len", "size", "src", "dst", "name", "kind", "flags", "op", "auth_len"],
    ),
    value: fc.constantFrom<unknown[]>(16, 5, 0, "pkcs7", "require", true, null),
  }),
  { freq: 2 },
);

const real = await realHost();
const memoryHost = new MemoryHost(real);
afterAll(() => memoryHost.end());
const hosts: readonly (readonly [string, () => VigilantHost | MemoryHost])[] = [
  ["made-up addresses", () => new VigilantHost()],
  [
    "addresses of a 32-bit machine",
    () => new VigilantHost({ machine: machineOf("arm") as NonNullable<ReturnType<typeof machineOf>> }),
  ],
  ["real addresses, and memory reached only by address", () => memoryHost],
];

/** Some thousands of operations; FUZZ_RUNS multiplies them. */
const RUNS = 120;

const counted = { calls: 0, right: 0, refused: 0, forged: 0, inner: 0, getters: 0 };

/** Runs with a member on Object.prototype, and removes it afterwards. */
function withPolluted<T>(what: Polluted, run: () => T): T {
  if (what === null) return run();
  const everywhere = Object.prototype as Record<string, unknown>;
  everywhere[what.name] = what.value;
  try {
    return run();
  } finally {
    delete everywhere[what.name];
  }
}

/** An operation in the middle of another one may be refused because the device is busy. */
const isBusy = (error: unknown) => error instanceof BusyError;

/** The sessions of one run. */
class Run {
  readonly #device: Device;
  readonly #vigil: Vigil;
  readonly #sessions = new Map<string, unknown>();
  readonly #chunkSize: number | undefined;
  readonly #polluted: Polluted;
  /** The operation to perform after so many more calls of the device. */
  #inner: { readonly step: Step; after: number } | undefined;
  #failed: unknown;

  constructor(host: VigilantHost | MemoryHost, chunkSize: number | undefined, isTraced: boolean, what: Polluted) {
    const options: DeviceOptions = chunkSize === undefined ? {} : { chunkSize };
    this.#device = Device.open(isTraced ? traced(host, () => this.#called()) : host, options);
    this.#vigil = host.vigil;
    this.#vigil.faults.length = 0;
    this.#chunkSize = chunkSize;
    this.#polluted = what;
  }

  close(): void {
    this.#device.close();
  }

  #called(): void {
    if (this.#inner === undefined) return;
    this.#inner.after -= 1;
    if (this.#inner.after >= 0) return;
    const { step: inner } = this.#inner;
    this.#inner = undefined;
    counted.inner += 1;
    try {
      this.#operate(inner, true, null);
    } catch (error) {
      // A host that has to continue may swallow what a trace throws.
      this.#failed ??= error;
    }
  }

  do(outer: Step, inner: Step | null, after: number, getter: Getter): void {
    this.#inner = inner !== null && kinds[inner.kind]?.isStateless ? { step: inner, after } : undefined;
    this.#operate(outer, false, getter);
    this.#inner = undefined;
    if (this.#failed !== undefined) throw this.#failed;
  }

  #session(name: string): unknown {
    const session = this.#sessions.get(name);
    // A hash session is closed if a part of its message is refused.
    if (session !== undefined && !(session as { closed: boolean }).closed) return session;
    const started = withPolluted(this.#polluted, () => kinds[name]?.start(this.#device));
    this.#sessions.set(name, started);
    return started;
  }

  #operate(given: Step, isInner: boolean, getter: Getter): void {
    const kind = kinds[given.kind] as (typeof kinds)[string];
    const names = Object.keys(kind.operations);
    const name = names[given.method % names.length] as string;
    const operation = kind.operations[name] as (typeof kind.operations)[string];
    let session: unknown;
    try {
      session = this.#session(given.kind);
    } catch (error) {
      if (isInner && isBusy(error)) return;
      throw error;
    }
    const inputs = operation.inputs(given.shape);
    const inPlace =
      given.inPlace && operation.canBeInPlace === true && (inputs[1]?.length ?? 0) >= (inputs[0]?.length ?? 0);
    const pieces = inputs.map((bytes, index) => {
      const piece = memoryKinds[given.memory[index] as number]?.make(bytes.length);
      if (piece === undefined) throw new Error("no such memory");
      fillWith(piece.view, bytes);
      return { ...piece, size: bytes.length };
    });
    if (inPlace) pieces[1] = pieces[0] as (typeof pieces)[number];
    const views = pieces.map(({ view }) => view);
    const what = `${given.kind} ${name}, ${JSON.stringify(given)}, ${given.memory.map((index) => memoryKinds[index]?.name).join(" / ")}`;

    for (const disturbed of [-1, ...given.disturbed]) {
      pieces[disturbed]?.disturb?.();
      let before = views.map(contentOf);
      const isWhole = (): boolean => pieces.every(({ view, size }) => contentOf(view).length === size && !isGone(view));
      let wasWhole = isWhole();
      let isClosed = false;
      let reads = 0;
      const read = () => {
        reads += 1;
        if (getter === null || reads !== getter.read + 1) return;
        counted.getters += 1;
        if (getter.act === "close") {
          (session as Session).close();
          isClosed = true;
        } else if (getter.act === "operate") {
          // The library has sent nothing yet, so this operation is not refused.
          if (kinds[getter.operation.kind]?.isStateless) this.#operate(getter.operation, isInner, null);
        } else if (!name.includes("cryptor") || getter.index === 0) {
          // An encryptor copies its iv before it reads its options.
          pieces[getter.index]?.disturb?.();
        }
        // Whatever the getters do counts: all members are read before any memory is measured.
        before = views.map(contentOf);
        wasWhole = isWhole();
      };
      const call = () => operation.call(session, views, given.shape);
      counted.calls += 1;
      let result: unknown;
      let error: unknown;
      try {
        result = withPolluted(this.#polluted, () => withGetters(getter === null ? undefined : read, call));
      } catch (thrown) {
        error = thrown;
      }
      expect(this.#vigil.faults, what).toEqual([]);
      expect(error, what).not.toBeInstanceOf(KernelCrashError);
      if (isInner && isBusy(error)) return;
      const isTooLong =
        given.kind === "aes-xts" && (before[0]?.length ?? 0) > (this.#chunkSize ?? Number.POSITIVE_INFINITY);
      if (!wasWhole || !isWhole() || isTooLong) {
        // Some of the memory is gone; that of a WebAssembly memory also if an inner operation lets the same memory
        // grow. Whether the rest is enough depends on the operation, which is refused or succeeds.
        if (error === undefined) continue;
        const allowed = [TypeError, RangeError, AuthenticationError, ...(isClosed ? [ClosedError] : [])];
        expect(allowed, `${what}: ${error}`).toContain((error as Error).constructor);
        counted.refused += 1;
        // The session may be in the middle of a message.
        if (!kind.isStateless) (session as Session).close();
        session = this.#session(given.kind);
        continue;
      }
      if (isClosed) {
        // An encryptor that has no data to send does not need its session.
        const isRefused = error instanceof ClosedError || (error === undefined && name.includes("cryptor"));
        expect(isRefused, `${what}: ${(error as Error)?.stack}`).toBe(true);
        counted.refused += 1;
        session = this.#session(given.kind);
        continue;
      }
      const { value, written = {}, touched = {}, wiped = {}, error: expected } = operation.outcome(before, given.shape);
      expect((error as Error | undefined)?.name, `${what}: ${(error as Error)?.stack}`).toBe(expected);
      counted[expected === undefined ? "right" : "forged"] += 1;
      if (value !== undefined) {
        if (!(value instanceof Uint8Array)) expect(result, what).toBe(value);
        else expect(Buffer.compare(result as Uint8Array, value), what).toBe(0);
      }
      for (const [index, bytes] of before.entries()) {
        if (inPlace && index === 0) continue;
        const now = contentOf(views[index] as Uint8Array);
        const first = written[index] ?? new Uint8Array();
        const same = (from: number, to: number, wanted: Uint8Array) =>
          expect(Buffer.compare(now.subarray(from, to), wanted), `${what}: argument ${index} from ${from}`).toBe(0);
        same(0, first.length, first);
        const zeros = wiped[index];
        if (zeros !== undefined) {
          const [from, to] = zeros;
          same(from, to, new Uint8Array(Math.max(to - from, 0)));
          // Of a message that was opened in place, the rest stays.
          if (inPlace || index === 0) {
            same(0, from, bytes.subarray(0, from));
            same(to, bytes.length, bytes.subarray(to));
          }
        }
        const end = Math.max(first.length, touched[index] ?? 0);
        same(end, bytes.length, bytes.subarray(end));
      }
    }
  }
}

type Values = [
  (typeof hosts)[number],
  number | undefined,
  boolean,
  Polluted,
  { outer: Step; inner: Step | null; after: number; getter: Getter }[],
];

test("operations of sessions are right or refused over every kind of memory, and no length that reaches the device exceeds its memory", () => {
  const started = Date.now();
  const property = fc.property(
    fc.constantFrom(...hosts),
    fc.constantFrom(undefined, undefined, 1024, 4096),
    fc.boolean(),
    polluted,
    fc.array(step, { minLength: 1, maxLength: 40, size: "max" }),
    ([, hostOf], chunkSize, isTraced, what, steps) => {
      const run = new Run(hostOf(), chunkSize, isTraced, what);
      try {
        for (const { outer, inner, after, getter } of steps) {
          run.do(outer, isTraced ? inner : null, after, getter);
        }
      } finally {
        run.close();
      }
    },
  );
  fc.assert(
    property,
    parametersOf("operations over every kind of memory", RUNS) as Parameters<typeof fc.assert<Values>>[1],
  );
  const seconds = (Date.now() - started) / 1000;
  console.log(`${runtimeName}: ${JSON.stringify(counted)} in ${seconds.toFixed(1)} s`);
  const runs = Number(process.env.FUZZ_RUNS ?? 1);
  expect(counted.calls).toBeGreaterThan(2000 * runs);
  expect(counted.right).toBeGreaterThan(counted.calls / 2);
  expect(counted.getters).toBeGreaterThan(100 * runs);
});
