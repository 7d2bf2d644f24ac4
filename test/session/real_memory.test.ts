import { closeSync, openSync, readSync } from "node:fs";
import { Device } from "@cryptodev/core";
import { type Argument, Call } from "@cryptodev/core/host";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { pattern, toHex } from "../bytes.ts";
import { runProgram } from "../child.ts";
import { hasResizableWasm, movingWasmMemory, twins } from "../memory.ts";
import { MemoryHost } from "../memory_host.ts";
import { realHost, runtimeName } from "../runtime.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { kinds, type Shape } from "./operations.ts";

/*
 * What only real addresses can show: memory under two names, memory that moves, and memory whose pages are gone. The
 * device here reads and writes this process's memory by address, as a kernel does.
 */

const real = await realHost();
const key = pattern(16);
const iv = pattern(16);
const nonce = pattern(12);
const shape: Shape = { size: 64, aad: 16, spare: 0, forged: false, cut: 0 };

const host = new MemoryHost(real);
afterAll(() => host.end());
beforeEach(() => {
  host.vigil.faults.length = 0;
});

/** Sizes that the library copies, and one that it does not. */
const sizes = [64, 4096, 2 ** 20];
const LARGE = 2 ** 20;

describe.each(twins)("two buffers over one memory, from %s", (_name, twin) => {
  /** Creates two views of one memory that begin `shift` bytes apart. */
  const views = (size: number, otherSize: number, shift: number): readonly [Uint8Array, Uint8Array] => {
    const [one, other] = twin(size + otherSize + Math.abs(shift));
    const [start, otherStart] = shift < 0 ? [-shift, 0] : [0, shift];
    const view = new Uint8Array(one, start, size);
    view.set(pattern(size));
    return [view, new Uint8Array(other, otherStart, otherSize)];
  };

  test("are two objects over the same bytes", () => {
    const [one, other] = twin(16);
    expect(one).not.toBe(other);
    new Uint8Array(one)[3] = 77;
    expect(new Uint8Array(other)[3]).toBe(77);
  });

  const overlaps = [
    "aes-cbc",
    "aes-ctr",
    "cbc with mac",
    "gcm",
    "gcm with managed nonces",
    "ccm",
    "tls",
    "srtp",
  ].flatMap((kind) =>
    Object.keys(kinds[kind]?.operations ?? {})
      .filter((name) => name.endsWith("Into"))
      .map((name) => [kind, name] as const),
  );
  describe.each(overlaps)("source and destination of %s %s", (kind, name) => {
    const operation = kinds[kind]?.operations[name];
    test("are refused if they overlap and do not start together", () => {
      if (operation === undefined) throw new Error("no such operation");
      for (const size of sizes) {
        for (const shift of [16, -16, 1, -1, size - 16]) {
          const what = `${size} bytes, shift ${shift}`;
          const device = Device.open(host);
          const session = kinds[kind]?.start(device);
          const given = { ...shape, size };
          const inputs = operation.inputs(given);
          const [source, destination] = views(
            (inputs[0] as Uint8Array).length,
            (inputs[1] as Uint8Array).length,
            shift,
          );
          source.set(inputs[0] as Uint8Array);
          const arguments_ = [source, destination, ...inputs.slice(2)];
          const before = arguments_.map((bytes) => new Uint8Array(bytes));
          let result: unknown;
          let error: unknown;
          try {
            result = operation.call(session, arguments_, given);
          } catch (thrown) {
            error = thrown;
          }
          expect(host.vigil.faults, what).toEqual([]);
          if (error === undefined && (size < LARGE || kind === "tls" || kind === "srtp")) {
            // Small data and records are copied first, so they are not overwritten while they are read.
            const { value, written } = operation.outcome(before, given);
            const expected = written?.[1];
            if (expected === undefined) expect(Buffer.compare(result as Uint8Array, value as Uint8Array), what).toBe(0);
            else expect(Buffer.compare(destination.subarray(0, expected.length), expected), what).toBe(0);
          } else {
            expect(error, what).toBeInstanceOf(RangeError);
            expect((error as Error).message, what).toMatch(/overlap/);
            expect(Buffer.compare(source, before[0] as Uint8Array), what).toBe(0);
          }
          device.close();
        }
      }
    });

    test("may be the same bytes", () => {
      if (operation?.canBeInPlace !== true) return;
      const device = Device.open(host);
      const session = kinds[kind]?.start(device);
      const inputs = operation.inputs(shape);
      const [source, destination] = views((inputs[0] as Uint8Array).length, (inputs[0] as Uint8Array).length, 0);
      source.set(inputs[0] as Uint8Array);
      const before = [new Uint8Array(source), new Uint8Array(destination), ...inputs.slice(2)];
      operation.call(session, [source, destination, ...inputs.slice(2)], shape);
      const expected = operation.outcome(before, shape).written?.[1] as Uint8Array;
      expect(toHex(destination.subarray(0, expected.length))).toBe(toHex(expected));
      expect(host.vigil.faults).toEqual([]);
      device.close();
    });
  });

  test("are refused if they overlap, and only several calls carry all of them", () => {
    const device = Device.open(host, { chunkSize: 8192 });
    const ctr = device.cipher("aes-ctr", key);
    const withMac = device.cipherWithMac({ cipher: "aes-ctr", key, mac: "sha256" });
    for (const shift of [8192, -8192, 12_288, 1]) {
      const [source, destination] = views(16_384, 16_384, shift);
      const before = new Uint8Array(source);
      expect(() => ctr.encryptInto(source, destination, iv)).toThrow(/^destination for aes-ctr: .* got an overlap$/);
      expect(() => ctr.decryptInto(source, destination, iv)).toThrow(RangeError);
      expect(() => withMac.encryptInto(source, destination, { iv, mac: new Uint8Array(32) })).toThrow(RangeError);
      expect(Buffer.compare(source, before)).toBe(0);
    }
    const [source, destination] = views(16_384, 16_384, 0);
    const expected = toHex(ctr.encrypt(source, iv));
    ctr.encryptInto(source, destination, iv);
    expect(toHex(destination)).toBe(expected);
    expect(host.vigil.faults).toEqual([]);
    device.close();
  });

  test("are refused as ciphertext and its mac", () => {
    const device = Device.open(host);
    const session = device.cipherWithMac({ cipher: "aes-ctr", key, mac: "sha256" });
    for (const [size, shift] of [
      [64, 0],
      [64, 63],
      [64, -31],
      [LARGE, 4096],
    ] as const) {
      const [destination, mac] = views(size, 32, shift);
      const before = new Uint8Array(destination);
      expect(() => session.encryptInto(pattern(size), destination, { iv, mac })).toThrow(
        new RangeError("mac for sha256: expected memory apart from the destination"),
      );
      expect(Buffer.compare(destination, before)).toBe(0);
    }
    const [destination, mac] = views(64, 32, 64);
    session.encryptInto(pattern(64), destination, { iv, mac });
    expect(toHex(mac)).toBe(toHex(session.encrypt(pattern(64), { iv }).mac));
    device.close();
  });

  test("are read as aad, header, iv or mac before anything is written over them", () => {
    const device = Device.open(host);
    const gcm = device.aead("aes-gcm", key);
    const tls = device.tls({ cipher: "aes-cbc", key, mac: "hmac-sha1", macKey: key });
    const srtp = device.srtp({ cipher: "aes-ctr", key, mac: "hmac-sha1", macKey: key });
    const withMac = device.cipherWithMac({ cipher: "aes-cbc", key, mac: "sha1" });
    for (const size of [64, LARGE]) {
      const plain = toHex(pattern(size));
      const sealed = gcm.seal(pattern(size), { nonce, aad: pattern(32) });
      const [aad, destination] = views(32, size + 16, -16);
      aad.set(pattern(32));
      gcm.sealInto(pattern(size), destination, { nonce, aad });
      expect(toHex(destination)).toBe(toHex(sealed));
      aad.set(pattern(32));
      expect(toHex(destination.subarray(0, gcm.openInto(sealed, destination, { nonce, aad })))).toBe(plain);

      const [header, memory] = views(13, size + 100, 0);
      memory.set(pattern(size));
      const record = tls.seal(pattern(size), { header: new Uint8Array(header), iv });
      const fragment = memory.subarray(0, size);
      expect(toHex(memory.subarray(0, tls.sealInto(fragment, memory, { header, iv })))).toBe(toHex(record));
      // The same from separate memory, in which neither the header nor the iv is.
      for (const shift of [0, -5, 7]) {
        const [label, to] = views(29, size + 100, shift);
        const message = () => {
          label.set(pattern(29, 3));
          return { header: label.subarray(0, 13), iv: label.subarray(13) };
        };
        const expected = tls.seal(pattern(size), message());
        expect(toHex(to.subarray(0, tls.sealInto(pattern(size), to, message())))).toBe(toHex(expected));
        expect(toHex(to.subarray(0, tls.openInto(expected, to, message())))).toBe(plain);
        const packet = { headerSize: 12, iv: message().iv };
        const protectedPacket = srtp.seal(pattern(size), packet);
        message();
        expect(toHex(to.subarray(0, srtp.sealInto(pattern(size), to, packet)))).toBe(toHex(protectedPacket));
        message();
        expect(toHex(to.subarray(0, srtp.openInto(protectedPacket, to, packet)))).toBe(plain);
      }

      const { ciphertext, mac } = withMac.encrypt(pattern(size), { iv });
      const [given, plaintext] = views(20, size, -10);
      given.set(mac);
      withMac.decryptInto(ciphertext, plaintext, { mac: given, iv });
      expect(toHex(plaintext)).toBe(plain);
    }
    expect(host.vigil.faults).toEqual([]);
    device.close();
  });
});

if (!hasResizableWasm)
  console.log("skipped: WebAssembly memory that moves under the same view, which this runtime does not have");
else
  describe("memory that moves under the same view", () => {
    /** Creates a view that is used, moved, and used again. */
    const moving = (size: number) => {
      const memory = movingWasmMemory(size);
      const view = new Uint8Array(memory.toResizableBuffer?.() as ArrayBuffer, 11, size);
      return { view, move: () => void memory.grow(1) };
    };

    const all = Object.entries(kinds).flatMap(([kind, { operations }]) =>
      Object.entries(operations).map(([name, operation]) => [kind, name, operation] as const),
    );
    test.each(all)("is found at its new address: %s %s", (kind, _name, operation) => {
      for (const size of sizes.slice(0, 2)) {
        const given = { ...shape, size };
        for (const index of operation.inputs(given).keys()) {
          const device = Device.open(host);
          const session = kinds[kind]?.start(device);
          const views = operation.inputs(given) as Uint8Array[];
          const { view, move } = moving((views[index] as Uint8Array).length);
          views[index] = view;
          for (let round = 0; round < 3; round += 1) {
            const inputs = operation.inputs(given);
            for (const [at, bytes] of inputs.entries()) views[at]?.set(bytes);
            const { value, written = {} } = operation.outcome(inputs, given);
            const result = operation.call(session, views, given);
            const what = `argument ${index}, round ${round}`;
            expect(host.vigil.faults, what).toEqual([]);
            if (value instanceof Uint8Array) expect(Buffer.compare(result as Uint8Array, value), what).toBe(0);
            for (const [at, bytes] of Object.entries(written)) {
              expect(Buffer.compare(views[Number(at)]?.subarray(0, bytes.length) as Uint8Array, bytes), what).toBe(0);
            }
            move();
          }
          device.close();
        }
      }
    });
  });

/** Whether all pages of memory are present: the kernel assigns none to memory that was never touched. */
function isPresent(address: number, size: number): boolean {
  const first = Math.floor(address / 4096);
  const count = Math.floor((address + size - 1) / 4096) - first + 1;
  const entries = new Uint8Array(count * 8);
  const file = openSync("/proc/self/pagemap", "r");
  try {
    expect(readSync(file, entries, 0, entries.length, first * 8)).toBe(entries.length);
  } finally {
    closeSync(file);
  }
  // Bit 63 marks a page in memory, bit 62 a swapped one.
  return Array.from({ length: count }, (_, page) => (entries[page * 8 + 7] as number) & 0xc0).every(
    (bits) => bits !== 0,
  );
}

test("every page of a large destination has been touched before the device is asked", () => {
  const seen: boolean[] = [];
  class LookingHost extends MemoryHost {
    override ioctl(fd: number, request: number, argument: Argument | null): number {
      if (argument instanceof Call && argument.ioctl.argument.name.startsWith("crypt_")) {
        const { dst, len } = argument.offset as Readonly<Record<string, number>>;
        const [address, size] = [argument.getPointer(dst as number), argument.getUint32(len as number)];
        if (address !== 0 && size > 0) seen.push(isPresent(address, size));
      }
      return super.ioctl(fd, request, argument);
    }
  }
  const looking = new LookingHost(real);
  const device = Device.open(looking);
  // Larger than what any allocator caches, so that these pages are new.
  const size = 2 ** 26;
  const source = new Uint8Array(size);
  device.cipher("null", new Uint8Array()).encryptInto(source, new Uint8Array(size));
  device
    .cipher("aes-ctr", key)
    .encryptInto(source.subarray(0, 2 ** 20), new Uint8Array(size).subarray(5, 5 + 2 ** 20), iv);
  device.aead("aes-gcm", key).sealInto(source.subarray(0, 2 ** 20), new Uint8Array(size), { nonce });
  device
    .tls({ cipher: "aes-cbc", key, mac: "hmac-sha1", macKey: key })
    .sealInto(source.subarray(0, 2 ** 20), new Uint8Array(size), { header: iv, iv });
  device
    .srtp({ cipher: "aes-ctr", key, mac: "hmac-sha1", macKey: key })
    .sealInto(source.subarray(0, 2 ** 20), new Uint8Array(size), { headerSize: 12, iv });
  expect(seen.length).toBeGreaterThanOrEqual(5);
  expect(seen).toEqual(seen.map(() => true));
  device.close();
  looking.end();
});

if (runtimeName === "Bun") {
  describe("a mapped file that was truncated, in a process of its own,", () => {
    const calls: Readonly<Record<string, string>> = {
      "destination of encryptInto()": "device.cipher('aes-ctr', key).encryptInto(bytes(size), gone, iv)",
      "destination of decryptInto()": "device.cipher('aes-cbc', key).decryptInto(bytes(size), gone, iv)",
      "end of a destination": "device.cipher('aes-ctr', key).encryptInto(bytes(size), partly, iv)",
      "memory in place": "device.cipher('aes-ctr', key).encryptInto(gone, gone, iv)",
      source: "device.cipher('aes-ctr', key).encrypt(gone, iv)",
      "data of an encryptor": "device.cipher('aes-ctr', key).encryptor(iv).update(gone)",
      iv: "device.cipher('aes-ctr', key).encrypt(bytes(size), gone.subarray(0, 16))",
      key: "device.cipher('aes-ctr', gone.subarray(0, 16)).encrypt(bytes(size), iv)",
      "data of digest()": "device.hash('sha256').digest(gone)",
      "destination of digestInto()": "device.hash('sha256').digestInto(gone, bytes(size))",
      "destination of sealInto()": "device.aead('aes-gcm', key).sealInto(bytes(size - 16), gone, { nonce: bytes(12) })",
      "destination of openInto()":
        "device.aead('aes-gcm', key).openInto(device.aead('aes-gcm', key).seal(bytes(size - 16), { nonce: bytes(12) }), gone, { nonce: bytes(12) })",
      "destination of sealInto() with a managed nonce":
        "device.aead('aes-gcm', key, { managedNonce: true }).sealInto(bytes(size - 28), gone)",
      "aad of seal()":
        "device.aead('aes-gcm', key).seal(bytes(size), { nonce: bytes(12), aad: gone.subarray(0, 100) })",
      "nonce of seal()": "device.aead('aes-gcm', key).seal(bytes(size), { nonce: gone.subarray(0, 12) })",
      "tag of open()": "device.aead('aes-gcm', key).open(bytes(size), { nonce: bytes(12), tag: gone.subarray(0, 16) })",
      "mac of CipherWithMac.encryptInto()":
        "device.cipherWithMac({ cipher: 'aes-ctr', key, mac: 'sha1' }).encryptInto(bytes(size), bytes(size), { mac: gone, iv })",
      "mac of Hmac.verify()": "device.hmac('sha1', key).verify(bytes(size), gone.subarray(0, 20))",
      "record of TlsCipher.sealInto() in place":
        "device.tls({ cipher: 'aes-cbc', key, mac: 'hmac-sha1', macKey: key }).sealInto(gone.subarray(0, size - 40), gone, { header: bytes(13), iv })",
      "destination of TlsCipher.sealInto()":
        "device.tls({ cipher: 'aes-cbc', key, mac: 'hmac-sha1', macKey: key }).sealInto(bytes(size - 40), gone, { header: bytes(13), iv })",
      "header of TlsCipher.seal()":
        "device.tls({ cipher: 'aes-cbc', key, mac: 'hmac-sha1', macKey: key }).seal(bytes(size), { header: gone.subarray(0, 13), iv })",
      "packet of SrtpCipher.sealInto() in place":
        "device.srtp({ cipher: 'aes-ctr', key, mac: 'hmac-sha1', macKey: key }).sealInto(gone.subarray(0, size - 20), gone, { headerSize: 12, iv })",
      "destination of SrtpCipher.sealInto()":
        "device.srtp({ cipher: 'aes-ctr', key, mac: 'hmac-sha1', macKey: key }).sealInto(bytes(size - 20), gone, { headerSize: 12, iv })",
    };

    describe.each(Object.entries(calls))("as the %s", (_name, call) => {
      test.each([64, 8192, 2 ** 18])(
        "throws an error or ends the process, and does not crash a kernel: %i bytes",
        (size) => {
          const { status, stdout, stderr } = runProgram(
            `
          import { truncateSync } from "node:fs";
          import { Device } from "@cryptodev/core";
          import { bunHost } from "@cryptodev/bun";
          import { mapFile } from "../../memory.ts";
          import { MemoryHost } from "../../memory_host.ts";
          const size = ${size};
          const bytes = (count) => new Uint8Array(new ArrayBuffer(count)).fill(7);
          const [key, iv] = [bytes(16), bytes(16)];
          const host = new MemoryHost(bunHost());
          const device = Device.open(host);
          const whole = mapFile(size);
          const part = mapFile(Math.max(size, 8192));
          const [gone, partly] = [whole.view, part.view.subarray(part.view.length - size)];
          truncateSync(whole.path, 0);
          truncateSync(part.path, 4096);
          let error;
          try {
            ${call};
          } catch (thrown) {
            error = thrown;
          }
          console.log(JSON.stringify({ name: error?.name, message: error?.message, faults: host.vigil.faults }));
          process.exit(0);
          `,
            // A process that is gone does not remove its files.
            { env: { BUN_ENABLE_CRASH_REPORTING: "0", DO_NOT_TRACK: "1", TMPDIR: temporaryFolder("mapped") } },
          );
          // A signal, which some runtimes turn into a status of their own: only the process is gone.
          if (status !== 0) {
            expect(`${stdout}${stderr}`).not.toMatch(/KernelCrashError|SyntaxError|Cannot find/);
            return;
          }
          const { name, faults } = JSON.parse(stdout);
          expect(faults).toEqual([]);
          expect(name ?? "", stdout).not.toBe("KernelCrashError");
        },
      );
    });
  });
}
