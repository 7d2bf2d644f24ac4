import process from "node:process";
import type { Device, Hash, Hmac } from "@cryptodev/core";
import { cipherNamed, hashes, hashNamed, hmacNamed, hmacs } from "@cryptodev/core/algorithms";
import { Argument, Command } from "commander";
import { tagOf } from "./checksum_line.ts";
import { type CheckFlags, checkLists, type Digests, shownName } from "./checksum_list.ts";
import { complain } from "./complain.ts";
import { withHelp, withValues } from "./described.ts";
import { type DeviceFlags, openDevice, withDevice } from "./device_flags.ts";
import { exitCodes } from "./exit_codes.ts";
import { inputDescriptor, openInput, refuseSharedDescriptor } from "./input.ts";
import { checkKeyFlags, type KeyFlags, readKey, withKey } from "./key.ts";
import type { Library } from "./library.ts";
import { refuseName } from "./names.ts";
import { print, say } from "./print.ts";
import { Progress } from "./progress.ts";
import { startWith, UsageError } from "./usage_error.ts";

/** The options of `dgst` and `hmac`. */
interface DigestFlags extends DeviceFlags, KeyFlags, CheckFlags {
  readonly check?: true;
  readonly binary?: true;
  readonly tag?: true;
  readonly zero?: true;
  readonly verbose?: true;
}

const dgstExamples = `
Examples:
  $ cryptodev dgst sha256 *.iso > SHA256SUMS   # same output as sha256sum
  $ cryptodev dgst sha256 --check SHA256SUMS   # accepts its lists too
  $ tar c . | cryptodev dgst sha512
`;

const hmacExamples = `
Examples:
  $ cryptodev hmac sha256 --key-file key firmware.bin > firmware.hmac
  $ cryptodev hmac sha256 --key-file key --check firmware.hmac
  $ cryptodev hmac sha256 --key-fd 3 firmware.bin 3< key    # the key from a descriptor
`;

const footerOf = (isKeyed: boolean): string => `
Lines have the format of sha256sum and similar programs, with the same escapes in names. --check
also accepts the formats of BSD's sha256 and of openssl. On a terminal, names with control
characters are quoted.

Exit status: 0; 1 if a file could not be read or --check found nothing to check; 2 if the command
line is wrong${isKeyed ? " or the key too long" : ""}; 4 if a digest did not match.
`;

/** Creates the command `cryptodev dgst`. */
export const dgstCommand = (library: Library): Command =>
  digestCommand(library, new Command("dgst").description("Prints or checks digests"), false, dgstExamples);

/** Creates the command `cryptodev hmac`. */
export const hmacCommand = (library: Library): Command =>
  digestCommand(library, withKey(new Command("hmac").description("Prints or checks HMACs")), true, hmacExamples);

/** Of these, the last one counts, as in GNU's programs. */
const verbosities: readonly string[] = ["quiet", "status", "warn"];

function digestCommand(library: Library, command: Command, isKeyed: boolean, examples: string): Command {
  for (const name of verbosities) {
    command.on(`option:${name}`, () => {
      for (const other of verbosities) if (other !== name) command.setOptionValue(other, undefined);
    });
  }
  return withDevice(
    library,
    withHelp(command, { examples, footer: footerOf(isKeyed) })
      .addArgument(withValues(new Argument("<algorithm>", "the hash, such as sha256"), namesOf(isKeyed)))
      .argument("[files...]", "input files; - is standard input, which is also the default")
      .option("-c, --check", "read lists of digests from the files, and check them")
      .option("--ignore-missing", "with --check: skip files that do not exist")
      .option("-q, --quiet", "with --check: do not list files that match; no progress bar")
      .option("--status", "with --check: print nothing, only set the exit status")
      .option("--strict", "with --check: fail if a line is not a digest")
      .option("-w, --warn", "with --check: report each line that is not a digest")
      .option("-b, --binary", "mark names with an asterisk, as sha256sum -b does")
      .option("--tag", "print lines in the format of BSD, which contain the name of the hash")
      .option("-z, --zero", "end lines with a zero character, and do not escape names")
      .option("-v, --verbose", "report the driver"),
  ).action(async (algorithm: string, files: readonly string[], flags: DigestFlags) => {
    process.exitCode = await digest(library, algorithm, files.length === 0 ? ["-"] : files, flags, isKeyed);
  });
}

/** The names of all hashes, or of those with an HMAC. */
function namesOf(isKeyed: boolean): readonly string[] {
  return (isKeyed ? hmacs : hashes).map(({ hash }) => hash);
}

/** A hash, and what starts its session. */
interface Algorithm {
  readonly hash: string;
  start(device: Device, key: Uint8Array | undefined): Hash | Hmac;
}

/** Finds a hash by its name. */
function algorithmNamed(name: string, isKeyed: boolean): Algorithm {
  if (isKeyed) {
    const hmac = hmacNamed(name) ?? refuseName("hmac", name, namesOf(true));
    return { hash: hmac.hash, start: (device, key) => device.hmac(hmac.name, key as Uint8Array) };
  }
  const elsewhere = cipherNamed(name) && `\`enc ${name}\``;
  const hash = hashNamed(name) ?? refuseName("hash", name, namesOf(false), undefined, elsewhere);
  return { hash: hash.hash, start: (device) => device.hash(hash.name) };
}

async function digest(
  library: Library,
  name: string,
  files: readonly string[],
  flags: DigestFlags,
  isKeyed: boolean,
): Promise<number> {
  const checks = ["ignoreMissing", "status", "strict", "warn"] as const;
  const stray = checks.find((name) => flags[name] && !flags.check);
  if (stray !== undefined) throw new UsageError(`--${stray.replace("M", "-m")} requires --check`);
  const extra = (["binary", "tag", "zero"] as const).find((name) => flags[name] && flags.check);
  if (extra !== undefined) throw new UsageError(`--check cannot be used with --${extra}`);
  const algorithm = algorithmNamed(name, isKeyed);
  if (isKeyed) {
    const keyDescriptor = checkKeyFlags(flags);
    for (const file of files) {
      refuseSharedDescriptor([
        ["the key", keyDescriptor],
        ["the input", inputDescriptor(file)],
      ]);
    }
  }
  using device = openDevice(library, flags);
  const key = isKeyed ? readKey(flags) : undefined;
  // HMAC permits it, but whoever stored nothing in the key file, or whose command printed no key, means another one.
  if (key?.length === 0) throw new UsageError(`key for hmac-${algorithm.hash}: expected at least 1 byte, got none`);
  let hash: Hash | Hmac;
  try {
    hash = startWith(() => algorithm.start(device, key));
  } finally {
    key?.fill(0);
  }
  if (flags.verbose) {
    const { mac, hardware } = hash.info();
    say(`${mac?.name} by ${mac?.driver} (${hardware ? "hardware" : "software"})`);
  }
  const one = (file: string): Promise<string> => digestOf(hash, file, flags.quiet ?? flags.status ?? false);
  const kind = { algorithm: algorithm.hash, digestSize: hash.digestSize, isKeyed };
  // With `await`, the device stays open until they have ended.
  return await (flags.check
    ? checkLists(files, { ...kind, digestOf: one }, flags)
    : printDigests(files, { ...kind, digestOf: one }, flags));
}

async function digestOf(hash: Hash | Hmac, file: string, isQuiet: boolean): Promise<string> {
  const input = await openInput(file);
  const progress = await Progress.start(input.size, isQuiet);
  try {
    for await (const piece of input.pieces) {
      hash.update(piece);
      progress.add(piece.length);
    }
  } catch (error) {
    // The data so far must not become the beginning of the next message.
    if (!hash.closed) hash.digest();
    throw error;
  } finally {
    progress.stop();
  }
  return Buffer.from(hash.digest()).toString("hex");
}

async function printDigests(
  files: readonly string[],
  { digestOf: one, ...kind }: Digests,
  { binary, tag, zero }: DigestFlags,
): Promise<number> {
  let status = 0;
  for (const file of files) {
    let digest: string;
    try {
      digest = await one(file);
    } catch (error) {
      complain(file, error, true);
      status = exitCodes.failure;
      continue;
    }
    const { mark, name } = shownName(file, !zero);
    const line = tag ? `${tagOf(kind)} (${name}) = ${digest}` : `${digest} ${binary ? "*" : " "}${name}`;
    print(`${mark}${line}${zero ? "\0" : "\n"}`);
  }
  return status;
}
