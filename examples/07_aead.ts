/*
 * Encrypts and authenticates with AES-GCM: the tag covers the data and a header that is not encrypted. A message that
 * was changed on the way is refused, and none of its plaintext is returned.
 */
import { AuthenticationError, open } from "cryptodev";

const bytesOf = (text: string) => new TextEncoder().encode(text);
const device = open({ backend: "auto" });
const gcm = device.aead("aes-256-gcm", crypto.getRandomValues(new Uint8Array(32)));

// Use each nonce only once with a key: anyone who sees two messages under the same nonce can forge more.
let count = 0;
function nextNonce(): Uint8Array {
  const nonce = new Uint8Array(12);
  count += 1;
  new DataView(nonce.buffer).setUint32(8, count);
  return nonce;
}

const nonce = nextNonce();
const aad = bytesOf("to: everybody");
const sealed = gcm.seal(bytesOf("The meeting is at noon."), { nonce, aad });
console.log(`${sealed.length} bytes, the last 16 of which are the tag`);
console.log(new TextDecoder().decode(gcm.open(sealed, { nonce, aad })));

const changed = sealed.slice();
changed[0] = (changed[0] as number) ^ 1;
for (const [what, forge] of [
  ["data", () => gcm.open(changed, { nonce, aad })],
  ["header", () => gcm.open(sealed, { nonce, aad: bytesOf("to: nobody") })],
] as const) {
  try {
    forge();
    throw new Error(`FAIL: a forged ${what} was accepted`);
  } catch (error) {
    if (!(error instanceof AuthenticationError)) throw error;
    console.log(`a forged ${what}: ${error.name}`);
  }
}

// A session can also generate the nonces, at random. Each precedes its message.
const managed = device.aead("aes-256-gcm", crypto.getRandomValues(new Uint8Array(32)), { managedNonce: true });
const message = managed.seal(bytesOf("The meeting is at one."), { aad });
console.log(`${message.length} bytes, the first ${managed.overhead - managed.tagSize} of which are the nonce`);
console.log(new TextDecoder().decode(managed.open(message, { aad })));
device.close();
