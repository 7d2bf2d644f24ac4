import { arch, cpus, release, type } from "node:os";
import process from "node:process";
import type { Capability, Device } from "@cryptodev/core";
import { hashes, hmacs, namedCiphers } from "@cryptodev/core/algorithms";
import { Command, Option } from "commander";
import { answeredBy } from "./answered_by.ts";
import { withHelp, withValues } from "./described.ts";
import { type DeviceFlags, openDevice, withDevice } from "./device_flags.ts";
import { exitCodes } from "./exit_codes.ts";
import type { Library } from "./library.ts";
import { checkName } from "./names.ts";
import { openOutput } from "./output.ts";
import { print, say } from "./print.ts";
import { blockSizeOf, keySizeOf, type Measured, onDevice, onNode } from "./speed/contenders.ts";
import { type Measurement, measure, megabytes } from "./speed/measure.ts";
import { breakEven, nameOf, type Result, type SizeResult, verdict } from "./speed/results.ts";
import { svgOf } from "./speed/svg.ts";
import { barsOf, headOf, rowOf, title } from "./speed/text.ts";
import { StatusLine } from "./status_line.ts";
import { UsageError } from "./usage_error.ts";
import { outputWidth, wrap } from "./width.ts";

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
The device and node:crypto take turns, five each. MB/s and ops/s are medians of the turns, in
wall-clock time; ± is the range of the middle half of the turns. speed prints no verdict if the two
ranges overlap at the largest size, or if the device is software. CPU is the part of a processor
that this process keeps busy: a device is also useful if it leaves the processor free. The device
uses one session for all operations; node:crypto creates an object for each, as programs do. Before
measuring, speed checks that both results are equal.

Exit status: 0; 1 if the device cannot be opened or results differ; 2 if the command line is wrong.
`;

/** What the numbers mean, in short. */
const explanation = "1 MB is 10^6 bytes. Medians of five turns, in memory";
/** The same, for columns. */
const columnsExplanation = `${explanation}; ± is the spread, CPU the load of this process. "node" is node:crypto.`;

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

/** The names that `--algorithm` accepts, as far as the device has them. */
const algorithms: readonly string[] = [
  ...namedCiphers.filter(({ name, algorithm }) => name === algorithm.name).map(({ name }) => name),
  ...hashes.map(({ name }) => name),
  ...hmacs.map(({ name }) => name),
];

/** Creates the command `cryptodev speed`. */
export function speedCommand(library: Library): Command {
  const algorithmOption = new Option("-a, --algorithm <names>", "only these, such as aes-cbc,hmac-sha1 (repeatable)")
    .default([], "all")
    .argParser((names: string, before: readonly string[]) => [...before, ...names.split(",")]);
  return withDevice(
    library,
    withHelp(new Command("speed"), { examples, footer })
      .description("Compares the speed of the device with node:crypto")
      .addOption(withValues(algorithmOption, algorithms))
      .addOption(
        new Option("-b, --bytes <sizes>", "data sizes in bytes")
          .default(ladder, ladder.join(","))
          .argParser<readonly number[]>(parseBytes),
      )
      .option("-s, --seconds <seconds>", "duration of each measurement, all turns together", parseSeconds, 0.25)
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
  const by = answeredBy(device);
  const heading = [
    `cryptodev ${library.version}, ${by === "process" ? "software device" : device.path}`,
    library.runtime,
    `${type()} ${release()} ${arch()}`,
    `${cpu.length} x ${cpu[0]?.model ?? "CPU"}`,
  ].join(", ");
  const width = outputWidth();
  const status = new StatusLine();
  const show = (text: string): void => {
    if (flags.json) return;
    status.clear();
    print(`${text}\n`);
  };
  show(`${wrap(heading, width)}\n\n${wrap(flags.chart ? `${explanation}.` : columnsExplanation, width)}\n`);
  const total = subjects.reduce((sum, { sizes }) => sum + sizes.length, 0);
  let done = 0;
  const results: Result[] = [];
  for (const { capability, sizes } of subjects) {
    const algorithm = nameOf(capability);
    const subject = { algorithm, capability, keySize: keySizeOf(capability), answeredBy: by };
    show(wrap(title(subject), width));
    if (!flags.chart) show(headOf(width));
    const measured: SizeResult[] = [];
    try {
      for (const size of sizes) {
        done += 1;
        status.show(`measuring ${algorithm}, ${size} bytes (${done} of ${total})`);
        // Lets the event loop handle signals; nothing else here does.
        await new Promise(setImmediate);
        const result = measureSize(device, capability, size, flags.seconds);
        measured.push(result);
        // Rows are printed as they are measured; bars need the longest one.
        if (!flags.chart) show(rowOf(result, width));
      }
    } catch (error) {
      // An algorithm that the device refuses, or computes wrong, does not prevent measuring the others.
      status.clear();
      skip(algorithm, (error as Error).message);
      continue;
    }
    const result = { ...subject, sizes: measured };
    results.push(result);
    if (flags.chart) show(barsOf(result, width));
    show(`${wrap(verdict(result), width)}\n`);
  }
  status.clear();
  if (flags.json) print(`${JSON.stringify(toJson(library, results, heading, device, flags), undefined, 2)}\n`);
  return { results, heading };
}

/** Reports that an algorithm is not measured, which makes the command fail. */
function skip(algorithm: string, why: string): void {
  say(`${algorithm}: ${why}`);
  process.exitCode = exitCodes.failure;
}

/** What is measured: an algorithm with the sizes that it accepts. */
interface Subject {
  readonly capability: Measured;
  readonly sizes: readonly number[];
}

/**
 * Selects what to measure; the algorithm that shows the cost of a call is first.
 *
 * @throws {UsageError} if a name is unknown, or no algorithm accepts any of the sizes
 */
function choose(device: Device, { algorithm, bytes }: SpeedFlags): readonly Subject[] {
  const all = device.capabilities();
  for (const name of algorithm) checkName("--algorithm", name, all.map(nameOf));
  const isAsked = (capability: Capability): boolean => algorithm.length === 0 || algorithm.includes(nameOf(capability));
  const asked = all.filter(isAsked);
  const available = asked.filter((capability) => capability.available);
  const fitting = available.map((capability) => ({
    capability,
    sizes: bytes.filter((size) => size % blockSizeOf(capability) === 0),
  }));
  const subjects = fitting.filter(({ sizes }) => sizes.length > 0);
  const [only] = available;
  if (subjects.length === 0 && only !== undefined) {
    const multiple = blockSizeOf(only);
    throw new UsageError(`${nameOf(only)}: expected a multiple of ${multiple} bytes, got ${bytes.join(", ")}`);
  }
  // Without --algorithm, one that is missing was not asked for.
  if (algorithm.length > 0) {
    for (const capability of asked.filter((each) => !each.available)) {
      skip(nameOf(capability), "missing from this device; `cryptodev info` shows how to get it");
    }
  }
  for (const { capability, sizes } of fitting) {
    const odd = bytes.filter((size) => !sizes.includes(size));
    if (odd.length === 0) continue;
    say(`${nameOf(capability)} accepts only multiples of ${blockSizeOf(capability)} bytes; skipping ${odd.join(", ")}`);
  }
  const isCost = ({ capability }: Subject): number => Number(capability.name === "null");
  return subjects.sort((one, other) => isCost(other) - isCost(one));
}

/**
 * Measures the device and node:crypto in turns.
 *
 * @throws {Error} if their results differ, or the device refuses an operation
 */
function measureSize(device: Device, capability: Measured, size: number, seconds: number): SizeResult {
  const [ours, theirs] = [onDevice(device, capability, size), onNode(capability, size)];
  try {
    if (theirs !== undefined && !Buffer.from(ours.result()).equals(theirs.result())) {
      throw new Error(`the result for ${size} bytes differs from that of node:crypto`);
    }
    const runs = theirs === undefined ? [ours.run] : [ours.run, theirs.run];
    const [first, node] = measure(runs, seconds);
    return { bytes: size, device: first as Measurement, node };
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
          megabytesPerSecond: megabytes(measurement.rate, bytes),
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
      // null: not faster; missing: no verdict.
      fasterFromBytes: result.answeredBy === "kernel" ? breakEven(result) : undefined,
      sizes: result.sizes.map(({ bytes, device, node }) => ({
        bytes,
        device: numbers(device, bytes),
        node: numbers(node, bytes),
      })),
    })),
  };
}
