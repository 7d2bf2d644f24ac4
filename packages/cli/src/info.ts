import { existsSync } from "node:fs";
import { arch, release, type } from "node:os";
import process from "node:process";
import type { Capability, Device } from "@cryptodev/core";
import { CIOCAUTHCRYPT, type SizeRange } from "@cryptodev/core/abi";
import { Command } from "commander";
import { type AnsweredBy, answeredBy } from "./answered_by.ts";
import { withHelp } from "./described.ts";
import { type DeviceFlags, openDevice, withDevice } from "./device_flags.ts";
import { exitCodes } from "./exit_codes.ts";
import { pathOf } from "./file_name.ts";
import { type KernelModule, readModule, setVerbosity } from "./kernel_module.ts";
import { remedyFor } from "./kernel_options.ts";
import type { Library } from "./library.ts";
import { MissingDevice } from "./missing_device.ts";
import { type ModuleSource, moduleSource } from "./module_source.ts";
import { choiceOption } from "./names.ts";
import { print, say } from "./print.ts";
import { fittedTable, table } from "./table.ts";
import { UsageError } from "./usage_error.ts";
import { outputWidth, wrap } from "./width.ts";

/** The options of `info`. */
interface InfoFlags extends DeviceFlags {
  readonly json?: true;
  readonly setVerbosity?: string;
}

/** The report of `info`, which `--json` prints. */
export interface Info {
  readonly version: string;
  readonly runtime: string;
  readonly kernel: string;
  readonly module: KernelModule | null;
  /** `null` if it cannot be opened; then `problem` says why, and what to do. */
  readonly device: {
    readonly path: string;
    readonly backend: Device["backend"];
    readonly answeredBy: AnsweredBy;
  } | null;
  readonly problem: string | null;
  /** How to get the kernel's device, if it does not exist; otherwise `null`. */
  readonly source: ModuleSource | null;
  /** What the device does not support in this process, in addition to the capabilities; `null` if nothing. */
  readonly note: string | null;
  /** With what to do about those that are not available. */
  readonly capabilities: readonly (Capability & { readonly remedy?: string })[];
}

/** The part of the report that is about the device. */
type Report = Pick<Info, "device" | "problem" | "source" | "note" | "capabilities">;

const examples = `
Examples:
  $ cryptodev info                             # the module, the device and its algorithms
  $ cryptodev info --backend software
  $ cryptodev info --json | jq -r '.capabilities[] | select(.hardware).name'
  $ sudo cryptodev info --set-verbosity 1      # the kernel then logs why it refuses calls
`;

const footer = `
The verbosity belongs to the module and applies to all of its users. It is read and set through
/sys/module/cryptodev, or the sysctl ioctl.cryptodev_verbosity.

Exit status: 0; 1 if the device cannot be opened or the verbosity cannot be set; 2 if the command
line is wrong.
`;

/** Creates the command `cryptodev info`. */
export function infoCommand(library: Library): Command {
  return withDevice(
    library,
    withHelp(new Command("info"), { examples, footer })
      .description("Reports the device's algorithms and drivers, and what is missing")
      .option("--json", "print JSON")
      .addOption(
        choiceOption(
          "--set-verbosity <level>",
          "what the module logs: 0 nothing, 1 why calls are refused, 2 every call",
          ["0", "1", "2"],
        ),
      ),
  ).action(async (flags: InfoFlags) => {
    if (flags.setVerbosity !== undefined) await setVerbosity(Number(flags.setVerbosity));
    const info = { ...(await system(library)), ...inspect(library, flags) };
    print(`${flags.json ? JSON.stringify(info, undefined, 2) : await inWords(info, outputWidth())}\n`);
    if (info.problem === null) return;
    if (!flags.json) say(info.problem);
    process.exitCode = exitCodes.failure;
  });
}

async function system({ version, runtime }: Library): Promise<Pick<Info, "version" | "runtime" | "kernel" | "module">> {
  return {
    version,
    runtime,
    kernel: `${type()} ${release()} ${arch()}`,
    module: (await readModule()) ?? null,
  };
}

function inspect(library: Library, flags: DeviceFlags): Report {
  try {
    using device = openDevice(library, flags);
    return reportOf(device);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    // Anything else, such as a lack of permission, is not solved by the module.
    const isMissing = error instanceof MissingDevice && error.meant === undefined;
    const problem = isMissing ? error.reason : (error as Error).message;
    return { device: null, problem, source: isMissing ? moduleSource() : null, note: null, capabilities: [] };
  }
}

const compatNote =
  "this is a 32-bit process on a 64-bit kernel, whose driver supports AEADs, TLS and SRTP records and copies of hashes only for 64-bit processes: use a 64-bit runtime";

/** Reports what a device supports, and what to do about the rest. */
export function reportOf(device: Device): Report {
  const { path, backend } = device;
  const capabilities = device.capabilities().map((capability) => {
    if (capability.available) return capability;
    return { ...capability, remedy: remedyFor(capability, release()) };
  });
  const note = device.answers(CIOCAUTHCRYPT) ? null : compatNote;
  const by = answeredBy(device);
  const source = by === "process" && !existsSync(pathOf(path)) ? moduleSource() : null;
  return { device: { path, backend, answeredBy: by }, problem: null, source, note, capabilities };
}

const pairs = (values: Readonly<Record<string, string>>): string[] =>
  Object.entries(values).map(([name, value]) => `${name}=${value}`);

function moduleInWords(module: KernelModule | null, by: AnsweredBy | undefined): string {
  if (module === null) return "not loaded";
  const sysctls = pairs(module.sysctls).map((pair) => `sysctl ioctl.${pair}`);
  // `cryptodev serve` shows the parameters of its device in the same place.
  const isServed = by === "fuse" && module.version === undefined;
  const name = isServed ? ["that of the served device"] : ["cryptodev", module.version ?? "of unknown version"];
  return [...name, ...pairs(module.parameters), ...sysctls].join(", ");
}

function deviceInWords(device: Info["device"]): string {
  if (device === null) return "none";
  const { path } = device;
  return {
    kernel: `${path}, the kernel's driver`,
    fuse: `${path}, served by another process over FUSE, as by \`cryptodev serve\``,
    cuse: `${path}, served by another process over CUSE, as by \`cryptodev serve\``,
    process: `the software device in this process, in place of ${path}`,
  }[device.answeredBy];
}

/** Formats sizes: a list or a range. */
function sizesInWords(sizes: readonly number[] | SizeRange): string {
  if (!("min" in sizes)) return sizes.join(",");
  return sizes.min === sizes.max ? `${sizes.min}` : `${sizes.min}-${sizes.max}`;
}

/** Formats the sizes of an algorithm: key, block, iv or nonce, and result. */
function columnsOf(capability: Capability): readonly (string | number)[] {
  const { kind } = capability;
  const keySizes = kind === "hash" ? "" : sizesInWords(capability.keySizes);
  if (kind === "cipher") return [keySizes, capability.blockSize, capability.ivSize, ""];
  if (kind === "aead") {
    const sizes = capability.tagSizes;
    return [keySizes, 1, sizesInWords(capability.nonceSize), `+${Math.min(...sizes)}-${Math.max(...sizes)}`];
  }
  return [keySizes, 1, 0, capability.digestSize];
}

/** Below this width, text in a column is hard to read. */
const LEAST = 30;

/** Formats what to do about missing algorithms: in columns, or below each other if the terminal is narrow. */
async function remediesInWords(missing: readonly (readonly [string, string])[], width: number): Promise<string> {
  const rest = width - Math.max(...missing.map(([name]) => name.length)) - 2;
  if (rest < LEAST) return missing.map(([name, remedy]) => wrap(`${name}: ${remedy}`, width)).join("\n");
  return await table(["missing", "what to do"], missing, Number.isFinite(rest) ? rest : undefined);
}

/** The columns that a narrow terminal does not show, the first one first. */
const dispensable = ["aligned to", "block", "iv", "result", "key", "kind", "driver"];

/**
 * Formats the report for a person.
 *
 * @param width - how long a line may be
 */
export async function inWords(info: Info, width: number): Promise<string> {
  const { version, runtime, kernel, module, device, source, note, capabilities } = info;
  const facts = [
    `cryptodev ${version} in ${runtime}, ${kernel}`,
    `module: ${moduleInWords(module, device?.answeredBy)}`,
    `device: ${deviceInWords(device)}`,
    ...(note === null ? [] : [`note: ${note}`]),
  ].map((fact) => wrap(fact, width));
  // Commands are not wrapped, so that they can be copied.
  if (source !== null) facts.push("", wrap(source.text, width), ...source.steps.map((step) => `  ${step}`));
  const here = capabilities.filter((capability) => capability.available);
  const missing = capabilities.flatMap(({ name, kind, remedy }) =>
    remedy === undefined ? [] : [[`${name} (${kind})`, remedy] as const],
  );
  if (here.length > 0) {
    const head = ["algorithm", "kind", "runs in", "driver", "key", "block", "iv", "result", "aligned to"];
    const rows = here.map((capability) => [
      capability.name,
      capability.kind,
      capability.hardware ? "hardware" : "software",
      capability.driver,
      ...columnsOf(capability),
      capability.alignmask + 1,
    ]);
    const { text, omitted } = await fittedTable(head, rows, width, dispensable);
    const more = omitted.length === 0 ? "" : ` A wider terminal also shows ${[...omitted].reverse().join(", ")}.`;
    const legend = `Sizes are in bytes. The result is a digest, or the tag that an AEAD adds.${more}`;
    facts.push("", wrap(legend, width), "", text);
  }
  if (missing.length > 0) facts.push("", await remediesInWords(missing, width));
  return facts.join("\n");
}
