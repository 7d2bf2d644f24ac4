import { spawn } from "node:child_process";
import process from "node:process";
import { describe, expect, test } from "vitest";
import { breakEven, type SizeResult } from "../../packages/cli/dist/speed/results.js";
import { canServe, command, ServedDevice } from "../software.ts";
import { Folder } from "./folder.ts";

const folder = new Folder();
const quick = ["--seconds", "0.002"];

/** An algorithm in the output of `--json`. */
interface Measured {
  readonly algorithm: string;
  readonly driver: string;
  readonly hardware: boolean;
  readonly fasterFromBytes?: number | null;
  readonly sizes: readonly {
    readonly bytes: number;
    readonly device: { readonly operations: number; readonly seconds: number; readonly userSeconds: number };
    readonly node: object | null;
  }[];
}

describe("cryptodev speed", () => {
  test("measures every algorithm with all sizes, starting with the cost of a call", () => {
    const { status, stdout, stderr } = folder.cryptodev(["speed", "--json", ...quick]);
    expect([status, stderr]).toEqual([0, ""]);
    const results = JSON.parse(stdout.toString()).results as readonly Measured[];
    const { capabilities } = JSON.parse(folder.cryptodev(["info", "--json"]).stdout.toString());
    expect(results).toHaveLength(capabilities.length);
    expect(results[0]?.algorithm).toBe("null");
    const sha = results.find(({ algorithm }) => algorithm === "hmac-sha256") as Measured;
    expect([sha.driver, sha.hardware]).toEqual(["hmac(sha256)-software", false]);
    for (const { sizes } of results) {
      expect(sizes.map(({ bytes }) => bytes)).toEqual([16, 64, 256, 1024, 4096, 16384, 65536]);
      for (const { device } of sizes) {
        expect(device.operations).toBeGreaterThan(0);
        expect(device.seconds).toBeGreaterThanOrEqual(0.002);
        expect(device.userSeconds).toBeGreaterThanOrEqual(0);
      }
    }
    // Every runtime has these algorithms, so they were compared.
    for (const name of ["aes-cbc", "aes-ctr", "aes-gcm", "3des-cbc", "md5", "sha512", "hmac-ripemd160"]) {
      expect(results.find(({ algorithm }) => algorithm === name)?.sizes[0]?.node, name).not.toBeNull();
    }
  });

  const some = ["speed", "--algorithm", "null,aes-cbc", "--bytes", "4096,16", ...quick];

  test("prints columns, with the driver and the machine", () => {
    const text = folder.cryptodev(some).stdout.toString();
    expect(text).toMatch(/^cryptodev \S+, software device, (Node\.js|Deno|Bun) \S+, Linux .*, \d+ x .*\n/);
    expect(text).toContain("1 MB is 10^6 bytes. Wall-clock time, in memory; 0.002 s for each measurement.");
    expect(text).toContain("\naes-cbc, key of 16 bytes, by cbc(aes)-software (software)\n");
    const columns = text.split("\n").map((line) => line.trim().split(/ {2,}/));
    const head = ["bytes", "MB/s", "ops/s", "wall s", "user s", "system s", "node MB/s", "node ops/s"];
    expect(columns.filter(([first]) => first === "bytes")).toEqual([head, head]);
    expect(columns.filter(([first]) => first === "16").map((row) => row.length)).toEqual([8, 8]);
    expect(text).toContain("\nNo verdict: the software device uses node:crypto itself.\n");
    expect(text).toContain("This is the cost of a call");
    expect(text).not.toContain("\u001b");
  });

  test("draws bars with --chart, and a plot with --svg", () => {
    const bars = folder.cryptodev([...some, "--chart", "--svg", "plot.svg"]).stdout.toString();
    expect(bars).toMatch(/\n {6}4096 {2}█+ [\d.]+\n {12}░+ [\d.]+\n/);
    const svg = folder.read("plot.svg").toString();
    expect(svg).toMatch(/^<svg [^>]*>\n[\s\S]*<\/svg>\n$/);
    expect(svg.match(/<polyline/g)).toHaveLength(3);
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    expect(svg).toContain("aes-cbc, key of 16 bytes, by cbc(aes)-software (software)");
  });

  test("skips sizes that an algorithm does not accept, and says so", () => {
    const flags = ["speed", "-a", "aes-cbc,sha1", "-b", "100,16", ...quick];
    const { status, stdout, stderr } = folder.cryptodev([...flags, "--json"]);
    expect([status, stderr]).toEqual([0, "cryptodev: aes-cbc accepts only multiples of 16 bytes; skipping 100\n"]);
    const results = JSON.parse(stdout.toString()).results as readonly Measured[];
    expect(results.map(({ sizes }) => sizes.map(({ bytes }) => bytes))).toEqual([[16], [16, 100]]);
    // The software device uses node:crypto itself, so it is not compared with it.
    expect(results.map(({ fasterFromBytes }) => fasterFromBytes)).toEqual([undefined, undefined]);
  });

  test("prints each row as soon as it is measured", async () => {
    const [file, ...args] = command;
    const flags = ["speed", "-a", "sha1", "-b", "16,64,256", "-s", "1", "--backend", "software"];
    const child = spawn(file, [...args, ...flags], { stdio: ["ignore", "pipe", "inherit"] });
    try {
      let text = "";
      for await (const piece of child.stdout as AsyncIterable<Buffer>) {
        text += piece;
        if (/^ +16 /m.test(text)) break;
      }
      expect(text).not.toMatch(/^ +256 /m);
    } finally {
      process.kill(child.pid as number, "SIGKILL");
    }
  });

  const refused: readonly (readonly [number, readonly string[], string])[] = [
    [2, ["-a", "rot13"], "--algorithm: expected one of 3des-cbc, aes-cbc"],
    [2, ["-a", "aes-cbc", "-b", "100"], "aes-cbc: expected a multiple of 16 bytes, got 100"],
    [2, ["-b", "1e9"], "at most 67108864 bytes"],
    [2, ["-b", "16,,32"], "expected a list of sizes"],
    [2, ["-s", "0"], "expected a number of seconds"],
  ];

  test.each(refused)("ends with status %i for %j", (status, flags, message) => {
    const ending = folder.cryptodev(["speed", ...flags]);
    expect([ending.status, ending.stderr]).toEqual([status, expect.stringContaining(message)]);
  });

  test.skipIf(!canServe)("reports hardware drivers, and algorithms that are missing from the device", async () => {
    const server = await ServedDevice.start(`${folder.path}/crypto`, ["--driver", "engine", "--lacks", "aes-gcm"]);
    try {
      const flags = ["--backend", "kernel", "--path", server.path, ...quick, "-b", "64"];
      const { stdout } = folder.cryptodev(["speed", "-a", "sha1", "--require-hardware", ...flags]);
      expect(stdout.toString()).toContain(`cryptodev 0.1.0, ${server.path}, `);
      expect(stdout.toString()).toContain("\nsha1, by sha1-engine (hardware)\n");
      const { status, stderr } = folder.cryptodev(["speed", "-a", "aes-gcm", ...flags]);
      expect([status, stderr]).toEqual([
        1,
        "cryptodev: aes-gcm is missing from this device; `cryptodev info` shows how to get it\n",
      ]);
    } finally {
      await server.stop();
    }
  });
});

describe("an algorithm that the device refuses", () => {
  test.skipIf(!canServe)("is reported by cryptodev speed, which measures the others", async () => {
    const server = await ServedDevice.start(`${folder.path}/failing`, ["--fail", "EINVAL@CIOCAUTHCRYPT"]);
    try {
      const flags = ["--backend", "kernel", "--path", server.path, ...quick, "-b", "64"];
      const { status, stdout, stderr } = folder.cryptodev(["speed", "-a", "aes-gcm,sha1", ...flags]);
      expect([status, stderr]).toEqual([
        1,
        `cryptodev: aes-gcm: CIOCAUTHCRYPT ${server.path}: EINVAL, the driver refused the operation\n`,
      ]);
      expect(stdout.toString()).toContain("\nsha1, by sha1-software (software)\n");
    } finally {
      await server.stop();
    }
  });
});

describe("breakEven()", () => {
  const took = (seconds: number) => ({ operations: 1, seconds, userSeconds: 0, systemSeconds: 0 });
  const size = (bytes: number, device: number, node?: number): SizeResult => ({
    bytes,
    device: took(device),
    node: node === undefined ? undefined : took(node),
  });

  test("returns the first size after the last one at which the device is slower", () => {
    expect(breakEven({ sizes: [size(16, 3, 1), size(64, 1, 2), size(256, 4, 3), size(1024, 4, 4)] })).toBe(1024);
    expect(breakEven({ sizes: [size(16, 1, 2), size(64, 1, 2)] })).toBe(16);
  });

  test("returns null if the device is slower at the largest size, and undefined without a comparison", () => {
    expect(breakEven({ sizes: [size(16, 1, 2), size(64, 3, 2)] })).toBeNull();
    expect(breakEven({ sizes: [size(16, 1), size(64, 3)] })).toBeUndefined();
  });
});
