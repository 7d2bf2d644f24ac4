import { spawn } from "node:child_process";
import process from "node:process";
import { describe, expect, test } from "vitest";
import { breakEven, type Result, type SizeResult, verdict } from "../../packages/cli/dist/speed/results.js";
import { can } from "../needs.ts";
import { canServe, command, ServedDevice } from "../software.ts";
import { Folder, quoted } from "./folder.ts";

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
    expect(text).toContain("\n1 MB is 10^6 bytes. Medians of five turns");
    expect(text).toContain("\naes-cbc, key of 16 bytes, by cbc(aes)-software (software)\n");
    const columns = text.split("\n").map((line) => line.trim().split(/ {2,}/));
    const head = ["bytes", "MB/s", "±", "CPU", "ops/s", "node MB/s", "±", "CPU"];
    expect(columns.filter(([first]) => first === "bytes")).toEqual([head, head]);
    expect(columns.filter(([first]) => first === "16").map((row) => row.length)).toEqual([8, 8]);
    expect(text).toContain("\nNo verdict: the software device uses node:crypto itself.\n");
    expect(text).toContain("This is the cost of a call");
    expect(text).not.toContain("\u001b");
  });

  test("explains only what it shows with --chart", () => {
    const text = folder.cryptodev([...some, "--chart"]).stdout.toString();
    expect(text).toContain("\n1 MB is 10^6 bytes. Medians of five turns, in memory.\n");
    expect(text).not.toMatch(/±|CPU the load/);
  });

  test.each(["100", "80", "60", "40", "30"])("fits %s columns", (COLUMNS) => {
    for (const flags of [[], ["--chart"]]) {
      const { stdout } = folder.cryptodev([...some, ...flags], "", { COLUMNS });
      const lines = stdout.toString().split("\n");
      expect(lines.filter((line) => line.length > Number(COLUMNS))).toEqual([]);
      expect(lines.filter((line) => /^ +4096 /.test(line))).toHaveLength(2);
    }
  });

  test("draws bars with --chart, and a plot with --svg", () => {
    const bars = folder.cryptodev([...some, "--chart", "--svg", "plot.svg"]).stdout.toString();
    expect(bars).toMatch(/\n {6}4096 {2}█+ [\d.]+\n {12}░+ [\d.]+\n/);
    const svg = folder.read("plot.svg").toString();
    expect(svg).toMatch(/^<svg [^>]*>\n[\s\S]*<\/svg>\n$/);
    // Two are in the legend.
    expect(svg.match(/<polyline/g)).toHaveLength(2 + 3);
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

  test("skips algorithms that accept none of the sizes", () => {
    const { status, stdout, stderr } = folder.cryptodev(["speed", "-a", "aes-cbc,sha1", "-b", "100", ...quick]);
    expect([status, stderr]).toEqual([0, "cryptodev: aes-cbc accepts only multiples of 16 bytes; skipping 100\n"]);
    expect(stdout.toString()).not.toContain("aes-cbc");
    expect(stdout.toString()).toMatch(/\nsha1, by .*\n.*\n +100 /);
  });

  test.runIf(can("SCRIPT"))("shows on a terminal what it measures, and removes that line", () => {
    const line = quoted([...command, "speed", "-a", "sha1", "-b", "16,64", ...quick]);
    const text = folder.run("script", ["-qec", line, "/dev/null"]).stdout.toString();
    expect(text).toContain("measuring sha1, 64 bytes (2 of 2)\u001b[");
    const shown = text.split("measuring sha1, 64 bytes (2 of 2)")[1] as string;
    expect(shown.startsWith("\u001b[1G\u001b[2K      64 ")).toBe(true);
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
      expect(stdout.toString()).toContain("\nNo verdict: another process serves this device in software.\n");
      const ending = folder.cryptodev(["speed", "-a", "aes-gcm,sha1", ...flags]);
      expect([ending.status, ending.stderr]).toEqual([
        1,
        "cryptodev: aes-gcm: missing from this device; `cryptodev info` shows how to get it\n",
      ]);
      expect(ending.stdout.toString()).toMatch(/\nsha1, by .*\n.*\n +64 /);
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

describe("breakEven() and verdict()", () => {
  /** A measurement whose rates are all within a tenth of the median. */
  const at = (rate: number) => ({
    operations: 1,
    seconds: 1,
    userSeconds: 0,
    systemSeconds: 0,
    rate,
    low: rate * 0.9,
    high: rate * 1.1,
  });
  const size = (bytes: number, device: number, node?: number): SizeResult => ({
    bytes,
    device: at(device),
    node: node === undefined ? undefined : at(node),
  });
  const of = (sizes: readonly SizeResult[], more: Partial<Result> = {}) => {
    const capability = {
      name: "sha1",
      kind: "hash",
      digestSize: 20,
      available: true,
      driver: "engine",
      hardware: true,
      alignmask: 0,
    } as const;
    const result: Result = { algorithm: "sha1", capability, keySize: 0, answeredBy: "kernel", sizes, ...more };
    return [breakEven(result), verdict(result)];
  };

  test("find the first size after the last one at which the device is not faster", () => {
    const sizes = [size(16, 1, 3), size(64, 2, 1), size(256, 3, 4), size(1024, 4, 3)];
    expect(of(sizes)).toEqual([1024, "Faster than node:crypto here from 1024 bytes on."]);
    expect(of([size(16, 2, 1), size(64, 2, 1)])).toEqual([16, "Faster than node:crypto here at every size."]);
    expect(of([size(16, 20, 21), size(64, 2, 1)])).toEqual([64, "Faster than node:crypto here from 64 bytes on."]);
  });

  test("find none if the device is slower at the largest size", () => {
    expect(of([size(16, 2, 1), size(64, 2, 3)])).toEqual([null, "Not faster than node:crypto here at 64 bytes."]);
  });

  test("do not decide if the ranges of the largest size overlap, in either direction", () => {
    for (const device of [20, 22]) {
      const [from, text] = of([size(16, 2, 1), size(64, device, 21)]);
      expect([from, text]).toEqual([undefined, "No verdict: the ranges at 64 bytes overlap; try --seconds 2."]);
    }
  });

  test("do not decide without node:crypto, and not if software answers", () => {
    expect(of([size(16, 2), size(64, 3)])).toEqual([undefined, "node:crypto does not have this algorithm here."]);
    const sizes = [size(16, 2, 1)];
    expect(of(sizes, { answeredBy: "process" })[1]).toBe("No verdict: the software device uses node:crypto itself.");
    expect(of(sizes, { answeredBy: "fuse" })[1]).toBe("No verdict: another process serves this device in software.");
  });
});
