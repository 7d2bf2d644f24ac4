import process from "node:process";
import { CryptodevError, Device, machineOf, type Session, traced } from "@cryptodev/core";
import { KernelCrashError } from "@cryptodev/soft";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { contentOf, fillWith, isGone, memoryKinds } from "../memory.ts";
import { MemoryHost } from "../memory_host.ts";
import { realHost, runtimeName } from "../runtime.ts";
import { parametersOf } from "../soft/random.ts";
import type { Vigil } from "../vigil.ts";
import { VigilantHost } from "../vigilant_host.ts";
import { kinds, type Shape } from "./operations.ts";

/*
 * Every operation of every kind of session, over every kind of memory that this runtime has, at sizes around each
 * limit. The results are compared with those of other implementations, whatever happens to the memory between two
 * operations, and whatever the program does in the middle of one. No call may reach the device with a length that its
 * memory does not have.
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
});

type Polluted = { readonly name: string; readonly value: unknown } | null;

/**
 * In some runs, a member of every object while the library works, as after a deep merge of JSON that the program
 * received.
 */
const polluted = fc.option(
  fc.record({
    name: fc.constantFrom(
      ...["cipher", "mac", "key", "mackey", "tagSize", "padding", "hardware", "statistics", "chunkSize", "auth", "iv"],
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

const counted = { calls: 0, right: 0, refused: 0, forged: 0, inner: 0 };

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
const isBusy = (error: unknown) => error instanceof CryptodevError && error.code === "EBUSY";

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
    const options = chunkSize === undefined ? {} : { chunkSize };
    this.#device = Device.open(isTraced ? traced(host, () => this.#called()) : host, undefined, options);
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
      this.#operate(inner, true);
    } catch (error) {
      // A host that has to continue may swallow what a trace throws.
      this.#failed ??= error;
    }
  }

  do(outer: Step, inner: Step | null, after: number): void {
    this.#inner = inner !== null && kinds[inner.kind]?.isStateless ? { step: inner, after } : undefined;
    this.#operate(outer, false);
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

  #operate(given: Step, isInner: boolean): void {
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
      const before = views.map(contentOf);
      const isWhole = (): boolean => pieces.every(({ view, size }) => contentOf(view).length === size && !isGone(view));
      const wasWhole = isWhole();
      counted.calls += 1;
      let result: unknown;
      let error: unknown;
      try {
        result = withPolluted(this.#polluted, () => operation.call(session, views, given.shape));
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
        expect([TypeError, RangeError, CryptodevError], `${what}: ${error}`).toContain((error as Error).constructor);
        if (error instanceof CryptodevError) expect(error.code, what).toBe("EBADMSG");
        counted.refused += 1;
        // The session may be in the middle of a message.
        if (!kind.isStateless) (session as Session).close();
        session = this.#session(given.kind);
        continue;
      }
      const { value, written = {}, code } = operation.outcome(before, given.shape);
      expect(error instanceof CryptodevError ? error.code : error, `${what}: ${(error as Error)?.stack}`).toBe(code);
      counted[code === undefined ? "right" : "forged"] += 1;
      if (value !== undefined) {
        if (typeof value === "number") expect(result, what).toBe(value);
        else expect(Buffer.compare(result as Uint8Array, value), what).toBe(0);
      }
      for (const [index, bytes] of before.entries()) {
        const first = inPlace && index === 0 ? undefined : written[index];
        if (inPlace && index === 0) continue;
        const now = contentOf(views[index] as Uint8Array);
        const length = first?.length ?? 0;
        if (first !== undefined)
          expect(Buffer.compare(now.subarray(0, length), first), `${what}: argument ${index}`).toBe(0);
        // The driver needs room for the tag in the destination of openInto(), and may leave anything there.
        const isLoose = name.startsWith("open") || name === "sealInPlace";
        const end = first !== undefined && isLoose ? Math.min(bytes.length, length + 64) : length;
        expect(Buffer.compare(now.subarray(end), bytes.subarray(end)), `${what}: argument ${index} beyond ${end}`).toBe(
          0,
        );
      }
    }
  }
}

type Values = [
  (typeof hosts)[number],
  number | undefined,
  boolean,
  Polluted,
  { outer: Step; inner: Step | null; after: number }[],
];

test("operations over every kind of memory are right or refused, and no length that the device sees exceeds its memory", () => {
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
        for (const { outer, inner, after } of steps) run.do(outer, isTraced ? inner : null, after);
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
});
