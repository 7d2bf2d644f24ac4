import type { CipherGCM, DecipherGCM } from "node:crypto";
import type { Transform } from "node:stream";
import { finished } from "node:stream/promises";
import { describe, expect, test } from "vitest";
import { backends } from "../backends.ts";
import { pattern } from "../bytes.ts";
import { runtimeName } from "../runtime.ts";
import { cryptoOn } from "./crypto_on.ts";

/* The memory of the Buffers that are returned. */

const modes: readonly [name: string, keySize: number, ivSize: number][] = [
  ["aes-128-cbc", 16, 16],
  ["aes-128-ctr", 16, 16],
  ["aes-128-gcm", 16, 12],
  ["aes-128-ccm", 16, 12],
  ["aes-128-xts", 32, 16],
];
const sizes = [0, 5, 16, 48, 5000];

/**
 * The ciphers of Bun return the beginning of memory that has room for one more block. The software device passes it on.
 */
const bunsSpare = 16;

/** Checks that the memory of a result contains nothing else. */
function expectOwn(result: Uint8Array, spare = 0): void {
  expect(Buffer.isBuffer(result)).toBe(true);
  expect(result.byteOffset).toBe(0);
  const surplus = result.buffer.byteLength - result.byteLength;
  if (spare === 0) expect(surplus).toBe(0);
  else expect(surplus).toBeLessThanOrEqual(spare);
}

/** Writes to a stream, and returns the chunks that it emits. Its other ways to read join several chunks in one. */
async function chunksOf(stream: Transform, data: Uint8Array): Promise<Buffer[]> {
  const chunks: Buffer[] = [];
  stream.on("data", (chunk) => chunks.push(chunk));
  stream.end(data);
  await finished(stream);
  return chunks;
}

describe.each(backends)("Buffers on the $name", (backend) => {
  const crypto = cryptoOn(backend.open());
  const listed = crypto.getCiphers();
  const has = ([name]: (typeof modes)[number]) => listed.includes(name);

  test.each(modes.filter(has))(
    "of ciphers and streams of them own exactly their memory: %s",
    async (name, ...lengths) => {
      const [key, iv] = lengths.map((size) => pattern(size)) as [Uint8Array, Uint8Array];
      const options = { authTagLength: 16 };
      const create = (kind: "createCipheriv" | "createDecipheriv") =>
        crypto[kind](name as "aes-128-gcm", key, iv, options) as CipherGCM & DecipherGCM;
      const isAead = /gcm|ccm/.test(name);
      const spare = runtimeName === "Bun" && /cbc|ctr/.test(name) ? bunsSpare : 0;
      for (const size of sizes.filter((size) => !name.endsWith("xts") || (size > 0 && size % 16 === 0))) {
        const data = pattern(size);
        const cipher = create("createCipheriv");
        const sealed = [cipher.update(data), ...(/gcm|cbc|ctr/.test(name) ? [cipher.update("")] : []), cipher.final()];
        const tags = isAead ? [cipher.getAuthTag(), cipher.getAuthTag()] : [];
        const decipher = create("createDecipheriv");
        if (isAead) decipher.setAuthTag(tags[0] as Buffer);
        const opened = [decipher.update(Buffer.concat(sealed)), decipher.final()];
        expect(Buffer.concat(opened)).toEqual(Buffer.from(data));
        const streamed = await chunksOf(create("createCipheriv"), data);
        for (const result of [...sealed, ...opened, ...streamed]) expectOwn(result, spare);
        for (const tag of tags) expectOwn(tag);
        expect(tags[0]?.buffer).not.toBe(isAead && tags[1]?.buffer);
      }
    },
  );

  test("of hashes, HMACs, streams of them and hash() own exactly their memory", async () => {
    for (const name of ["md5", "sha1", "sha256", "sha512"]) {
      const start = [() => crypto.createHash(name), () => crypto.createHmac(name, "key")];
      for (const create of start) {
        expectOwn(create().update("abc").digest());
        const [digest] = await chunksOf(create(), pattern(5000));
        expectOwn(digest as Buffer);
      }
      expectOwn(crypto.createHash(name).update("abc").copy().digest());
      expectOwn(crypto.hash(name, "abc", "buffer"));
      const hmac = crypto.createHmac(name, "key");
      hmac.digest();
      expectOwn(hmac.digest());
    }
  });

  test("of tags and digests can be transferred to another thread", () => {
    const cipher = crypto.createCipheriv("aes-128-gcm", pattern(16), pattern(12));
    cipher.final();
    for (const result of [cipher.getAuthTag(), crypto.createHash("sha1").digest()]) {
      const expected = new Uint8Array(result);
      expect(new Uint8Array(structuredClone(result.buffer, { transfer: [result.buffer] }))).toEqual(expected);
    }
  });
});
