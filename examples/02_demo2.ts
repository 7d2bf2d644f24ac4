/*
 * Hashes, HMACs, and a cipher with an HMAC in one pass: the second of the demos that came with CryptoDev. The results
 * are compared with known answers, and with those of OpenSSL through node:crypto.
 */
import { createCipheriv, createHmac } from "node:crypto";
import { open } from "cryptodev";

const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const pattern = (size: number, seed: number) => Uint8Array.from({ length: size }, (_, index) => index * 7 + seed);
const bytesOf = (text: string) => new TextEncoder().encode(text);

function check(name: string, actual: string, expected: string): void {
  if (actual !== expected) throw new Error(`${name}: FAIL: got ${actual}, expected ${expected}`);
  console.log(`${name}: passed`);
}

const device = open({ backend: "auto" });
const message = bytesOf("what do ya want for nothing?");

// A plain hash, compared with the answer in the original demo.
check("HASH test 1", hex(device.hash("sha1").digest(message)), "8f820394f95335182045da24f34de52bf8bc3432");

// HMAC-MD5: the second test case of RFC 2202.
check("HMAC test 1", hex(device.hmac("md5", bytesOf("Jefe")).digest(message)), "750c783e6ab0b503eaa86e310a5db738");

// AES-128-CBC and HMAC-SHA1 in one pass over 4096 bytes. The mac covers the plaintext.
const [data, key, iv, macKey] = [pattern(4096, 3), pattern(16, 5), pattern(16, 11), new Uint8Array(16).fill(0x0b)];
const session = device.cipherWithMac({ cipher: "aes-128-cbc", key, mac: "hmac-sha1", macKey });
const { ciphertext, mac } = session.encrypt(data, { iv });
const openssl = createCipheriv("aes-128-cbc", key, iv).setAutoPadding(false).update(data);
check("Crypt Test", hex(ciphertext), hex(openssl));
check("HMAC Test 2", hex(mac), createHmac("sha1", macKey).update(data).digest("hex"));

// Decrypting computes the mac again, and throws without returning plaintext if it differs.
check("Decrypt Test", hex(session.decrypt(ciphertext, { mac, iv })), hex(data));
device.close();
