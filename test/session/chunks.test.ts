import { type CipherName, Device } from "@cryptodev/core";
import { cipherStream, hashStream } from "cryptodev";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { backends } from "../backends.ts";
import { fromText, pattern, toHex } from "../bytes.ts";
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

describe.each(backends)("data in chunks on the $name", (backend) => {
  let device: Device;
  beforeEach(() => {
    device = backend.open();
  });
  afterEach(() => device.close());
  const start = (name: CipherName) => {
    const session = device.cipher(name, pattern(keySize(name)));
    return { session, iv: session.ivSize === 0 ? undefined : pattern(session.ivSize, 7) };
  };

  test.each(names.filter(backend.has))("%s: chunks of any size give what the whole gives", (name) => {
    const { session, iv } = start(name);
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
  });

  const streams = (["aes-128-ctr", "aes-128-cfb", "aes-128-ofb"] as const).filter(backend.has);
  test.each(streams)("%s: the end may be a part of a block", (name) => {
    const { session, iv } = start(name);
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

  test.each(streams)("%s: eager, each chunk gives its bytes", (name) => {
    const { session, iv } = start(name);
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
    // Left out, a block that has begun waits for its end.
    const patient = session.encryptor(iv);
    expect([patient.update(data.subarray(0, 20)), patient.final()].map(({ length }) => length)).toEqual([16, 4]);
  });

  test("eager is nothing to a block cipher", () => {
    const { session, iv } = start("aes-128-cbc");
    const encryptor = session.encryptor(iv, { padding: "pkcs7", eager: true });
    expect(encryptor.update(pattern(17))).toHaveLength(16);
    expect(encryptor.final()).toHaveLength(16);
  });

  test.each([0, 1, 15, 16, 17, 32])("PKCS#7 fills %i bytes up to whole blocks, and takes that off again", (size) => {
    const { session, iv } = start("aes-128-cbc");
    const padding = 16 - (size % 16);
    const padded = Uint8Array.from([...pattern(size), ...new Uint8Array(padding).fill(padding)]);
    const encryptor = session.encryptor(iv, { padding: "pkcs7" });
    const encrypted = joined(encryptor.update(pattern(size)), encryptor.final());
    expect(encrypted).toBe(toHex(session.encrypt(padded, iv)));
    for (const sizes of [[1], [16], [100]]) {
      const decryptor = session.decryptor(iv, { padding: "pkcs7" });
      const ciphertext = session.encrypt(padded, iv);
      const parts = pieces(ciphertext, ...sizes).map((piece) => decryptor.update(piece));
      expect(joined(...parts, decryptor.final())).toBe(toHex(pattern(size)));
    }
  });

  test("wrong padding is EBADMSG, and data that stops early a RangeError", () => {
    const { session, iv } = start("aes-128-cbc");
    const decrypt = (plaintext: Uint8Array) => {
      const decryptor = session.decryptor(iv, { padding: "pkcs7" });
      decryptor.update(session.encrypt(plaintext, iv));
      return decryptor.final();
    };
    for (const end of [0, 17, 255]) {
      const block = pattern(16);
      block[15] = end;
      expect(() => decrypt(block)).toThrow(expect.objectContaining({ code: "EBADMSG" }));
    }
    const uneven = pattern(16).fill(3, 13);
    uneven[14] = 2;
    expect(() => decrypt(uneven)).toThrow(expect.objectContaining({ code: "EBADMSG" }));
    expect(() => decrypt(uneven)).toThrow(/does not end with padding: it was changed, or the key or the iv is wrong$/);
    const early = session.encryptor(iv);
    early.update(pattern(20));
    expect(() => early.final()).toThrow(
      new RangeError("data for aes-128-cbc: expected a multiple of 16 bytes, got 4 more"),
    );
    expect(() => session.decryptor(iv, { padding: "pkcs7" }).final()).toThrow(RangeError);
  });

  test("any number of them share a session, in any order", () => {
    const { session, iv } = start("aes-128-cbc");
    const whole = session.encrypt(pattern(64), iv);
    const [one, other] = [session.encryptor(iv), session.encryptor(iv)];
    const first = [one.update(pattern(64).subarray(0, 32)), other.update(pattern(64).subarray(0, 16))];
    session.encrypt(pattern(16), pattern(16));
    const second = [one.update(pattern(64).subarray(32)), other.update(pattern(64).subarray(16))];
    expect(joined(first[0] as Uint8Array, second[0] as Uint8Array)).toBe(toHex(whole));
    expect(joined(first[1] as Uint8Array, second[1] as Uint8Array)).toBe(toHex(whole));
  });

  test("what cannot be done in chunks says so", () => {
    const xts = device.cipher("aes-128-xts", pattern(32));
    expect(() => xts.encryptor(pattern(16))).toThrow(/cannot be worked on in parts/);
    const { session, iv } = start("aes-128-ctr");
    expect(() => session.encryptor(iv, { padding: "pkcs7" })).toThrow(RangeError);
    expect(() => session.encryptor(iv, { padding: "zero" as "none" })).toThrow(RangeError);
    expect(() => session.encryptor()).toThrow(TypeError);
    const ended = session.encryptor(iv);
    ended.final();
    expect(() => ended.update(pattern(1))).toThrow(expect.objectContaining({ name: "ClosedError" }));
    expect(() => ended.final()).toThrow(expect.objectContaining({ name: "ClosedError" }));
    const left = session.encryptor(iv);
    session.close();
    expect(() => left.update(pattern(16))).toThrow(expect.objectContaining({ name: "ClosedError" }));
  });

  test("a hash is copied while it runs", () => {
    const hash = device.hash("sha256");
    hash.update(fromText("a"));
    const copy = hash.copy();
    expect(toHex(copy.digest(fromText("bc")))).toBe(toHex(device.hash("sha256").digest(fromText("abc"))));
    expect(toHex(hash.digest(fromText("x")))).toBe(toHex(device.hash("sha256").digest(fromText("ax"))));
    // Between messages a copy starts with its own.
    expect(toHex(hash.copy().digest(fromText("abc")))).toBe(toHex(hash.digest(fromText("abc"))));

    const hmac = device.hmac("sha1", pattern(20)).update(fromText("a"));
    expect(toHex(hmac.copy(pattern(20)).digest())).toBe(toHex(hmac.digest()));
    hmac.update(fromText("a"));
    expect(() => hmac.copy()).toThrow(TypeError);
    hash.close();
    expect(() => hash.copy()).toThrow(expect.objectContaining({ name: "ClosedError" }));
  });

  test("web streams take no more than somebody reads", async () => {
    const { session, iv } = start("aes-128-ctr");
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

  test("web streams encrypt, decrypt and hash", async () => {
    const { session, iv } = start("aes-128-cbc");
    const data = pattern(100_003);
    const collect = async (stream: ReadableStream) => new Uint8Array(await new Response(stream).arrayBuffer());
    const encrypted = await collect(
      new Blob([data]).stream().pipeThrough(cipherStream(session.encryptor(iv, { padding: "pkcs7" }))),
    );
    expect(encrypted).toHaveLength(100_016);
    const decrypted = new Blob([encrypted])
      .stream()
      .pipeThrough(cipherStream(session.decryptor(iv, { padding: "pkcs7" })));
    expect(toHex(await collect(decrypted))).toBe(toHex(data));
    const digest = await collect(new Blob([data]).stream().pipeThrough(hashStream(device.hash("sha256"))));
    expect(toHex(digest)).toBe(toHex(device.hash("sha256").digest(data)));
    const cut = new Blob([encrypted.subarray(1)])
      .stream()
      .pipeThrough(cipherStream(session.decryptor(iv, { padding: "pkcs7" })));
    await expect(collect(cut)).rejects.toThrow(RangeError);
  });
});

describe.each(ways)("a device with a small chunkSize, $name,", async ({ reach }) => {
  const { host, path } = await reach();
  const small = Device.open(host, path, { chunkSize: 48, statistics: true });
  const plain = Device.open(host, path);
  const [key, iv, data] = [pattern(16), pattern(16, 7), pattern(160)];

  test("encrypts and decrypts in several calls what it is given at once", () => {
    const session = small.cipher("aes-128-cbc", key);
    const whole = plain.cipher("aes-128-cbc", key).encrypt(data, iv);
    expect(toHex(session.encrypt(data, iv))).toBe(toHex(whole));
    expect(session.statistics).toMatchObject({ operations: 4, bytes: 160, biggest: 48, average: 40 });
    const place = data.slice();
    session.encryptInto(place, place, iv);
    expect(toHex(place)).toBe(toHex(whole));
    session.decryptInto(place, place, iv);
    expect(place).toEqual(data);
    const next = plain.cipher("aes-128-cbc", key);
    next.encrypt(data, iv);
    session.encrypt(data, iv);
    expect(toHex(session.encrypt(data))).toBe(toHex(next.encrypt(data)));
  });

  test("hashes, and computes one mac over all chunks of a combined operation", () => {
    expect(toHex(small.hash("sha1").digest(data))).toBe(toHex(plain.hash("sha1").digest(data)));
    expect(toHex(small.hash("sha1").update(data).digest())).toBe(toHex(plain.hash("sha1").digest(data)));
    expect(toHex(small.hash("sha1").update(data).digest(data))).toBe(
      toHex(plain.hash("sha1").update(data).digest(data)),
    );
    const combined = (device: Device) => device.combined("aes-128-cbc", key, "hmac-sha1", pattern(20));
    const expected = combined(plain).encrypt(data, iv);
    expect(combined(small).encrypt(data, iv)).toEqual(expected);
    expect(combined(small).decrypt(expected.ciphertext, expected.mac, iv)).toEqual(data);
  });

  test("works in chunks on what came in chunks, and says where that cannot be", () => {
    const encryptor = small.cipher("aes-128-cbc", key).encryptor(iv);
    expect(joined(encryptor.update(data), encryptor.final())).toBe(
      toHex(plain.cipher("aes-128-cbc", key).encrypt(data, iv)),
    );
    expect(() => small.cipher("aes-128-xts", pattern(32)).encrypt(data, iv)).toThrow(
      new RangeError(
        "source for aes-128-xts: 160 bytes cannot be worked on in parts, as each sector has an iv of its own",
      ),
    );
  });

  test("is refused where the size is none", () => {
    for (const chunkSize of [0, 17, -16, 2 ** 27 + 16, Number.NaN, "32" as unknown as number]) {
      expect(() => Device.open(host, path, { chunkSize })).toThrow(RangeError);
    }
  });
});

test("data beyond 128 MiB goes to the kernel in parts", () => {
  const host = new RecordingHost();
  const device = Device.open(host, undefined, { statistics: true });
  const session = device.cipher("null", new Uint8Array());
  const data = new Uint8Array(2 ** 27 + 5);
  data[2 ** 27 + 1] = 42;
  session.encryptInto(data, data);
  expect(session.statistics).toMatchObject({ operations: 2, bytes: 2 ** 27 + 5, biggest: 2 ** 27 });
  expect(data[2 ** 27 + 1]).toBe(42);
  device.close();
});
