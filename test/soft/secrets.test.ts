import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { type CipherName, Device } from "@cryptodev/core";
import { describe, expect, test } from "vitest";
import { can } from "../needs.ts";
import { realHost, runtimeName } from "../runtime.ts";
import { compile } from "../serve/compile.ts";
import { canServe, ServedDevice } from "../software.ts";
import { temporaryFolder } from "../temporary_folder.ts";

/*
 * Copies of keys that remain in the memory of a process whose sessions have ended: another process searches for them.
 */

const isLinux = can("LINUX");
const { scan = "" } = isLinux ? compile("scan") : {};

/** A different key for each number, which does not occur in any source text. */
const keyOf = (seed: number, size: number): Uint8Array => {
  const key = new Uint8Array(new ArrayBuffer(size));
  for (let index = 0; index < size; index += 1) key[index] = (seed * 31 + index * 57 + index * index * 13) ^ 0x5c;
  return key;
};

/** How many copies of each key a process has. */
function copies(pid: number, kinds: readonly { readonly seed: number; readonly size: number }[]): number[] {
  const inverted = kinds.map(({ seed, size }) => {
    const key = keyOf(seed, size);
    return Buffer.from(key.map((byte) => ~byte)).toString("hex");
  });
  const lines = execFileSync(scan, [String(pid), ...inverted], { encoding: "utf8" })
    .trim()
    .split("\n");
  return lines.map(Number);
}

/**
 * Deno's node:crypto frees AES and DES keys without wiping them. Elsewhere the key of a KeyObject is wiped when it is
 * collected.
 */
const isWiped = (name: string) =>
  runtimeName !== "Deno" || !/^(aes-.*|3?des)-(cbc|ecb|ctr|cfb|ofb|xts|gcm|ccm)$/.test(name);

interface Kind {
  readonly name: string;
  readonly size: number;
  readonly seed: number;
  /** Whether the device keeps a KeyObject of the key, which remains until it is collected. */
  readonly hasKeyObject?: true;
}

const kinds: readonly Kind[] = (
  [
    ["aes-256-cbc", 32, true],
    ["aes-192-ctr", 24, true],
    ["aes-128-ecb", 16],
    ["aes-256-cfb", 32],
    ["aes-128-ofb", 16],
    ["aes-256-xts", 64],
    ["aes-128-gcm", 16, true],
    ["aes-192-gcm", 24, true],
    ["aes-256-ccm", 32, true],
    ["camellia-128-cbc", 16, true],
    ["camellia-192-cbc", 24, true],
    ["camellia-256-cbc", 32, true],
    ["3des-cbc", 24, true],
    ["des-cbc", 8, true],
    ["blowfish-cbc", 20],
    ["hmac-md5", 20],
    ["hmac-sha1", 64],
    ["hmac-sha256", 65],
    ["hmac-sha512", 32],
    ["hmac-sha512", 128],
  ] as const
).map(([name, size, hasKeyObject], index) => ({ name, size, seed: index + 1, ...(hasKeyObject && { hasKeyObject }) }));

/**
 * Runs in the process that is searched: starts a session of each kind, lets collections move its memory, and uses and
 * ends it.
 */
function useKeys(device: Device, all: readonly Kind[], make: typeof keyOf, collect: () => void): void {
  const [data, iv] = [new Uint8Array(64), new Uint8Array(16)];
  for (const { name, size, seed } of all) {
    const key = make(seed, size);
    if (name.startsWith("hmac")) {
      const session = device.hmac(name.slice(5) as "sha1", key);
      key.fill(0);
      collect();
      session.digest(data);
      session.close();
    } else if (/[gc]cm$/.test(name)) {
      const session = device.aead(name as "aes-gcm", key);
      key.fill(0);
      collect();
      const nonce = iv.subarray(0, 12);
      session.open(session.seal(data, { nonce }), { nonce });
      session.close();
    } else {
      const session = device.cipher(name as CipherName, key);
      key.fill(0);
      collect();
      const { ivSize } = session;
      const start = ivSize === 0 ? undefined : iv.subarray(0, ivSize);
      session.decrypt(session.encrypt(data, start), start);
      session.encrypt(new Uint8Array(8192), start);
      session.close();
    }
  }
}

// Bun reserves a lot of memory, which takes a while to search on a busy machine.
describe.runIf(isLinux)(
  "SoftwareDevice leaves no copy of a key after its session has ended,",
  { timeout: 180_000 },
  () => {
    test("in its own process", async () => {
      const held = { name: "held", size: 32, seed: 0 };
      const workspace = fileURLToPath(new URL("../.programs/", import.meta.url));
      mkdirSync(workspace, { recursive: true });
      const folder = mkdtempSync(join(workspace, "secrets-"));
      const program = join(folder, "program.mjs");
      writeFileSync(
        program,
        `
      import v8 from "node:v8";
      import vm from "node:vm";
      import { Device } from "@cryptodev/core";
      import { SoftwareHost } from "@cryptodev/soft";
      v8.setFlagsFromString?.("--expose-gc");
      const full = globalThis.Bun ? () => Bun.gc(true) : vm.runInNewContext("gc");
      // Minor collections move memory; Bun never moves it.
      const minor = globalThis.Bun ? () => {} : () => full({ type: "minor" });
      const keyOf = ${keyOf};
      const held = keyOf(${held.seed}, ${held.size});
      const device = Device.open(new SoftwareHost());
      (${useKeys})(device, ${JSON.stringify(kinds)}, keyOf, () => { minor(); minor(); });
      // Bun's collector spares what a leftover on the stack looks like. Other keys take these places.
      (${useKeys})(device, ${JSON.stringify(kinds.map((kind) => ({ ...kind, seed: kind.seed + 500 })))}, keyOf, () => {});
      for (let round = 0; round < 5; round += 1) {
        full();
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      console.log("ready");
      setTimeout(() => console.log(held.length, device.path), 2 ** 30);
    `,
      );
      const args = runtimeName === "Deno" ? ["run", "-A", program] : [program];
      const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
      try {
        expect(String((await once(child.stdout, "data"))[0])).toBe("ready\n");
        const [heldCount, ...found] = copies(child.pid as number, [held, ...kinds]);
        // Check that the scanner finds a key that is still in use.
        expect(heldCount).toBeGreaterThanOrEqual(1);
        expect(kinds.filter(({ name }, index) => isWiped(name) && found[index] !== 0)).toEqual([]);
        expect(found).toHaveLength(kinds.length);
      } finally {
        child.kill("SIGKILL");
        rmSync(folder, { recursive: true });
      }
    });

    test.runIf(canServe)("in the process of a server", async () => {
      const folder = temporaryFolder("secrets");
      const served = await ServedDevice.start(join(folder, "crypto"));
      const pid = served.process.pid as number;
      const device = Device.open(await realHost(), { path: served.path });
      const held = { name: "hmac-sha1", size: 33, seed: 1000 };
      // The server's collector cannot be started from here, so this omits keys that node:crypto keeps until then, and
      // those that Deno frees.
      const here = kinds.filter(({ name, hasKeyObject }) => isWiped(name) && hasKeyObject === undefined);
      const session = device.hmac("sha1", keyOf(held.seed, held.size));
      try {
        for (let round = 0; round < 20; round += 1) useKeys(device, here, keyOf, () => {});
        expect(copies(pid, [held])[0]).toBeGreaterThanOrEqual(1);
        const found = copies(pid, here);
        expect(here.filter((_, index) => found[index] !== 0)).toEqual([]);
        session.close();
        expect(copies(pid, [held])).toEqual([0]);
      } finally {
        device.close();
        await served.stop();
      }
    });
  },
);
