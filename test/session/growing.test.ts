// This import replaces the getters before the library reads them.
import "../growing_looks.ts";
import { once } from "node:events";
import process from "node:process";
import { Worker } from "node:worker_threads";
import { AuthenticationError, Device } from "@cryptodev/core";
import { afterAll, describe, expect, test } from "vitest";
import { growingWith, still } from "../growing_looks.ts";
import { IdleHost } from "../idle_host.ts";
import { fillWith, growable } from "../memory.ts";
import { kinds, type Operation, type Shape } from "./operations.ts";

/*
 * Another thread grows shared memory while an operation works on it, as a thread that appends to a log does. Whichever
 * argument grows, and whenever: no length that reaches the device exceeds its memory.
 */

/** The device's own reads of sizes do not make the memory grow. */
class StillHost extends IdleHost {
  override ioctl(...call: Parameters<IdleHost["ioctl"]>): number {
    return still(() => super.ioctl(...call));
  }
}

/** By how many bytes memory grows in one operation. */
const ROOM = 4096;

/** Operations over memory of which one argument grows. */
class Race {
  readonly #host = new StillHost();
  readonly #device = Device.open(this.#host);
  readonly #kind: string;
  readonly #operation: Operation<unknown>;
  readonly #shape: Shape;
  readonly #views: Uint8Array[];
  readonly #index: number;
  readonly #first: Uint8Array;
  readonly memory: SharedArrayBuffer;

  constructor(kind: string, operation: Operation<unknown>, shape: Shape, index: number, room: number) {
    this.#kind = kind;
    this.#operation = operation;
    this.#shape = shape;
    this.#index = index;
    this.#views = operation.inputs(shape).map((bytes) => bytes);
    this.#first = this.#views[index] as Uint8Array;
    this.memory = growable(this.#first.length, this.#first.length + room);
    this.#views[index] = new Uint8Array(this.memory);
    fillWith(this.#views[index] as Uint8Array, this.#first);
  }

  /**
   * Performs the operation once. It may be refused before the device is asked, or the message may have changed by then.
   */
  run(): void {
    let error: unknown;
    const session = still(() => kinds[this.#kind]?.start(this.#device)) as { close(): void };
    try {
      this.#operation.call(session, this.#views, this.#shape);
    } catch (thrown) {
      error = thrown;
    }
    still(() => {
      session.close();
      expect(this.#host.vigil.faults, `argument ${this.#index}`).toEqual([]);
      if (error === undefined || error instanceof TypeError || error instanceof RangeError) return;
      expect(error, String((error as Error).stack)).toBeInstanceOf(AuthenticationError);
    });
  }

  get operations(): number {
    return this.#host.vigil.seen;
  }
}

const pairs = Object.entries(kinds).flatMap(([kind, { operations }]) =>
  Object.entries(operations).flatMap(([name, operation]) =>
    operation
      .inputs({ size: 64, aad: 16, spare: 0, forged: false, cut: 0 })
      .map((_, index) => [kind, name, index, operation] as const),
  ),
);

describe("no length that reaches the device exceeds memory that grows after every read of a size:", () => {
  // Small data is copied and large data is not; whole blocks and partial ones; with room to spare and without.
  const cases = [16, 64, 1008, 4096, 65536].flatMap((size) => [
    { size, step: 1, cut: 0, spare: 0 },
    { size, step: 16, cut: 0, spare: 8192 },
    { size, step: 16, cut: 7, spare: 0 },
  ]);
  test.each(pairs)("%s %s, argument %i", (kind, _name, index, operation) => {
    let grown = 0;
    for (const { size, step, cut, spare } of cases) {
      const race = new Race(kind, operation, { size, aad: 16, spare, forged: false, cut }, index, ROOM);
      const before = race.memory.byteLength;
      growingWith(race.memory, step, before + ROOM, () => race.run());
      grown += race.memory.byteLength - before;
    }
    // If no size was read, nothing was tested.
    expect(grown).toBeGreaterThan(cases.length);
  });
});

/** For how many milliseconds each argument races with a thread. */
const BUDGET = 10 * Number(process.env.FUZZ_RUNS ?? 1);

const state = new Int32Array(new SharedArrayBuffer(4));
const worker = new Worker(new URL("grower.mjs", import.meta.url), { workerData: state.buffer });
// The worker cannot start while this thread waits.
await once(worker, "message");
afterAll(() => worker.terminate());

/** Repeats something while the other thread grows memory. */
function whileGrowing(memory: SharedArrayBuffer, step: number, race: () => void): void {
  Atomics.store(state, 0, 0);
  worker.postMessage({ memory, step });
  // The worker may have begun, or even have ended, by now.
  expect(Atomics.wait(state, 0, 0, 20_000)).not.toBe("timed-out");
  do race();
  while (Atomics.load(state, 0) === 1);
  Atomics.compareExchange(state, 0, 1, 2);
  Atomics.wait(state, 0, 2, 20_000);
}

describe("no length that reaches the device exceeds memory that another thread grows meanwhile:", () => {
  const threaded = pairs.filter(
    ([kind, , index]) =>
      ["aes-ctr", "sha1", "cbc with mac", "gcm", "gcm with managed nonces", "tls", "srtp"].includes(kind) && index < 2,
  );
  test.each(threaded)("%s %s, argument %i", (kind, _name, index, operation) => {
    const shape = { size: 2 ** 17, aad: 16, spare: 0, forged: false, cut: 0 };
    const until = performance.now() + BUDGET;
    do {
      const race = new Race(kind, operation, shape, index, 2 ** 20);
      whileGrowing(race.memory, 256, () => race.run());
    } while (performance.now() < until);
  });
});
