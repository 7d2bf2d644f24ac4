import { arch, cpus, release, type } from "node:os";
import process from "node:process";
import { Command, InvalidArgumentError } from "commander";
import { type Capability, CryptodevError, type Device, runtime } from "cryptodev";
import { type DeviceFlags, openDevice, withDevice } from "./device_flags.ts";
import { exitCodes } from "./exit_codes.ts";
import { openOutput } from "./output.ts";
import { keySizeOf, onDevice, onNode } from "./speed/contenders.ts";
import { type Measurement, measure, megabytes, rate } from "./speed/measure.ts";
import { breakEven, nameOf, type Result, type SizeResult } from "./speed/results.ts";
import { svgOf } from "./speed/svg.ts";
import { barsOf, numbersOf } from "./speed/text.ts";
import { UsageError } from "./usage_error.ts";
import { version } from "./version.ts";

/** The command line of `speed`, as it was given. */
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
  $ cryptodev speed                            # every algorithm; a minute or two
  $ cryptodev speed --algorithm aes-cbc,sha256 --chart
  $ cryptodev speed --algorithm aes-gcm --bytes 1024,1500,9000 --seconds 3
  $ cryptodev speed --svg speed.svg            # a plot
  $ cryptodev speed --json > speed.json
`;

const footer = `
Each number is taken by the clock, in memory, with one session for all operations. The CPU's time stands beside it: what a
device leaves of it is the other half of its worth. node:crypto is measured as it is used, with a new object for each
operation; before that, its result is compared with the device's.

Exit status: 0, 1 when the device cannot be opened or results differ, 2 for a wrong command line.
`;

const ladder = [16, 64, 256, 1024, 4096, 16384, 65536];
/** More would not fit into the memory of small boards. */
const MOST = 2 ** 26;

function parseBytes(text: string): readonly number[] {
  const sizes = text.split(",").map(Number);
  if (sizes.every((size) => Number.isInteger(size) && size > 0 && size <= MOST)) return sizes.sort((a, b) => a - b);
  throw new InvalidArgumentError(`It is a list of sizes such as 16,1024, of at most ${MOST} bytes.`);
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (seconds > 0 && seconds <= 60) return seconds;
  throw new InvalidArgumentError("It is a number of seconds, at most 60.");
}

/** `cryptodev speed`. */
export function speedCommand(): Command {
  return withDevice(
    new Command("speed")
      .description("Measures the device, and compares it with node:crypto")
      .addHelpText("before", examples)
      .addHelpText("after", footer)
      .option(
        "-a, --algorithm <names>",
        "these alone, such as aes-cbc,hmac-sha1 (repeatable)",
        (names: string, before: readonly string[]) => [...before, ...names.split(",")],
        [],
      )
      .option("-b, --bytes <sizes>", "sizes of the data of an operation", parseBytes, ladder)
      .option("-s, --seconds <seconds>", "for each number", parseSeconds, 0.25)
      .option("--chart", "bars instead of numbers")
      .option("--json", "print JSON")
      .option("--svg <file>", "write a plot too"),
  ).action(speed);
}

async function speed(flags: SpeedFlags): Promise<void> {
  using device = openDevice(flags);
  const subjects = choose(device, flags);
  const cpu = cpus();
  const heading = [
    `cryptodev ${version}, ${device.backend === "kernel" ? device.path : "the device in software"}`,
    runtime,
    `${type()} ${release()} ${arch()}`,
    `${cpu.length} x ${cpu[0]?.model ?? "CPU"}`,
  ].join(", ");
  if (!flags.json) {
    console.log(
      `${heading}\nMB/s are 10^6 bytes per second, by the clock, in memory; ${flags.seconds} s for each number.\n`,
    );
  }
  const results: Result[] = [];
  for (const capability of subjects) {
    const result = tryOne(device, capability, flags);
    if (result === undefined) continue;
    results.push(result);
    if (!flags.json) console.log(flags.chart ? barsOf(result) : await numbersOf(result));
  }
  if (flags.json) console.log(JSON.stringify(toJson(results, heading, device, flags), undefined, 2));
  if (flags.svg !== undefined) {
    const output = await openOutput(flags.svg, true);
    await output.write(Buffer.from(svgOf(results, heading)));
    await output.finish();
  }
}

/** What is to be measured, the price of a call first. */
function choose(device: Device, { algorithm, bytes }: SpeedFlags): readonly Capability[] {
  const all = device.capabilities();
  for (const name of algorithm) {
    const found = all.find((capability) => nameOf(capability) === name);
    if (found === undefined) throw new UsageError(`expected one of ${all.map(nameOf).join(", ")}; got ${name}`);
    if (!found.available) throw new Error(`this device has no ${name}; \`cryptodev info\` tells how to come by it`);
  }
  const asked = all.filter((capability) =>
    algorithm.length === 0 ? capability.available : algorithm.includes(nameOf(capability)),
  );
  for (const { name, blockSize } of asked) {
    const odd = bytes.find((size) => size % blockSize !== 0);
    if (odd !== undefined) throw new UsageError(`${name} works on multiples of ${blockSize} bytes, and not on ${odd}`);
  }
  return asked.sort((one, other) => Number(other.name === "null") - Number(one.name === "null"));
}

/** Measures one algorithm. `undefined` if the device refuses it, which does not keep the others from being measured. */
function tryOne(device: Device, capability: Capability, flags: SpeedFlags): Result | undefined {
  try {
    return measureOne(device, capability, flags);
  } catch (error) {
    if (!(error instanceof CryptodevError)) throw error;
    console.error(`cryptodev: ${nameOf(capability)}: ${error.message}`);
    process.exitCode = exitCodes.failure;
    return undefined;
  }
}

function measureOne(device: Device, capability: Capability, { bytes, seconds }: SpeedFlags): Result {
  const algorithm = nameOf(capability);
  const sizes = bytes.map((size): SizeResult => {
    const [ours, theirs] = [onDevice(device, capability, size), onNode(capability, size)];
    try {
      if (theirs !== undefined && !Buffer.from(ours.result()).equals(theirs.result())) {
        throw new Error(`${algorithm} of ${size} bytes: the device gives another result than node:crypto`);
      }
      return {
        bytes: size,
        device: measure(ours.run, seconds),
        node: theirs === undefined ? undefined : measure(theirs.run, seconds),
      };
    } finally {
      ours.close();
    }
  });
  return { algorithm, capability, keySize: keySizeOf(capability), sizes };
}

function toJson(results: readonly Result[], heading: string, device: Device, { seconds }: SpeedFlags): object {
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
      // null: never; left out: nothing to compare it with.
      fasterFromBytes: breakEven(result),
      sizes: result.sizes.map(({ bytes, device, node }) => ({
        bytes,
        device: numbers(device, bytes),
        node: numbers(node, bytes),
      })),
    })),
  };
}
