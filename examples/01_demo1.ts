/*
 * Encrypts 4096 bytes with AES-128-CBC through /dev/crypto, decrypts them and compares: the first of the demos that
 * came with CryptoDev. The same file runs in Node.js, Deno and Bun.
 */
import { open, runtime } from "cryptodev";

const DATA_SIZE = 4096;
const BLOCK_SIZE = 16;
const KEY_SIZE = 16;

// The original encrypted uninitialised memory. With a pattern, the ciphertext is the same in every run.
const pattern = (size: number, seed: number) => Uint8Array.from({ length: size }, (_, index) => index * 7 + seed);
const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

const data = pattern(DATA_SIZE, 3);
const key = pattern(KEY_SIZE, 5);
const iv = pattern(BLOCK_SIZE, 11);

// Open the crypto device, and clone its descriptor. Both descriptors are close-on-exec.
const crypto = open({ backend: "auto" });
const clone = crypto.clone();
console.log(`${runtime}, ${clone.backend === "kernel" ? clone.path : "software device in this process"}`);

// Start a session of AES-128-CBC.
const session = clone.cipher("aes-128-cbc", key);
const { cipher } = session.info();
console.log(`Session: ${cipher?.name} by ${cipher?.driver}`);

// Encrypt the data.
const encrypted = session.encrypt(data, iv);
console.log(`Encrypted: ${encrypted.length} bytes, ${hex(encrypted.subarray(0, BLOCK_SIZE))}...`);
console.log(`SHA-256 of the ciphertext: ${hex(clone.hash("sha256").digest(encrypted))}`);

// Decrypt it with the same iv, and compare.
const decrypted = session.decrypt(encrypted, iv);
if (decrypted.some((byte, index) => byte !== data[index])) {
  throw new Error("FAIL: Decrypted data are different from the input data.");
}
console.log("Test passed");

// End the session, and close both descriptors.
session.close();
clone.close();
crypto.close();
