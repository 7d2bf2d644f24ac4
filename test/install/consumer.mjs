/*
 * A user's program that imports every export path of the package, and prints the results as one line of JSON. It is
 * both JavaScript and TypeScript.
 */
import { Buffer } from "node:buffer";
import process from "node:process";
import { open, openAsync, runtime } from "cryptodev";
import { CIOCGSESSION, LP64, requestNumber, u32 } from "cryptodev/abi";
import { bunHost } from "cryptodev/bun";
import ours from "cryptodev/crypto";
import { denoHost } from "cryptodev/deno";
import { Argument } from "cryptodev/host";
import { nodeHost } from "cryptodev/node";
import { Server } from "cryptodev/serve";
import { SoftwareHost } from "cryptodev/soft";
import { subtleOf } from "cryptodev/webcrypto";

// NIST SP 800-38A, F.2.1.
const device = open({ backend: "software" });
const aes = device.cipher("aes-128-cbc", Buffer.from("2b7e151628aed2a6abf7158809cf4f3c", "hex"));
const ciphertext = aes.encrypt(
  Buffer.from("6bc1bee22e409f96e93d7e117393172a", "hex"),
  Buffer.from("000102030405060708090a0b0c0d0e0f", "hex"),
);
aes.close();
const subtleDigest = await subtleOf(device).digest("SHA-1", new TextEncoder().encode("abc"));
device.close();

const asynchronous = await openAsync({ backend: "software" });
const sha1 = await asynchronous.hash("sha1");
const digest = await sha1.digest(new TextEncoder().encode("abc"));
await asynchronous.close();

// From `<asm-generic/ioctls.h>`: a request that only terminals support.
const TIOCGWINSZ = 0x5413;
const libcs = [];
for (const load of [nodeHost, denoHost, bunHost]) {
  try {
    const host = load();
    const fd = host.open("/dev/null", 2);
    const answers = [
      host.open("/nowhere/crypto", 2),
      host.ioctl(fd, TIOCGWINSZ, new Argument(host, u32)),
      host.close(fd),
    ];
    libcs.push(answers.join());
  } catch (error) {
    libcs.push(String(error).replace(/:.*/s, ""));
  }
}

// The server reaches libc through the host of the runtime, and then does not find the folder.
const server = await Server.start({ path: "/nowhere/crypto" }).catch((error) =>
  error.name === "Error" ? error.code : error.name,
);

await import("cryptodev/register-crypto");
const { default: switched } = await import("node:crypto");
await import("cryptodev/register-webcrypto");
process.env.CRYPTODEV_BACKEND = "software";
const registeredDigest = await globalThis.crypto.subtle.digest("SHA-1", new TextEncoder().encode("abc"));

console.log(
  JSON.stringify({
    runtime: runtime.replace(/(\.\d+)+$/, ""),
    arch: process.arch,
    ciphertext: Buffer.from(ciphertext).toString("hex"),
    digest: Buffer.from(digest).toString("hex"),
    subtleDigest: Buffer.from(subtleDigest).toString("hex"),
    registeredDigest: Buffer.from(registeredDigest).toString("hex"),
    libcs,
    isSwitched: switched.createHash === ours.createHash,
    request: requestNumber(CIOCGSESSION, LP64).toString(16),
    software: new SoftwareHost().open("/dev/crypto", 2),
    server,
  }),
);
