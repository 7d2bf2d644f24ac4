import { arch, cpus, release, type } from "node:os";
import process from "node:process";
import { CryptodevError, type Device } from "@cryptodev/core";
import { Command } from "commander";
import { type DeviceFlags, openDevice, withDevice } from "./device_flags.ts";
import { exitCodes } from "./exit_codes.ts";
import type { Library } from "./library.ts";
import { refuseName } from "./names.ts";
import { openOutput } from "./output.ts";
import { print, say } from "./print.ts";
import { Progress } from "./progress.ts";
import { blockSizeOf, keySizeOf, type Measured, onDevice, onNode } from "./speed/contenders.ts";
import { type Measurement, measure, megabytes, rate } from "./speed/measure.ts";
import { breakEven, nameOf, type Result, type SizeResult, verdict } from "./speed/results.ts";
import { svgOf } from "./speed/svg.ts";
import { barsOf, headOf, rowOf } from "./speed/text.ts";
import { UsageError } from "./usage_error.ts";

/** The options of `speed`. */
interface SpeedFlags extends DeviceFlags {
  readonly algorithm: readonly string[];
  readonly bytes: readonly number[];
  readonly seconds: number;
  readonly chart?: true;
  readonly json?: true;
  readonly svg?: string;
}

const examples = `
Examples:
  $ cryptodev speed                            # all algorithms; takes a minute or two
  $ cryptodev speed --algorithm aes-cbc,sha256 --chart
  $ cryptodev speed --algorithm aes-gcm --bytes 1024,1500,9000 --seconds 3
  $ cryptodev speed --svg speed.svg            # draws a plot
  $ cryptodev speed --json > speed.json
`;

const footer = `
Speeds are measured in wall-clock time, in memory, with one session for all operations. CPU times
are shown next to them, because a device is also useful if it leaves the CPU free. node:crypto is
measured with a new object for each operation, as programs use it. Its result is compared with that
of the device first.

Exit status: 0; 1 if the device cannot be opened or results differ; 2 if the command line is wrong.
`;

const ladder = [16, 64, 256, 1024, 4096, 16384, 65536];
/** The largest size in bytes. A larger one would not fit into the memory of small boards. */
const MOST = 2 ** 26;

function parseBytes(text: string): readonly number[] {
  const sizes = text.split(",").map(Number);
  if (sizes.every((size) => Number.isInteger(size) && size > 0 && size <= MOST)) return sizes.sort((a, b) => a - b);
  throw new UsageError(`--bytes: expected a list of sizes such as 16,1024, of at most ${MOST} bytes`);
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (seconds > 0 && seconds <= 60) return seconds;
  throw new UsageError("--seconds: expected a number of seconds, at most 60");
}

/** Creates the command `cryptodev speed`. */
export function speedCommand(library: Library): Command {
  return withDevice(
    library,
    new Command("speed")
      .description("Compares the speed of the device with node:crypto")
      .addHelpText("before", examples)
      .addHelpText("after", footer)
      .option(
        "-a, --algorithm <names>",
        "only these, such as aes-cbc,hmac-sha1 (repeatable)",
        (names: string, before: readonly string[]) => [...before, ...names.split(",")],
        [],
      )
      .option("-b, --bytes <sizes>", "data sizes in bytes", parseBytes, ladder)
      .option("-s, --seconds <seconds>", "duration of each measurement", parseSeconds, 0.25)
      .option("--chart", "draw bars instead of numbers")
      .option("--json", "print JSON")
      .option("--svg <file>", "also write a plot"),
  ).action((flags: SpeedFlags) => speed(library, flags));
}

async function speed(library: Library, flags: SpeedFlags): Promise<void> {
  // If the file cannot be written, fail before minutes of measuring.
  const output = flags.svg === undefined ? undefined : await openOutput(flags.svg, true);
  try {
    const { results, heading } = await measureAll(library, flags);
    await output?.write(Buffer.from(svgOf(results, heading)));
  } catch (error) {
    await output?.abandon();
    throw error;
  }
  await output?.finish();
}

async function measureAll(
  library: Library,
  flags: SpeedFlags,
): Promise<{ readonly results: readonly Result[]; readonly heading: string }> {
  using device = openDevice(library, flags);
  const subjects = choose(device, flags);
  const cpu = cpus();
  const heading = [
    `cryptodev ${library.version}, ${device.backend === "kernel" ? device.path : "software device"}`,
    library.runtime,
    `${type()} ${release()} ${arch()}`,
    `${cpu.length} x ${cpu[0]?.model ?? "CPU"}`,
  ].join(", ");
  const show = (text: string): void => {
    if (!flags.json) print(`${text}\n`);
  };
  show(`${heading}\n1 MB is 10^6 bytes. Wall-clock time, in memory; ${flags.seconds} s for each measurement.\n`);
  const results: Result[] = [];
  for (const capability of subjects) {
    const subject = {
      algorithm: nameOf(capability),
      capability,
      keySize: keySizeOf(capability),
      backend: device.backend,
    };
    const sizes = sizesOf(capability, flags);
    // Rows are printed as they are measured; everything else is printed at once.
    const isSilent = flags.json === true || flags.chart === true;
    const progress = await Progress.start(sizes.length, !isSilent, "sizes");
    if (!isSilent) show(headOf(subject));
    const measured: SizeResult[] = [];
    try {
      for (const size of sizes) {
        const result = measureSize(device, capability, size, flags.seconds);
        measured.push(result);
        progress.add(1);
        // Lets the event loop handle signals; nothing else here does.
        await new Promise(setImmediate);
        if (!isSilent) show(rowOf(result));
      }
    } catch (error) {
      if (!(error instanceof CryptodevError)) throw error;
      // An algorithm that the device refuses does not prevent measuring the others.
      say(`${subject.algorithm}: ${error.message}`);
      process.exitCode = exitCodes.failure;
      continue;
    } finally {
      progress.stop();
    }
    const result = { ...subject, sizes: measured };
    results.push(result);
    if (flags.chart) show(barsOf(result));
    show(`${verdict(result)}\n`);
  }
  if (flags.json) print(`${JSON.stringify(toJson(library, results, heading, device, flags), undefined, 2)}\n`);
  return { results, heading };
}

/** Selects the algorithms to measure; the one that shows the cost of a call is first. */
function choose(device: Device, { algorithm, bytes }: SpeedFlags): readonly Measured[] {
  const all = device.capabilities();
  for (const name of algorithm) {
    const found = all.find((capability) => nameOf(capability) === name);
    if (found === undefined) refuseName("--algorithm", name, all.map(nameOf));
    if (!found.available)
      throw new Error(`${name} is missing from this device; \`cryptodev info\` shows how to get it`);
  }
  const asked = all
    .filter((capability) => capability.available)
    .filter((capability) => algorithm.length === 0 || algorithm.includes(nameOf(capability)));
  const fitting = asked.filter((capability) => bytes.some((size) => size % blockSizeOf(capability) === 0));
  for (const capability of fitting.length === 0 ? asked : []) {
    const multiple = blockSizeOf(capability);
    throw new UsageError(`${capability.name}: expected a multiple of ${multiple} bytes, got ${bytes.join(", ")}`);
  }
  return asked.sort((one, other) => Number(other.name === "null") - Number(one.name === "null"));
}

/** The sizes that an algorithm accepts. */
function sizesOf(capability: Measured, { bytes }: SpeedFlags): readonly number[] {
  const blockSize = blockSizeOf(capability);
  const odd = bytes.filter((size) => size % blockSize !== 0);
  if (odd.length > 0) {
    say(`${nameOf(capability)} accepts only multiples of ${blockSize} bytes; skipping ${odd.join(", ")}`);
  }
  return bytes.filter((size) => size % blockSize === 0);
}

function measureSize(device: Device, capability: Measured, size: number, seconds: number): SizeResult {
  const [ours, theirs] = [onDevice(device, capability, size), onNode(capability, size)];
  try {
    if (theirs !== undefined && !Buffer.from(ours.result()).equals(theirs.result())) {
      throw new Error(
        `${nameOf(capability)} of ${size} bytes: the result of the device differs from that of node:crypto`,
      );
    }
    return {
      bytes: size,
      device: measure(ours.run, seconds),
      node: theirs === undefined ? undefined : measure(theirs.run, seconds),
    };
  } finally {
    ours.close();
  }
}

function toJson(
  { version, runtime }: Library,
  results: readonly Result[],
  heading: string,
  device: Device,
  { seconds }: SpeedFlags,
): object {
  const numbers = (measurement: Measurement | undefined, bytes: number): object | null =>
    measurement === undefined
      ? null
      : {
          ...measurement,
          operationsPerSecond: rate(measurement),
          megabytesPerSecond: megabytes(measurement, bytes),
        };
  return {
    heading,
    version,
    runtime,
    kernel: `${type()} ${release()} ${arch()}`,
    backend: device.backend,
    path: device.path,
    secondsForEach: seconds,
    results: results.map((result) => ({
      algorithm: result.algorithm,
      driver: result.capability.driver,
      hardware: result.capability.hardware,
      keyBytes: result.keySize,
      // null: never; missing: there is nothing to compare it with, or the device uses node:crypto itself.
      fasterFromBytes: device.backend === "software" ? undefined : breakEven(result),
      sizes: result.sizes.map(({ bytes, device, node }) => ({
        bytes,
        device: numbers(device, bytes),
        node: numbers(node, bytes),
      })),
    })),
  };
}
