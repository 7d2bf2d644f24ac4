/*
 * Does encrypting in chunks make a difference? With a mode that chains, and an iv that goes from one chunk to the next, it
 * makes none. With the same iv for every chunk it makes a dangerous one.
 */
import { open } from "cryptodev";

const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const device = open({ backend: "auto" });
const key = crypto.getRandomValues(new Uint8Array(16));
const iv = crypto.getRandomValues(new Uint8Array(16));

// Four times the same 4096 bytes.
const chunk = Uint8Array.from({ length: 4096 }, (_, index) => index * 7);
const data = new Uint8Array(4 * chunk.length);
for (let start = 0; start < data.length; start += chunk.length) data.set(chunk, start);

const aes = device.cipher("aes-128-cbc", key);
const whole = hex(aes.encrypt(data, iv));

// Only the first call names an iv: the session goes on from where it was.
const chained = [iv, undefined, undefined, undefined].map((start) => hex(aes.encrypt(chunk, start)));
console.log(`In chunks that go on from each other: ${chained.join("") === whole ? "no difference" : "a difference"}`);

// The same, with chunks of any size, for data that comes as it pleases.
const encryptor = aes.encryptor(iv);
const pieces = [5, 4000, 1, 12378].map((size, index, sizes) => {
  const start = sizes.slice(0, index).reduce((sum, one) => sum + one, 0);
  return hex(encryptor.update(data.subarray(start, start + size)));
});
const odd = pieces.join("") + hex(encryptor.final());
console.log(`In chunks of any size: ${odd === whole ? "no difference" : "a difference"}`);

// An iv of its own for each chunk would be good. The same one for all shows which chunks are equal.
const repeated = Array.from({ length: 4 }, () => hex(aes.encrypt(chunk, iv)));
console.log(`With the same iv for every chunk: ${repeated.join("") === whole ? "no difference" : "a difference"}`);
const [same, different] = [new Set(repeated).size, new Set(chained).size];
console.log(`Ciphertexts that four equal chunks become: ${same} with the same iv for all, ${different} when chained`);
device.close();
