import { describe, expect, test } from "vitest";
import { runForJson, runProgram } from "../child.ts";
import { runtimeName } from "../runtime.ts";

const env = { CRYPTODEV_BACKEND: "software" };

/** A function of the programs: who computes. The device refuses HKDF. */
const who = `async (subtle) => {
  try {
    await subtle.importKey("raw", new Uint8Array(16), "HKDF", false, ["deriveBits"]);
    return "runtime";
  } catch (error) {
    return error.message.includes("CRYPTODEV_FALLBACK=1") ? "device" : error.message;
  }
}`;

/** Runs a program that is switched over, and returns the object that it prints. */
const run = (code: string, more: Readonly<Record<string, string>> = {}) => {
  const head = `
    import { Buffer } from "node:buffer";
    import nodeCrypto, { webcrypto } from "node:crypto";
    import process from "node:process";
    const who = ${who};
    const nameOf = (call) => call().then(() => "none", (error) => error.name);
  `;
  return runForJson(head + code, { env: { ...env, ...more }, isSubtleSwitched: true });
};

describe("cryptodev/register-webcrypto", () => {
  test("has every reference to crypto.subtle use the device", () => {
    const code = `
      const { subtle } = crypto;
      const key = await subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
      const algorithm = { name: "AES-GCM", iv: new Uint8Array(12) };
      const sealed = await webcrypto.subtle.encrypt(algorithm, key, Buffer.from("message"));
      console.log(JSON.stringify([
        await Promise.all([crypto.subtle, webcrypto.subtle, nodeCrypto.subtle, subtle].map(who)),
        crypto.subtle === subtle,
        Buffer.from(await subtle.decrypt(algorithm, key, sealed)).toString(),
        Buffer.from(await subtle.digest("SHA-1", Buffer.from("abc"))).toString("hex"),
      ]));`;
    const digest = "a9993e364706816aba3e25717850c26c9cd0d89d";
    expect(run(code)).toEqual([["device", "device", "device", "device"], true, "message", digest]);
  });

  test("leaves the rest to the runtime's own methods if CRYPTODEV_FALLBACK is set", () => {
    const code = `
      const { subtle } = crypto;
      const pair = await subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
      const ecdsa = { name: "ECDSA", hash: "SHA-256" };
      const signature = await subtle.sign(ecdsa, pair.privateKey, new Uint8Array(3));
      const wrapping = await subtle.generateKey({ name: "AES-KW", length: 256 }, true, ["wrapKey", "unwrapKey"]);
      const key = await subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, true, ["sign"]);
      const wrapped = await subtle.wrapKey("raw", key, wrapping, "AES-KW");
      const hmac = { name: "HMAC", hash: "SHA-256" };
      const again = await subtle.unwrapKey("raw", wrapped, wrapping, "AES-KW", hmac, false, ["sign"]);
      console.log(JSON.stringify([
        await who(subtle),
        await subtle.verify(ecdsa, pair.publicKey, signature, new Uint8Array(3)),
        Buffer.compare(Buffer.from(await subtle.sign("HMAC", key, wrapped)), Buffer.from(await subtle.sign("HMAC", again, wrapped))),
      ]));`;
    expect(run(code, { CRYPTODEV_FALLBACK: "1" })).toEqual(["runtime", true, 0]);
  });

  test("keeps what programs see of SubtleCrypto: class, names, lengths, properties, and the check of this", () => {
    const look = `
      const shape = (owner) => Object.entries(Object.getOwnPropertyDescriptors(owner))
        .filter(([, { value }]) => typeof value === "function")
        .map(([key, { value, enumerable, configurable, writable }]) => [
          key, value.name, value.length, enumerable, configurable, writable]);
      const { digest } = SubtleCrypto.prototype;
      console.log(JSON.stringify([
        shape(SubtleCrypto.prototype),
        Object.getOwnPropertyNames(SubtleCrypto).sort(),
        crypto.subtle instanceof SubtleCrypto,
        Object.keys(crypto.subtle),
        String(crypto.subtle),
        await Promise.all([undefined, {}, SubtleCrypto.prototype, Object.create(crypto.subtle)].map((self) =>
          digest.call(self, "SHA-1", new Uint8Array(1)).then(() => "none", (error) => error.name))),
      ]));`;
    expect(run(look)).toEqual(runForJson(look, { env }));
  });

  test("answers SubtleCrypto.supports() for the device, if the runtime has it", () => {
    const code = `
      const gcm = { name: "AES-GCM", iv: new Uint8Array(12) };
      console.log(JSON.stringify(SubtleCrypto.supports === undefined ? null : [
        ["digest", "SHA-256"], ["digest", "SHA-224"], ["encrypt", gcm], ["encrypt", { ...gcm, iv: new Uint8Array(16) }],
        ["generateKey", { name: "AES-CTR", length: 128 }], ["generateKey", { name: "AES-KW", length: 128 }],
        ["importKey", { name: "HMAC", hash: "SHA-512" }], ["sign", "HMAC"], ["sign", "Ed25519"],
        ["wrapKey", gcm, "AES-CBC"], ["wrapKey", gcm, "Ed25519"], ["none", gcm],
      ].map((args) => SubtleCrypto.supports(...args))));`;
    const ours = [true, false, true, false, true, false, true, true, false, true, false, false];
    const native = runForJson<readonly boolean[] | null>(code);
    expect(run(code)).toEqual(native?.map((isSupported, index) => isSupported && ours[index]) ?? null);
    expect(run(code, { CRYPTODEV_FALLBACK: "1" })).toEqual(native);
  });

  // Deno does not switch over a Worker that is imported with the prefix `node:`.
  const threads = `
    import { Worker } from "worker_threads";
    const who = ${who};
    const url = (code) => new URL("data:text/javascript," + encodeURIComponent(code));
    const messageOf = (worker) => new Promise((resolve) => {
      worker.once("message", (message) => {
        worker.terminate();
        resolve(message);
      });
      worker.once("error", ({ message }) => resolve(message));
    });
    const post = 'require("node:worker_threads").parentPort.postMessage';
    const text = "(" + who + ")(crypto.subtle).then((message) => " + post + "(message))";
    const module = 'import { parentPort } from "node:worker_threads"; parentPort.postMessage(await (' + who + ")(crypto.subtle))";
    const web = "postMessage(await (" + who + ")(crypto.subtle))";
    const nested = 'const { Worker } = require("worker_threads"); new Worker(' + JSON.stringify(text) +
      ', { eval: true }).once("message", (message) => ' + post + "(message))";
    const found = [
      await messageOf(new Worker(text, { eval: true })),
      await messageOf(new Worker(url(module))),
      await messageOf(new Worker(nested, { eval: true })),
    ];
    if (globalThis.Worker !== undefined) {
      found.push(await new Promise((resolve) => {
        const worker = new globalThis.Worker(url(web), { type: "module" });
        worker.onmessage = ({ data }) => {
          worker.terminate();
          resolve(data);
        };
      }));
    }
    console.log(JSON.stringify(found));
    process.exit();`;
  const all = ["device", "device", "device", ...(runtimeName === "Node.js" ? [] : ["device"])];

  test("switches worker threads over: from text, from modules, nested, and of the web platform", () => {
    const { stderr, stdout } = runProgram(`import process from "node:process"; ${threads}`, {
      env,
      isSubtleSwitched: true,
    });
    expect(stderr).toBe("");
    expect(JSON.parse(stdout)).toEqual(all);
  });

  test("works together with cryptodev/register-crypto, in the program and in its threads", () => {
    const code = `
      import process from "node:process";
      import { createHash } from "node:crypto";
      import nodeCrypto, { subtle, webcrypto } from "node:crypto";
      if ("_options" in createHash("sha1")) throw new Error("node:crypto is the runtime's own");
      const digests = [crypto.subtle, subtle, webcrypto.subtle, nodeCrypto.webcrypto.subtle].map((one) =>
        one.digest("SHA-1", new Uint8Array(3)));
      for (const digest of await Promise.all(digests)) if (digest.byteLength !== 20) throw new Error("another digest");
      if (webcrypto.getRandomValues(new Uint8Array(3)).length !== 3) throw new Error("no random values");
      ${threads}`;
    const { stderr, stdout } = runProgram(code, { env, isSwitched: true, isSubtleSwitched: true });
    expect(stderr).toBe("");
    expect(JSON.parse(stdout)).toEqual(all);
  });

  test.runIf(runtimeName !== "Bun")(
    "warns once of a worker thread that it cannot switch over, and says of what",
    () => {
      const code = `
      import { Worker } from "node:worker_threads";
      const options = ${runtimeName === "Deno" ? "{ eval: true }" : "{ execArgv: [] }"};
      const file = ${runtimeName === "Deno" ? '""' : 'new URL("data:text/javascript,")'};
      for (let turn = 0; turn < 2; turn += 1) await new Worker(file, options).terminate();
    `;
      const { stderr } = runProgram(code, { env, isSubtleSwitched: true });
      expect(stderr.match(/CryptodevWarning: a worker thread .* uses the runtime's own crypto\.subtle,/g)).toHaveLength(
        1,
      );
    },
  );
});
