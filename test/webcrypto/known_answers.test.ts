import { subtleOf } from "cryptodev/webcrypto";
import { afterAll, describe, expect, test } from "vitest";
import { backends } from "../backends.ts";
import { fromHex } from "../bytes.ts";
import { vectors as aeadVectors } from "../vectors/aeads.ts";
import { vectors as cipherVectors } from "../vectors/ciphers.ts";
import * as wycheproof from "../vectors/wycheproof.ts";
import { outcomeOf, type Subtle } from "./outcome.ts";

const gcm = aeadVectors.filter(({ id, nonce }) => id === 50 && nonce.length === 24);
const ctr = cipherVectors.filter(({ algorithm }) => /^aes-\d+-ctr$/.test(algorithm));
const cbc = cipherVectors.filter(({ algorithm }) => /^aes-\d+-cbc$/.test(algorithm));

describe.each(backends)("subtle on the $name", (backend) => {
  const device = backend.open();
  const subtle = subtleOf(device) as Subtle;
  afterAll(() => device.close());
  const keyOf = (name: string, key: string) =>
    subtle.importKey("raw", fromHex(key), name, false, ["encrypt", "decrypt"]);

  test.each(gcm)("has the answer of $source", async ({ key, nonce, aad, plaintext, ciphertext, tag }) => {
    const algorithm = {
      name: "AES-GCM",
      iv: fromHex(nonce),
      additionalData: fromHex(aad),
      tagLength: tag.length * 4,
    };
    const made = await keyOf("AES-GCM", key);
    const sealed = ciphertext + tag;
    expect(await outcomeOf(() => subtle.encrypt(algorithm, made, fromHex(plaintext)))).toBe(sealed);
    expect(await outcomeOf(() => subtle.decrypt(algorithm, made, fromHex(sealed)))).toBe(plaintext);
  });

  test.each(ctr)("has the answer of $source", async ({ key, iv = "", plaintext, ciphertext }) => {
    const made = await keyOf("AES-CTR", key);
    for (const length of [64, 128]) {
      const algorithm = { name: "AES-CTR", counter: fromHex(iv), length };
      const encrypted = await outcomeOf(() => subtle.encrypt(algorithm, made, fromHex(plaintext)));
      expect(encrypted).toBe(ciphertext.replaceAll(" ", ""));
    }
  });

  test.each(cbc)("has the answer of $source, before the padding", async ({ key, iv = "", plaintext, ciphertext }) => {
    const made = await keyOf("AES-CBC", key);
    const algorithm = { name: "AES-CBC", iv: fromHex(iv) };
    const expected = ciphertext.replaceAll(" ", "");
    const encrypted = await outcomeOf(() => subtle.encrypt(algorithm, made, fromHex(plaintext)));
    expect(encrypted).toEqual(expect.stringMatching(`^${expected}.{32}$`));
  });

  test.each(Object.entries(wycheproof.paddings.ciphertexts))(
    "refuses %s in place of the padding, as Wycheproof says",
    async (_what, ciphertexts) => {
      const key = await keyOf("AES-CBC", wycheproof.paddings.key);
      const algorithm = { name: "AES-CBC", iv: fromHex(wycheproof.paddings.iv) };
      for (const ciphertext of ciphertexts) {
        const outcome = await outcomeOf(() => subtle.decrypt(algorithm, key, fromHex(ciphertext)));
        expect(outcome).toBe("rejected with OperationError");
      }
    },
  );

  test("has the answers of Wycheproof for AES-GCM and HMAC", async () => {
    for (const { key, iv, aad, plaintext, sealed } of wycheproof.gcm) {
      const made = await keyOf("AES-GCM", key);
      const algorithm = { name: "AES-GCM", iv: fromHex(iv), additionalData: fromHex(aad) };
      expect(await outcomeOf(() => subtle.encrypt(algorithm, made, fromHex(plaintext)))).toBe(sealed);
      expect(await outcomeOf(() => subtle.decrypt(algorithm, made, fromHex(sealed)))).toBe(plaintext);
    }
    const hmac = { name: "HMAC", hash: "SHA-256" };
    for (const { key, data, mac, isValid } of wycheproof.hmacs) {
      const made = await subtle.importKey("raw", fromHex(key), hmac, false, ["sign", "verify"]);
      expect(await subtle.verify("HMAC", made, fromHex(mac), fromHex(data))).toBe(isValid);
      expect((await outcomeOf(() => subtle.sign("HMAC", made, fromHex(data)))) === mac).toBe(isValid);
    }
  });

  test("has the answers of FIPS 180 and RFC 4231", async () => {
    const abc = new TextEncoder().encode("abc");
    expect(await outcomeOf(() => subtle.digest("SHA-1", abc))).toBe("a9993e364706816aba3e25717850c26c9cd0d89d");
    const key = await subtle.importKey("raw", new Uint8Array(20).fill(11), { name: "HMAC", hash: "SHA-256" }, false, [
      "sign",
    ]);
    expect(await outcomeOf(() => subtle.sign("HMAC", key, new TextEncoder().encode("Hi There")))).toBe(
      "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
    );
  });
});
