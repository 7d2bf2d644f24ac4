import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Installed, root } from "../install/installed.ts";

/* Compiles programs against the packed package, with `skipLibCheck` off. */

/** The first version with `Uint8Array<ArrayBuffer>`. */
const oldest = "5.7";

let installed: Installed;
beforeAll(() => {
  installed = Installed.make("@types/node@20", `oldest@npm:typescript@${oldest}`);
}, 300_000);
afterAll(() => installed.remove());

/**
 * Compiles one file, by default with this workspace's compiler.
 *
 * @returns its messages; empty if it succeeds
 */
function complaints(file: string, { compiler, ...options }: Readonly<Record<string, string>>): string {
  const tsc = compiler ?? join(root, "node_modules/typescript/bin/tsc");
  const { module: kind = "nodenext", moduleResolution = kind, types = "", lib = "es2022" } = options;
  const flags = { module: kind, moduleResolution, types, lib, target: "es2022", skipLibCheck: "false" };
  const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]);
  const { status, stdout, stderr } = installed.run(process.execPath, tsc, "--noEmit", "--strict", ...args, file);
  return status === 0 ? "" : `${stdout}${stderr}ended with ${status}`;
}

/**
 * Writes a program to the folder.
 *
 * @returns its name
 */
function write(name: string, code: string): string {
  mkdirSync(join(installed.folder, "typed"), { recursive: true });
  writeFileSync(join(installed.folder, "typed", name), code);
  return `typed/${name}`;
}

const bundler = { module: "esnext", moduleResolution: "bundler" };
const resolutions = [{ module: "nodenext" }, bundler];

describe.each(resolutions)("with TypeScript's option --module $module", (resolution) => {
  test("a program that uses every export path needs only the types of Node.js", () => {
    expect(complaints("consumer.ts", { ...resolution, types: "node" })).toBe("");
  });

  test("cryptodev/crypto exports the types of node:crypto", () => {
    const code = (from: string) => `
      import { type BinaryLike, type CipherGCM, createCipheriv, createHash, createHmac, createSecretKey } from "${from}";
      import { Decipher, Hash, Hmac, KeyObject, X509Certificate } from "${from}";
      import * as crypto from "${from}";
      const data: BinaryLike = "data";
      const hash: Hash = createHash("sha1").update(data);
      const other: crypto.Hash = hash;
      const hmac: Hmac = createHmac("sha1", "key");
      const key: KeyObject = createSecretKey(Buffer.alloc(16));
      const cipher: CipherGCM = createCipheriv("aes-128-gcm", key, Buffer.alloc(12));
      export const close = (one: Decipher, certificate: X509Certificate): string => one.final("hex") + certificate.subject;
      export const all = [KeyObject.from, other, hmac, cipher];
    `;
    for (const from of ["node:crypto", "cryptodev/crypto"]) {
      expect(complaints(write("node_types.ts", code(from)), { ...resolution, types: "node" })).toBe("");
    }
  });

  test("the devices do not need the types of any runtime, and refuse calls that would crash a kernel", () => {
    const code = `
      import { type CipherName, open } from "cryptodev";
      import { denoHost } from "cryptodev/deno";
      import { bunHost } from "cryptodev/bun";
      import { nodeHost } from "cryptodev/node";
      import { SoftwareHost } from "cryptodev/soft";
      import { Server } from "cryptodev/serve";
      const device = open({ backend: "auto" });
      const name: CipherName = "aes-128-cbc";
      const bytes: Uint8Array<ArrayBuffer> = device.cipher(name, new Uint8Array(16)).encrypt(new Uint8Array(16), new Uint8Array(16));
      // @ts-expect-error: CIOCCRYPT on an AEAD crashes a kernel
      device.cipher("aes-gcm", bytes);
      // @ts-expect-error: an HMAC has a key
      device.hmac("sha256");
      export const hosts = [denoHost, bunHost, nodeHost, () => new SoftwareHost(), () => Server.start()];
    `;
    expect(complaints(write("hosts.ts", code), { ...resolution, lib: "es2022,esnext.disposable" })).toBe("");
  });
});

test(`the types of the package work with TypeScript ${oldest}`, () => {
  expect(complaints("consumer.ts", { types: "node", compiler: "node_modules/oldest/bin/tsc" })).toBe("");
});

describe("no export has type any, which also stands for an import that is not found,", () => {
  const code = `
    import * as abi from "cryptodev/abi";
    import { SoftwareHost } from "cryptodev/soft";
    import { Server } from "cryptodev/serve";
    import * as entry from "cryptodev";
    import crypto, { cryptoOf } from "cryptodev/crypto";
    type Refused<T> = 0 extends 1 & T ? never : unknown;
    const typed = <T>(_value: T, ..._any: Refused<T> extends never ? [never] : []): void => {};
    const device = entry.open();
    typed(device);
    typed(device.cipher("aes-cbc", new Uint8Array(16)));
    typed(await entry.openAsync());
    typed(entry.cipherStream);
    typed(entry.Device);
    typed(abi.crypt_op.fields);
    typed(abi.CIOCCRYPT);
    typed(crypto.createHash("sha1"));
    typed(cryptoOf(device));
    typed(new SoftwareHost().device);
    typed(Server.start());
    // @ts-expect-error: the check itself
    typed(JSON.parse("1"));
  `;

  test.each(resolutions)("for tsc with --module $module", (resolution) => {
    expect(complaints(write("any.ts", code), { ...resolution, types: "node" })).toBe("");
  });

  test("for deno check", () => {
    const deno = join(root, "node_modules/.bin/deno");
    const { status, stderr } = installed.run(deno, "check", write("any.ts", code), "consumer.ts");
    expect([stderr.replace(/^Check .*\n/gm, ""), status]).toEqual(["", 0]);
  });
});
