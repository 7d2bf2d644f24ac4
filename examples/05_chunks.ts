/*
 * Does encrypting in chunks change the ciphertext? It does not if each chunk continues from the end of the one before,
 * as with an encryptor. With the same iv for every chunk it does, and dangerously so.
 */
import { open } from "cryptodev";

const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const device = open({ backend: "auto" });
const key = crypto.getRandomValues(new Uint8Array(16));
const iv = crypto.getRandomValues(new Uint8Array(16));

// The same 4096 bytes, four times.
const chunk = Uint8Array.from({ length: 4096 }, (_, index) => index * 7);
const data = new Uint8Array(4 * chunk.length);
for (let start = 0; start < data.length; start += chunk.length) data.set(chunk, start);

const aes = device.cipher("aes-128-cbc", key);
const whole = hex(aes.encrypt(data, iv));

// An encryptor continues from the end of the previous chunk.
const continued = aes.encryptor(iv);
const chained = [1, 2, 3, 4].map(() => hex(continued.update(chunk)));
console.log(`In chunks that continue each other: ${chained.join("") === whole ? "no difference" : "a difference"}`);

// The chunks can have any size, as data that arrives in arbitrary pieces has.
const encryptor = aes.encryptor(iv);
const pieces = [5, 4000, 1, 12378].map((size, index, sizes) => {
  const start = sizes.slice(0, index).reduce((sum, one) => sum + one, 0);
  return hex(encryptor.update(data.subarray(start, start + size)));
});
const odd = pieces.join("") + hex(encryptor.final());
console.log(`In chunks of any size: ${odd === whole ? "no difference" : "a difference"}`);

// A different iv for each chunk would be safe. The same iv for all reveals which chunks are equal.
const repeated = Array.from({ length: 4 }, () => hex(aes.encrypt(chunk, iv)));
console.log(`With the same iv for every chunk: ${repeated.join("") === whole ? "no difference" : "a difference"}`);
const [same, different] = [new Set(repeated).size, new Set(chained).size];
console.log(`Ciphertexts that four equal chunks become: ${same} with the same iv for all, ${different} when chained`);
device.close();
