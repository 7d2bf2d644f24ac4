/*
 * Hashes a long common beginning only once for several messages: a running hash is copied (CIOCCPHASH), and each copy
 * hashes a different end.
 */
import { createHash } from "node:crypto";
import { open } from "cryptodev";

const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const bytesOf = (text: string) => new TextEncoder().encode(text);

const device = open({ backend: "auto" });
const beginning = bytesOf("POST /orders HTTP/1.1\r\n".repeat(1000));
const running = device.hash("sha256").update(beginning);

for (const end of ["one", "two", "three"]) {
  const copy = running.copy();
  const digest = hex(copy.digest(bytesOf(end)));
  copy.close();
  const expected = createHash("sha256").update(beginning).update(end).digest("hex");
  if (digest !== expected) throw new Error(`FAIL: expected ${expected}, got ${digest}`);
  console.log(`${end}: ${digest}`);
}
// The copies did not change the original.
console.log(`none: ${hex(running.digest())}`);
device.close();
