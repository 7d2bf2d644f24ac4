import { createCipheriv, createHash } from "node:crypto";
import { BusyError, ClosedError, CryptodevError, Device, type DeviceOptions } from "@cryptodev/core";
import { traced } from "@cryptodev/core/host";
import { KernelCrashError } from "@cryptodev/soft";
import { describe, expect, test } from "vitest";
import { pattern, toHex } from "../bytes.ts";
import { detach, resizable } from "../memory.ts";
import { RecordingHost } from "../recording_host.ts";
import { collectUntil } from "../runtime.ts";
import { VigilantHost } from "../vigilant_host.ts";
import { type Kind, kinds, type Operation, type Outcome, type Shape, withGetters } from "./operations.ts";

/*
 * Code of the program that runs in the middle of an operation: a trace that writes an encrypted log with the session
 * that it reports on, a trace that closes the session or throws, getters of the objects that accompany a message, and
 * returned objects that the program changes.
 */

const key = pattern(16);
const iv = pattern(16);
const nonce = pattern(12);
const shape: Shape = { size: 64, aad: 13, spare: 0, forged: false, cut: 0 };

/** Opens a device whose trace runs `state.act` once, at call number `after`. */
function tracedDevice(options: DeviceOptions = {}) {
  const host = new VigilantHost();
  const state: { act: (() => void) | undefined; after: number } = { act: undefined, after: 0 };
  const device = Device.open(
    traced(host, () => {
      if (state.act === undefined || state.after-- > 0) return;
      const { act } = state;
      state.act = undefined;
      act();
    }),
    options,
  );
  return { host, device, state };
}

const ctr = (data: Uint8Array) => {
  const cipher = createCipheriv("aes-128-ctr", key, iv);
  return toHex(cipher.update(data));
};

/** Runs a call that may be refused as busy or closed, but must not fail in any other way. */
function attempt<T>(run: () => T, ...codes: readonly string[]): T | undefined {
  try {
    return run();
  } catch (error) {
    expect(error).not.toBeInstanceOf(KernelCrashError);
    if (error instanceof BusyError || error instanceof ClosedError) return undefined;
    expect(codes, String((error as Error).stack)).toContain(error instanceof CryptodevError && error.code);
    return undefined;
  }
}

test("a trace that takes memory away before the first operation of XTS has it refused", () => {
  const buffer = resizable(2 ** 16, 2 ** 16);
  const fixed = new Uint8Array(2 ** 16);
  for (const [destination, take] of [
    [new Uint8Array(buffer), () => buffer.resize(16)],
    [fixed, () => detach(fixed)],
  ] as const) {
    const { host, device, state } = tracedDevice();
    const xts = device.cipher("aes-xts", pattern(32));
    // The first operation asks for the alignmask, which is traced.
    state.act = take;
    let error: unknown;
    try {
      xts.encryptInto(pattern(2 ** 16), destination, iv);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(Error);
    expect(error).not.toBeInstanceOf(KernelCrashError);
    expect(state.act).toBeUndefined();
    expect(host.vigil.faults).toEqual([]);
    expect(xts.encrypt(pattern(2 ** 16), iv)).toHaveLength(2 ** 16);
    device.close();
  }
});

const same = (actual: unknown, expected: unknown, what: string) => {
  // If the arrays were compared directly, a failure would take seconds to print.
  if (expected instanceof Uint8Array) expect(Buffer.compare(actual as Uint8Array, expected), what).toBe(0);
  else expect(actual, what).toBe(expected);
};

type Named = readonly [string, Operation<unknown>];

/** Performs one operation in the middle of another one of the same session, at the device's call number `after`. */
function nest(
  kind: Kind,
  [outerName, outer]: Named,
  [innerName, inner]: Named,
  size: number,
  after: number,
  chunkSize: number,
) {
  const { host, device, state } = tracedDevice({ chunkSize });
  const session = kind.start(device);
  const outerShape = { ...shape, size };
  const innerShape = { ...shape, size: 48, cut: 99 };
  const [given, innerGiven] = [outer.inputs(outerShape), inner.inputs(innerShape)];
  const expected = outer.outcome(outer.inputs(outerShape), outerShape);
  const innerExpected = inner.outcome(inner.inputs(innerShape), innerShape);
  const what = `${innerName} in the middle of ${outerName}, ${size} bytes, call ${after}`;
  let innerResult: unknown;
  state.after = after;
  state.act = () => {
    innerResult = attempt(() => inner.call(session, innerGiven, innerShape));
  };
  const check = (result: unknown, { value, written = {} }: Outcome, views: readonly Uint8Array[]) => {
    if (value !== undefined) same(result, value, what);
    for (const [index, bytes] of Object.entries(written)) {
      same(views[Number(index)]?.subarray(0, bytes.length), bytes, `${what}, argument ${index}`);
    }
  };
  check(outer.call(session, given, outerShape), expected, given);
  state.act = undefined;
  if (innerResult !== undefined) check(innerResult, innerExpected, innerGiven);
  // Again over the same memory, which contains other data by now.
  const again = outer.inputs(outerShape);
  for (const [index, bytes] of again.entries()) given[index]?.set(bytes);
  check(outer.call(session, given, outerShape), expected, given);
  expect(host.vigil.faults, what).toEqual([]);
  device.close();
}

describe("a trace that uses the session on which it reports", () => {
  const small = Object.entries(kinds).filter(([, { isStateless }]) => isStateless);
  describe.each(small)("%s", (_name, kind) => {
    test.each(Object.entries(kind.operations))("is refused or right in the middle of %s", (outerName, outer) => {
      for (const [innerName, inner] of Object.entries(kind.operations)) {
        for (const size of [32, 8192]) {
          // XTS works on whole sectors.
          const chunkSize = kind === kinds["aes-xts"] ? 8192 : 4096;
          for (const after of [0, 1]) nest(kind, [outerName, outer], [innerName, inner], size, after, chunkSize);
        }
      }
    });
  });

  test("does not replace the memory of the outer operation", () => {
    const { host, device, state } = tracedDevice();
    const aes = device.cipher("aes-ctr", key);
    const [outer, to, inner] = [pattern(32), new Uint8Array(32), new Uint8Array(2 ** 20)];
    state.act = () => attempt(() => aes.encryptInto(inner, inner, iv));
    aes.encryptInto(outer, to, iv);
    outer.fill(7);
    detach(inner);
    aes.encryptInto(outer, to, iv);
    expect(toHex(to)).toBe(ctr(outer));
    expect(host.vigil.faults).toEqual([]);
  });
});

test("a session that starts in the middle of another start is a different session", () => {
  const { host, device, state } = tracedDevice();
  let inner: { id: number } | undefined;
  state.act = () => {
    inner = attempt(() => device.aead("aes-gcm", key));
  };
  const aes = device.cipher("aes-ctr", key);
  expect(inner?.id).not.toBe(aes.id);
  expect(toHex(aes.encrypt(pattern(64), iv))).toBe(ctr(pattern(64)));
  expect(host.vigil.faults).toEqual([]);
  device.close();
});

test("copying, querying or ending a session in the middle of another session's operation does not affect that operation", () => {
  for (const after of [0, 1, 2, 3]) {
    const { host, device, state } = tracedDevice({ chunkSize: 64 });
    const other = device.hash("sha1").update(pattern(3));
    const sha = device.hash("sha256");
    state.after = after;
    state.act = () => {
      attempt(() => other.copy());
      attempt(() => other.info());
      attempt(() => device.capabilities());
      attempt(() => device.clone());
      attempt(() => other.close());
    };
    expect(toHex(sha.digest(pattern(200)))).toBe(createHash("sha256").update(pattern(200)).digest("hex"));
    expect(host.vigil.faults).toEqual([]);
    device.close();
  }
});

describe("a trace that closes", () => {
  describe.each(["the session", "the device"])("%s is refused as busy, or ends it cleanly,", (what) => {
    test.each(Object.entries(kinds))("in the middle of an operation of %s", (_name, kind) => {
      for (const operation of Object.values(kind.operations)) {
        for (const after of [0, 1]) {
          const { host, device, state } = tracedDevice({ chunkSize: 64 });
          const session = kind.start(device) as { close(): void; readonly closed: boolean };
          const largeShape = { ...shape, size: kind === kinds["aes-xts"] ? 64 : 256 };
          const given = operation.inputs(largeShape);
          const { value } = operation.outcome(
            given.map((bytes) => bytes.slice()),
            largeShape,
          );
          state.after = after;
          state.act = () => attempt(() => (what === "the device" ? device : session).close());
          const result = attempt(() => operation.call(session, given, largeShape), "EBADF");
          // If it succeeded, the result is right.
          if (result instanceof Uint8Array && value instanceof Uint8Array) expect(toHex(result)).toBe(toHex(value));
          state.act = undefined;
          expect(host.vigil.faults).toEqual([]);
          device.close();
          // No descriptor is left open.
          expect(host.open("/dev/crypto", 2)).toBe(0);
        }
      }
    });
  });
});

describe("a trace that detaches or shrinks memory never leads to a wrong length,", () => {
  test.each(Object.entries(kinds))("in the middle of an operation of %s", (_name, kind) => {
    for (const [name, operation] of Object.entries(kind.operations)) {
      for (const index of operation.inputs(shape).keys()) {
        for (const take of ["detach", "shrink"] as const) {
          const { host, device, state } = tracedDevice({ chunkSize: 64 });
          const session = kind.start(device);
          const size = kind === kinds["aes-xts"] ? 64 : 256;
          const views = operation.inputs({ ...shape, size }) as Uint8Array<ArrayBuffer>[];
          const given = views[index] as Uint8Array<ArrayBuffer>;
          let shrink = () => detach(given);
          if (take === "shrink") {
            const buffer = resizable(given.length, given.length);
            const view = new Uint8Array(buffer);
            view.set(given);
            views[index] = view;
            shrink = () => buffer.resize(given.length >> 1);
          }
          state.act = shrink;
          let error: unknown;
          try {
            operation.call(session, views, { ...shape, size });
          } catch (thrown) {
            error = thrown;
          }
          const what = `${name}, argument ${index}: ${take}`;
          expect(host.vigil.faults, what).toEqual([]);
          expect(error, what).not.toBeInstanceOf(KernelCrashError);
          device.close();
        }
      }
    }
  });
});

describe("a trace that throws", () => {
  test("leaves the session usable or closed: the next operation is right or refused", () => {
    for (const [name, kind] of Object.entries(kinds)) {
      for (const operation of Object.values(kind.operations)) {
        const { host, device, state } = tracedDevice({ chunkSize: 128 });
        const session = kind.start(device);
        state.act = () => {
          throw new Error("the log is full");
        };
        const given = operation.inputs(shape);
        try {
          operation.call(session, given, shape);
        } catch (error) {
          expect((error as Error).message, name).toMatch(/the log is full/);
        }
        const fresh = operation.inputs(shape);
        const { value } = operation.outcome(
          fresh.map((bytes) => bytes.slice()),
          shape,
        );
        const result = attempt(() => operation.call(session, fresh, shape));
        if (result instanceof Uint8Array && value instanceof Uint8Array) expect(toHex(result), name).toBe(toHex(value));
        expect(host.vigil.faults, name).toEqual([]);
        device.close();
        expect(host.open("/dev/crypto", 2)).toBe(0);
      }
    }
  });

  test("while a session starts, leaves no session open", () => {
    const { host, device, state } = tracedDevice();
    state.act = () => {
      throw new Error("the log is full");
    };
    try {
      device.cipher("aes-cbc", key);
    } catch {}
    device.close();
    expect(host.open("/dev/crypto", 2)).toBe(0);
  });

  test("while a device is opened, leaves no descriptor open", () => {
    const host = new RecordingHost();
    const failing = traced(host, () => {
      throw new Error("the log is full");
    });
    try {
      Device.open(failing).close();
    } catch {}
    try {
      Device.open(failing).close();
    } catch {}
    expect(host.closed).toHaveLength(host.opened.length);
  });

  test("during an operation on a forged message, leaves no plaintext", () => {
    const { device, state } = tracedDevice();
    const gcm = device.aead("aes-gcm", key);
    const sealed = gcm.seal(pattern(64), { nonce });
    sealed[3] = (sealed[3] as number) ^ 1;
    const destination = new Uint8Array(sealed.length);
    state.act = () => {
      throw new Error("the log is full");
    };
    expect(() => gcm.openInto(sealed, destination, { nonce })).toThrow();
    expect(toHex(destination)).toBe("00".repeat(sealed.length));
    device.close();
  });
});

describe("a getter of a message", () => {
  const small: Shape = { ...shape, size: 64 };
  /** The operations that read members of a message, with the index of their data. */
  const reading = Object.entries(kinds).flatMap(([kindName, kind]) =>
    Object.entries(kind.operations).flatMap(([name, operation]) => {
      let reads = 0;
      const device = Device.open(new VigilantHost());
      withGetters(
        () => {
          reads += 1;
        },
        () => attempt(() => operation.call(kind.start(device), operation.inputs(small), small)),
      );
      device.close();
      return reads === 0 || name.includes("cryptor") ? [] : [[kindName, name, kind, operation, reads] as const];
    }),
  );

  // The parts of one memory that is processed in place do not follow it.
  const following = reading.filter(([, name]) => !name.includes("in place"));

  test.each(following)(
    "runs before %s %s measures any memory: the result is that for the memory afterwards",
    (...given) => {
      const [kindName, name, kind, operation, reads] = given;
      for (let act = 0; act < reads; act += 1) {
        for (const grows of [true, false]) {
          const { host, device } = tracedDevice();
          const session = kind.start(device);
          // Data of whole blocks, before and after.
          const now = { ...shape, size: grows ? 128 : 32 };
          const [before, after] = [operation.inputs(small), operation.inputs(now)];
          const memory = after.map((bytes, index) =>
            resizable((before[index] as Uint8Array).length, 4096 + bytes.length),
          );
          const views = memory.map((buffer) => new Uint8Array(buffer));
          for (const [index, bytes] of before.entries()) views[index]?.set(bytes);
          let read = 0;
          const change = () => {
            if (read++ !== act) return;
            for (const [index, bytes] of after.entries()) {
              memory[index]?.resize(bytes.length);
              views[index]?.set(bytes);
            }
          };
          const { value, written = {} } = operation.outcome(after, now);
          const result = withGetters(change, () => operation.call(session, views, now));
          const what = `${kindName} ${name}, member ${act}`;
          expect(host.vigil.faults, what).toEqual([]);
          if (value !== undefined) same(result, value, what);
          for (const [index, bytes] of Object.entries(written)) {
            same(views[Number(index)]?.slice(0, bytes.length), bytes, `${what}, argument ${index}`);
          }
          device.close();
        }
      }
    },
  );

  test.each(reading)(
    "can close the session of %s %s, which is refused then",
    (_kind, _name, kind, operation, reads) => {
      for (let act = 0; act < reads; act += 1) {
        const { host, device } = tracedDevice();
        const session = kind.start(device) as { close(): void };
        const before = host.vigil.seen;
        let read = 0;
        const close = () => {
          if (read++ === act) session.close();
        };
        const run = () => operation.call(session, operation.inputs(small), small);
        expect(() => withGetters(close, run)).toThrow(ClosedError);
        // Only the session's end was sent.
        expect(host.vigil.seen).toBe(before + 1);
        device.close();
      }
    },
  );

  test("cannot make a session that manages nonces use one twice", () => {
    const { host, device } = tracedDevice();
    const gcm = device.aead("aes-gcm", key, { managedNonce: true });
    const nonces: string[] = [];
    const seal = (message: object = {}) => nonces.push(toHex(gcm.seal(pattern(16), message).subarray(0, 12)));
    for (let round = 0; round < 200; round += 1) {
      seal(Object.defineProperty({}, "aad", { get: () => void seal() }));
    }
    // A program can also replace the generator, and seal in it.
    const { getRandomValues } = Object.getPrototypeOf(crypto);
    let isNested = false;
    crypto.getRandomValues = (bytes) => {
      const filled = getRandomValues.call(crypto, bytes);
      if (!isNested) {
        isNested = true;
        seal();
        isNested = false;
      }
      return filled;
    };
    try {
      for (let round = 0; round < 200; round += 1) seal();
    } finally {
      delete (crypto as { getRandomValues?: unknown }).getRandomValues;
    }
    expect(new Set(nonces).size).toBe(nonces.length);
    expect(nonces.length).toBeGreaterThan(600);
    expect(host.vigil.faults).toEqual([]);
    device.close();
  });
});

describe("Session.statistics", () => {
  const begin = () => {
    const host = new VigilantHost();
    const device = Device.open(host, { statistics: true });
    return {
      host,
      device,
      aes: device.cipher("aes-ctr", key),
      sha: device.hash("sha256"),
      gcm: device.aead("aes-gcm", key),
    };
  };

  test("can be frozen", () => {
    const { device, aes, sha, gcm } = begin();
    for (const session of [aes, sha, gcm]) Object.freeze(session.statistics);
    aes.encrypt(pattern(16), iv);
    sha.digest(pattern(3));
    expect(gcm.open(gcm.seal(pattern(16), { nonce }), { nonce })).toHaveLength(16);
    expect(sha.closed).toBe(false);
    expect(gcm.statistics?.operations).toBe(2);
    device.close();
  });

  test("is a snapshot of plain data", () => {
    const { device, aes } = begin();
    aes.encrypt(pattern(16), iv);
    const before = aes.statistics;
    aes.encrypt(pattern(48), iv);
    expect(before).toMatchObject({ operations: 1, bytes: 16 });
    expect(aes.statistics).toEqual({ operations: 2, bytes: 64, largest: 48, average: 32, copied: 0 });
    expect(JSON.parse(JSON.stringify(aes.statistics))).toEqual(aes.statistics);
    expect(structuredClone(aes.statistics)).toEqual(aes.statistics);
    device.close();
  });

  test("cannot be used to run code between the checks and the call", () => {
    const { host, device, aes } = begin();
    const inner = new Uint8Array(2 ** 20);
    const [outer, to] = [pattern(32), new Uint8Array(32)];
    let ran = 0;
    for (const name of ["add", "operations", "bytes", "largest", "average", "copied"]) {
      try {
        Object.defineProperty(aes.statistics, name, {
          configurable: true,
          get: () => {
            ran += 1;
            return () => {};
          },
          set: () => {
            ran += 1;
            aes.encryptInto(inner, inner, iv);
          },
        });
      } catch {}
    }
    aes.encryptInto(outer, to, iv);
    aes.encryptInto(outer, to, iv);
    expect(ran).toBe(0);
    expect(aes.statistics).toMatchObject({ operations: 2, bytes: 64 });
    expect(host.vigil.faults).toEqual([]);
    device.close();
  });
});

test("changing what Session.info() returned has no effect", () => {
  const device = Device.open(new VigilantHost());
  const aes = device.cipher("aes-cbc", key);
  const info = aes.info() as { alignmask: number; cipher: { name: string } | undefined };
  try {
    info.alignmask = 5;
    if (info.cipher !== undefined) info.cipher.name = "changed";
  } catch {}
  expect(aes.info()).toMatchObject({ alignmask: 0, cipher: { name: "cbc(aes)" } });
  device.close();
});

test("a warning that throws does not reach the program, and dropped sessions are ended anyway", async () => {
  class ThrowingHost extends RecordingHost {
    override warn(message: string): void {
      super.warn(message);
      throw new Error("the log is full");
    }
  }
  const host = new ThrowingHost();
  (() => {
    const device = Device.open(host);
    device.cipher("aes-cbc", key);
    device.hash("sha1").digest(pattern(3));
  })();
  await collectUntil(() => host.closed.length > 0);
  expect(host.warnings.length).toBeGreaterThan(0);
  expect(host.closed).toHaveLength(1);
});
