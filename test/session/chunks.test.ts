import {
  AuthenticationError,
  BusyError,
  type Cipher,
  type CipherName,
  ClosedError,
  CryptodevError,
  Device,
} from "@cryptodev/core";
import { errnos } from "@cryptodev/core/abi";
import { traced } from "@cryptodev/core/host";
import { cipherStream, hashStream } from "cryptodev";
import { describe, expect, test } from "vitest";
import { backends } from "../backends.ts";
import { fromText, pattern, toHex } from "../bytes.ts";
import { testOn } from "../device_fixture.ts";
import { RecordingHost } from "../recording_host.ts";
import { ways } from "../software.ts";

const names: readonly CipherName[] = [
  "aes-128-cbc",
  "aes-128-ctr",
  "aes-128-ecb",
  "aes-128-cfb",
  "aes-128-ofb",
  "camellia-128-cbc",
  "3des-cbc",
  "blowfish-cbc",
  "null",
];
const keySize = (name: CipherName) => (name === "3des-cbc" ? 24 : name === "null" ? 0 : 16);

function pieces(data: Uint8Array, ...sizes: number[]): Uint8Array[] {
  const result: Uint8Array[] = [];
  for (let done = 0, index = 0; done < data.length; index += 1) {
    const size = sizes[index % sizes.length] as number;
    result.push(data.subarray(done, done + size));
    done += size;
  }
  return result;
}

const joined = (...parts: readonly Uint8Array[]): string => parts.map(toHex).join("");

/** Starts a session whose cipher is only known at run time. */
function start(device: Device, name: CipherName) {
  const session: Cipher = device.cipher<CipherName>(name, pattern(keySize(name)));
  return { session, iv: session.ivSize === 0 ? undefined : pattern(session.ivSize, 7) };
}

/** Starts a session of a block cipher. */
const startBlock = (device: Device) => ({ session: device.cipher("aes-128-cbc", pattern(16)), iv: pattern(16, 7) });

test("Cipher.encryptor() and its methods refuse what is not an iv, or not data, by its role", () => {
  const device = Device.open(new RecordingHost());
  const cbc = device.cipher("aes-cbc", pattern(16));
  const ecb = device.cipher("aes-ecb", pattern(16));
  const text = "0123456789abcdef" as unknown as Uint8Array;
  const role = (what: string, name: string) => new RegExp(`^${what} for ${name}: expected`);
  expect(() => cbc.encryptor(text)).toThrow(role("iv", "aes-cbc"));
  expect(() => cbc.encryptor(text, { padding: true })).toThrow(role("iv", "aes-cbc"));
  expect(() => cbc.encryptor(pattern(15))).toThrow(role("iv", "aes-cbc"));
  const withIv = ecb.encryptor as unknown as (iv: unknown, options?: object) => unknown;
  expect(() => withIv.call(ecb, pattern(16))).toThrow(role("iv", "aes-ecb"));
  expect(() => withIv.call(ecb, text, { padding: true })).toThrow(role("iv", "aes-ecb"));
  const encryptor = cbc.encryptor(pattern(16));
  expect(() => encryptor.update(text)).toThrow(role("data", "aes-cbc"));
  expect(() => encryptor.updateInto(text, new Uint8Array(32))).toThrow(role("data", "aes-cbc"));
  device.close();
});

describe.each(backends)("on the $name,", (backend) => {
  const test = testOn(backend);

  test.for(names.filter(backend.has))(
    "CipherChunks.updateInto() writes what update() returns, apart from the data and in place, with %s",
    (name, { device }) => {
      const { session, iv } = start(device, name);
      const options = session.blockSize === 1 ? { eager: true } : { padding: true };
      const chunks = () =>
        session.ivSize === 0 ? session.encryptor(options as never) : session.encryptor(iv, options);
      const [model, apart, inPlace] = [chunks(), chunks(), chunks()];
      for (const size of [16, 32, 7, 9, 0, 5, 100]) {
        const data = pattern(size, size);
        const expected = toHex(model.update(data));
        const memory = new Uint8Array(size + 16);
        expect(toHex(memory.subarray(0, apart.updateInto(data, memory)))).toBe(expected);
        memory.set(data);
        expect(toHex(memory.subarray(0, inPlace.updateInto(memory.subarray(0, size), memory)))).toBe(expected);
        expect(toHex(data)).toBe(toHex(pattern(size, size)));
      }
      expect([toHex(apart.final()), toHex(inPlace.final())]).toEqual(Array(2).fill(toHex(model.final())));
    },
  );

  test.runIf(backend.has("aes-128-cbc"))(
    "CipherChunks.updateInto() refuses a destination without room or with a partial overlap, and the chunk can be repeated",
    ({ device }) => {
      const { session, iv } = startBlock(device);
      const encryptor = session.encryptor(iv);
      const memory = pattern(64);
      expect(() => encryptor.updateInto(memory, new Uint8Array(63))).toThrow(
        new RangeError("destination for aes-128-cbc: expected at least 64 bytes, got 63"),
      );
      expect(() => encryptor.updateInto(memory.subarray(0, 32), memory.subarray(16))).toThrow(
        "destination for aes-128-cbc: expected the source itself or memory apart from it, got an overlap",
      );
      expect(toHex(memory)).toBe(toHex(pattern(64)));
      expect(encryptor.updateInto(memory, memory)).toBe(64);
      expect(toHex(memory)).toBe(toHex(session.encrypt(pattern(64), iv)));
    },
  );

  test.for(names.filter(backend.has))(
    "CipherChunks.update() and final() have the same result as one operation, whatever the size of the chunks, with %s",
    (name, { device }) => {
      const { session, iv } = start(device, name);
      const data = pattern(480);
      const whole = session.encrypt(data, iv);
      for (const sizes of [[1], [16], [7, 100], [480], [0, 33, 0, 5]]) {
        const encryptor = session.encryptor(iv);
        expect(joined(...pieces(data, ...sizes).map((piece) => encryptor.update(piece)), encryptor.final())).toBe(
          toHex(whole),
        );
        const decryptor = session.decryptor(iv);
        expect(joined(...pieces(whole, ...sizes).map((piece) => decryptor.update(piece)), decryptor.final())).toBe(
          toHex(data),
        );
      }
    },
  );

  const streams = (["aes-128-ctr", "aes-128-cfb", "aes-128-ofb"] as const).filter(backend.has);
  test.for(streams)("CipherChunks.final() accepts a partial block at the end, with %s", (name, { device }) => {
    const { session, iv } = start(device, name);
    const whole = session.encrypt(pattern(101), iv);
    const encryptor = session.encryptor(iv);
    expect(
      joined(
        encryptor.update(pattern(101).subarray(0, 30)),
        encryptor.update(pattern(101).subarray(30)),
        encryptor.final(),
      ),
    ).toBe(toHex(whole));
  });

  test.for(streams)(
    "CipherChunks.update() with `eager` returns the bytes of each chunk at once, with %s",
    (name, { device }) => {
      const { session, iv } = start(device, name);
      const data = pattern(200);
      const whole = session.encrypt(data, iv);
      for (const sizes of [[1], [16], [7, 100], [200], [0, 33, 0, 5], [15, 1, 17]]) {
        for (const [chunks, source, result] of [
          [session.encryptor(iv, { eager: true }), data, whole],
          [session.decryptor(iv, { eager: true }), whole, data],
        ] as const) {
          const given = pieces(source, ...sizes).map((piece) => chunks.update(piece));
          expect(given.map(({ length }) => length)).toEqual(pieces(source, ...sizes).map(({ length }) => length));
          expect(joined(...given)).toBe(toHex(result));
          expect(chunks.final()).toHaveLength(0);
        }
      }
      // By default, a partial block is held back until it is complete.
      const patient = session.encryptor(iv);
      expect([patient.update(data.subarray(0, 20)), patient.final()].map(({ length }) => length)).toEqual([16, 4]);
    },
  );

  test("Cipher.encryptor() refuses `eager` for a block cipher, and `padding` for a stream cipher", ({ device }) => {
    const cbc: Cipher = device.cipher<CipherName>("aes-128-cbc", pattern(16));
    const ctr: Cipher = device.cipher<CipherName>("aes-128-ctr", pattern(16));
    expect(() => cbc.encryptor(pattern(16), { padding: true, eager: true })).toThrow(
      new RangeError("eager for aes-128-cbc: expected false, because it accepts whole blocks"),
    );
    expect(() => ctr.decryptor(pattern(16), { padding: true })).toThrow(
      new RangeError("padding for aes-128-ctr: expected false, because it accepts any number of bytes"),
    );
    expect(cbc.encryptor(pattern(16), { eager: false }).final()).toHaveLength(0);
    expect(ctr.encryptor(pattern(16), { padding: false }).final()).toHaveLength(0);
  });

  test("Cipher.encryptor() of ECB accepts options as its only parameter", ({ device }) => {
    const ecb = device.cipher("aes-128-ecb", pattern(16));
    const padded = Uint8Array.from([...pattern(20), ...new Uint8Array(12).fill(12)]);
    const encryptor = ecb.encryptor({ padding: true });
    const encrypted = Uint8Array.from([...encryptor.update(pattern(20)), ...encryptor.final()]);
    expect(encrypted).toEqual(ecb.encrypt(padded));
    const decryptor = ecb.decryptor({ padding: true });
    expect(joined(decryptor.update(encrypted), decryptor.final())).toBe(toHex(pattern(20)));
    expect(ecb.encryptor().update(padded)).toEqual(ecb.encrypt(padded));
  });

  test.for([0, 1, 15, 16, 17, 32])(
    "CipherChunks.final() pads %i bytes to whole blocks with PKCS #7, and removes the padding",
    (size, { device }) => {
      const { session, iv } = startBlock(device);
      const padding = 16 - (size % 16);
      const padded = Uint8Array.from([...pattern(size), ...new Uint8Array(padding).fill(padding)]);
      const encryptor = session.encryptor(iv, { padding: true });
      const encrypted = joined(encryptor.update(pattern(size)), encryptor.final());
      expect(encrypted).toBe(toHex(session.encrypt(padded, iv)));
      for (const sizes of [[1], [16], [100]]) {
        const decryptor = session.decryptor(iv, { padding: true });
        const ciphertext = session.encrypt(padded, iv);
        const parts = pieces(ciphertext, ...sizes).map((piece) => decryptor.update(piece));
        expect(joined(...parts, decryptor.final())).toBe(toHex(pattern(size)));
      }
    },
  );

  test("CipherChunks.final() refuses wrong padding with an AuthenticationError, and data that ends early with a RangeError", ({
    device,
  }) => {
    const { session, iv } = startBlock(device);
    const decrypt = (plaintext: Uint8Array) => {
      const decryptor = session.decryptor(iv, { padding: true });
      decryptor.update(session.encrypt(plaintext, iv));
      return decryptor.final();
    };
    for (const end of [0, 17, 255]) {
      const block = pattern(16);
      block[15] = end;
      expect(() => decrypt(block)).toThrow(AuthenticationError);
    }
    const uneven = pattern(16).fill(3, 13);
    uneven[14] = 2;
    expect(() => decrypt(uneven)).toThrow(AuthenticationError);
    const early = session.encryptor(iv);
    early.update(pattern(20));
    expect(() => early.final()).toThrow(
      new RangeError("data for aes-128-cbc: expected a multiple of 16 bytes, or padding; the last block has only 4"),
    );
    expect(() => session.decryptor(iv, { padding: true }).final()).toThrow(RangeError);
  });

  test("CipherChunks of one session continue independently, in any order", ({ device }) => {
    const { session, iv } = startBlock(device);
    const whole = session.encrypt(pattern(64), iv);
    const [one, other] = [session.encryptor(iv), session.encryptor(iv)];
    const first = [one.update(pattern(64).subarray(0, 32)), other.update(pattern(64).subarray(0, 16))];
    session.encrypt(pattern(16), pattern(16));
    const second = [one.update(pattern(64).subarray(32)), other.update(pattern(64).subarray(16))];
    expect(joined(first[0] as Uint8Array, second[0] as Uint8Array)).toBe(toHex(whole));
    expect(joined(first[1] as Uint8Array, second[1] as Uint8Array)).toBe(toHex(whole));
  });

  test("Cipher.encryptor() refuses XTS, a missing iv, and options that are not boolean", ({ device }) => {
    const xts = device.cipher("aes-128-xts", pattern(32)) as Cipher<"aes-128-xts">;
    expect(() => xts.encryptor(pattern(16))).toThrow(
      new RangeError("aes-128-xts has no encryptor(): encrypt each sector with encrypt() and its own iv"),
    );
    expect(() => xts.decryptor(pattern(16))).toThrow(
      new RangeError("aes-128-xts has no decryptor(): decrypt each sector with decrypt() and its own iv"),
    );
    const { session } = start(device, "aes-128-ctr");
    expect(() => session.encryptor()).toThrow(new TypeError("iv for aes-128-ctr: expected 16 bytes, got none"));
    expect(() => session.decryptor(undefined, { eager: true })).toThrow(TypeError);
    expect(() => session.encryptor(pattern(15))).toThrow(RangeError);
    expect(() => session.encryptor(pattern(16), { padding: "zero" as unknown as boolean })).toThrow(
      new TypeError("padding for aes-128-ctr: expected true or false, got a string"),
    );
  });

  test("CipherChunks refuses data after final() and after its session was closed", ({ device }) => {
    const { session, iv } = startBlock(device);
    const ended = session.encryptor(iv);
    ended.final();
    expect(() => ended.update(pattern(1))).toThrow(ClosedError);
    expect(() => ended.final()).toThrow(ClosedError);
    const left = session.encryptor(iv);
    session.close();
    expect(() => left.update(pattern(16))).toThrow(ClosedError);
  });

  test("Hash.copy() and Hmac.copy() continue a message that has begun", ({ device }) => {
    const hash = device.hash("sha256");
    hash.update(fromText("a"));
    const copy = hash.copy();
    expect(toHex(copy.digest(fromText("bc")))).toBe(toHex(device.hash("sha256").digest(fromText("abc"))));
    expect(toHex(hash.digest(fromText("x")))).toBe(toHex(device.hash("sha256").digest(fromText("ax"))));
    // Between messages, a copy starts with a message of its own.
    expect(toHex(hash.copy().digest(fromText("abc")))).toBe(toHex(hash.digest(fromText("abc"))));

    const hmac = device.hmac("sha1", pattern(20)).update(fromText("a"));
    expect(toHex(hmac.copy(pattern(20)).digest())).toBe(toHex(hmac.digest()));
    hmac.update(fromText("a"));
    expect(() => hmac.copy(undefined as unknown as Uint8Array)).toThrow(TypeError);
    hash.close();
    expect(() => hash.copy()).toThrow(ClosedError);
  });

  test("cipherStream() reads no faster than its reader asks for data", async ({ device }) => {
    const { session, iv } = start(device, "aes-128-ctr");
    let pulled = 0;
    const source = new ReadableStream(
      {
        pull(controller) {
          pulled += 1;
          controller.enqueue(pattern(1024));
        },
      },
      { highWaterMark: 0 },
    );
    const reader = source.pipeThrough(cipherStream(session.encryptor(iv))).getReader();
    for (let read = 1; read <= 5; read += 1) {
      expect((await reader.read()).value).toHaveLength(1024);
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(pulled).toBeLessThanOrEqual(read + 2);
    }
    await reader.cancel();
  });

  test("cipherStream() and hashStream() encrypt, decrypt and hash", async ({ device }) => {
    const { session, iv } = startBlock(device);
    const data = pattern(100_003);
    const collect = async (stream: ReadableStream) => new Uint8Array(await new Response(stream).arrayBuffer());
    const encrypted = await collect(
      new Blob([data]).stream().pipeThrough(cipherStream(session.encryptor(iv, { padding: true }))),
    );
    expect(encrypted).toHaveLength(100_016);
    const decrypted = new Blob([encrypted])
      .stream()
      .pipeThrough(cipherStream(session.decryptor(iv, { padding: true })));
    expect(toHex(await collect(decrypted))).toBe(toHex(data));
    const digest = await collect(new Blob([data]).stream().pipeThrough(hashStream(device.hash("sha256"))));
    expect(toHex(digest)).toBe(toHex(device.hash("sha256").digest(data)));
    const cut = new Blob([encrypted.subarray(1)])
      .stream()
      .pipeThrough(cipherStream(session.decryptor(iv, { padding: true })));
    await expect(collect(cut)).rejects.toThrow(RangeError);
  });
});

describe.each(ways)("with a small chunkSize, $name,", async ({ reach }) => {
  const { host, path } = await reach();
  const small = Device.open(host, { path, chunkSize: 48, statistics: true });
  const plain = Device.open(host, { path });
  const [key, iv, data] = [pattern(16), pattern(16, 7), pattern(160)];

  test("Cipher.encrypt() and decrypt() send in several calls what they receive in one", () => {
    const session = small.cipher("aes-128-cbc", key);
    const whole = plain.cipher("aes-128-cbc", key).encrypt(data, iv);
    expect(toHex(session.encrypt(data, iv))).toBe(toHex(whole));
    expect(session.statistics).toMatchObject({ operations: 4, bytes: 160, largest: 48, average: 40 });
    const place = data.slice();
    session.encryptInto(place, place, iv);
    expect(toHex(place)).toBe(toHex(whole));
    session.decryptInto(place, place, iv);
    expect(place).toEqual(data);
    // The next operation starts from its own iv, not from where the last call ended.
    expect(toHex(session.encrypt(data, iv))).toBe(toHex(whole));
  });

  test("Hash.digest() hashes all chunks, and CipherWithMac.encrypt() computes one mac over them", () => {
    expect(toHex(small.hash("sha1").digest(data))).toBe(toHex(plain.hash("sha1").digest(data)));
    expect(toHex(small.hash("sha1").update(data).digest())).toBe(toHex(plain.hash("sha1").digest(data)));
    expect(toHex(small.hash("sha1").update(data).digest(data))).toBe(
      toHex(plain.hash("sha1").update(data).digest(data)),
    );
    const session = (device: Device) =>
      device.cipherWithMac({ cipher: "aes-128-cbc", key, mac: "hmac-sha1", macKey: pattern(20) });
    const expected = session(plain).encrypt(data, { iv });
    expect(session(small).encrypt(data, { iv })).toEqual(expected);
    expect(session(small).decrypt(expected.ciphertext, { mac: expected.mac, iv })).toEqual(data);
  });

  test("CipherChunks.update() splits its data, and Cipher.encrypt() refuses to split XTS", () => {
    const encryptor = small.cipher("aes-128-cbc", key).encryptor(iv);
    expect(joined(encryptor.update(data), encryptor.final())).toBe(
      toHex(plain.cipher("aes-128-cbc", key).encrypt(data, iv)),
    );
    expect(() => small.cipher("aes-128-xts", pattern(32)).encrypt(data, iv)).toThrow(
      new RangeError(
        "source for aes-128-xts: expected at most 48 bytes, the chunkSize of the device, got 160; a sector cannot be divided",
      ),
    );
  });

  test("Device.open() refuses a chunkSize that is not a valid size", () => {
    for (const chunkSize of [0, 17, -16, 2 ** 27 + 16, Number.NaN, "32" as unknown as number]) {
      expect(() => Device.open(host, { path, chunkSize })).toThrow(RangeError);
    }
  });
});

test("CipherChunks refuses data of a closed session and during another call, and changes nothing", () => {
  const host = new RecordingHost();
  let act = () => {};
  const device = Device.open(traced(host, () => act()));
  const session = device.cipher("aes-128-ctr", pattern(16));
  for (const eager of [false, true]) {
    const expected = session.encrypt(pattern(43), pattern(16));
    const encryptor = session.encryptor(pattern(16), { eager });
    const parts = [encryptor.update(pattern(43).subarray(0, 5))];
    let inner: unknown;
    act = () => {
      act = () => {};
      try {
        encryptor.update(pattern(7));
      } catch (error) {
        inner = error;
      }
    };
    parts.push(encryptor.update(pattern(43).subarray(5)), encryptor.final());
    expect(inner).toBeInstanceOf(BusyError);
    expect(joined(...parts)).toBe(toHex(expected));
  }
  const open = [false, true].map((eager) => session.encryptor(pattern(16), { eager }));
  open[0]?.update(pattern(3));
  session.close();
  for (const chunks of open) {
    expect(() => chunks.update(pattern(5))).toThrow(ClosedError);
    expect(() => chunks.updateInto(pattern(3), new Uint8Array(3))).toThrow(ClosedError);
    expect(() => chunks.final()).toThrow(ClosedError);
  }
  device.close();
});

test("CipherChunks continues from the same place after a call that the kernel refused", () => {
  const host = new RecordingHost();
  const device = Device.open(host, { chunkSize: 48 });
  const [key, iv, data] = [pattern(16), pattern(16, 7), pattern(331)];
  for (const [name, options] of [
    ["aes-128-cbc", { padding: true }],
    ["aes-128-ctr", {}],
  ] as const) {
    const session = device.cipher<"aes-128-cbc" | "aes-128-ctr">(name, key);
    const plain = session.encryptor(iv, options);
    const expected = joined(plain.update(data), plain.final());
    // The first call of an update, and a later one.
    for (const before of [0, 2]) {
      const chunks = session.encryptor(iv, options);
      const begin = chunks.update(data.subarray(0, 20));
      host.answers.push(...new Array<undefined>(before).fill(undefined), -errnos.ENOMEM);
      expect(() => chunks.update(data.subarray(20))).toThrow(CryptodevError);
      expect(joined(begin, chunks.update(data.subarray(20)), chunks.final())).toBe(expected);
    }
  }
  const eager = device.cipher("aes-128-ctr", key).encryptor(iv, { eager: true });
  // The whole block succeeds, and the partial one is refused: its output is lost.
  host.answers.push(undefined, -errnos.ENOMEM);
  expect(() => eager.update(pattern(20))).toThrow(CryptodevError);
  expect(() => eager.update(pattern(20))).toThrow(
    new ClosedError("data for aes-128-ctr: the kernel refused a part of it"),
  );
  device.close();
});

test("hashStream() ends the message of a stream that fails or is cancelled", async () => {
  const device = Device.open(new RecordingHost());
  const sha = device.hash("sha256");
  const expected = toHex(sha.digest(pattern(10)));
  const next = async () => {
    const stream = new Blob([pattern(10)]).stream().pipeThrough(hashStream(sha));
    expect(toHex(new Uint8Array(await new Response(stream).arrayBuffer()))).toBe(expected);
  };
  let left = 3;
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        left -= 1;
        if (left >= 0) controller.enqueue(pattern(1000));
        else controller.error(new Error("the client went away"));
      },
    },
    { highWaterMark: 0 },
  );
  await expect(new Response(body.pipeThrough(hashStream(sha))).arrayBuffer()).rejects.toThrow("went away");
  await next();
  const refused = hashStream(sha);
  const writer = refused.writable.getWriter();
  const reading = refused.readable.getReader().read();
  await writer.write(pattern(5));
  await expect(writer.write("text" as unknown as Uint8Array)).rejects.toThrow(TypeError);
  await expect(reading).rejects.toThrow(TypeError);
  await next();
  const cancelled = hashStream(sha);
  const written = cancelled.writable.getWriter().write(pattern(5));
  await cancelled.readable.cancel();
  await written.catch(() => {});
  await next();
  device.close();
});

test("Cipher.encryptInto() sends data beyond 128 MiB to the kernel in several calls", () => {
  const host = new RecordingHost();
  const device = Device.open(host, { statistics: true });
  const session = device.cipher("null", new Uint8Array());
  const data = new Uint8Array(2 ** 27 + 5);
  data[2 ** 27 + 1] = 42;
  session.encryptInto(data, data);
  expect(session.statistics).toMatchObject({ operations: 2, bytes: 2 ** 27 + 5, largest: 2 ** 27 });
  expect(data[2 ** 27 + 1]).toBe(42);
  device.close();
});
