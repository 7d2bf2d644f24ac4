/*
 * Processes a large buffer without blocking the event loop: the operations run on worker threads.
 */
import { openAsync } from "cryptodev";

const device = await openAsync({ backend: "auto" });
const key = crypto.getRandomValues(new Uint8Array(16));
const [aes, sha256] = await Promise.all([device.cipher("aes-128-ctr", key), device.hash("sha256")]);

let ticks = 0;
const clock = setInterval(() => (ticks += 1), 1);
const data = new Uint8Array(32 * 1024 * 1024);
const iv = new Uint8Array(16);
const [ciphertext, digest] = await Promise.all([aes.encrypt(data, iv), sha256.digest(data)]);
clearInterval(clock);

console.log(`${ciphertext.length} bytes encrypted, and a digest of ${digest.length} bytes, at the same time`);
console.log(`Meanwhile the event loop ${ticks > 0 ? "kept running" : "was blocked"}`);
const back = await aes.decrypt(ciphertext, iv);
console.log(`Decrypted: ${back.every((byte) => byte === 0) ? "the same" : "something else"}`);
await device.close();
