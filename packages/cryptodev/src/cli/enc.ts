import process from "node:process";
import { Command } from "commander";
import {
  type AeadName,
  type Cipher,
  type CipherAlgorithm,
  type CipherName,
  ciphers,
  type Device,
  type Session,
} from "cryptodev";
import { type DeviceFlags, openDevice, withDevice } from "./device_flags.ts";
import { openInput, readInput } from "./input.ts";
import { checkKeyFlags, type KeyFlags, readKey, withKey } from "./key.ts";
import { checkName } from "./names.ts";
import { openOutput } from "./output.ts";
import { say } from "./print.ts";
import { Progress } from "./progress.ts";
import { UsageError } from "./usage_error.ts";

/** The command line of `enc` and `dec`, as it was given. */
interface CryptFlags extends DeviceFlags, KeyFlags {
  readonly in: string;
  readonly out?: string;
  readonly iv?: Uint8Array;
  readonly ivFile?: string;
  readonly aadFile?: string;
  readonly tagSize?: number;
  readonly pad?: true;
  readonly force?: true;
  readonly quiet?: true;
  readonly verbose?: true;
}

/** What works on one message: piece by piece, or on the whole of it in `final`. */
interface Work {
  readonly session: Session;
  update(piece: Uint8Array): Uint8Array;
  final(): Uint8Array;
}

const encExamples = `
Examples:
  $ head -c 32 /dev/urandom > key && head -c 16 /dev/urandom > iv
  $ cryptodev enc aes-256-cbc --pad --key-file key --iv-file iv -i plain -o sealed
  $ tar c . | cryptodev enc aes-256-ctr --key-file key --iv-file iv > sealed   # of any size
  $ cryptodev enc aes-256-gcm --key-file key --iv 00112233445566778899aabb -i plain -o sealed
`;

const decExamples = `
Examples:
  $ cryptodev dec aes-256-cbc --pad --key-file key --iv-file iv -i sealed -o plain
  $ cryptodev dec aes-256-ctr --key-file key --iv-file iv < sealed | tar x
  $ cryptodev dec aes-256-gcm --key-file key --iv 00112233445566778899aabb -i sealed -o plain
  $ cryptodev dec aes-256-cbc --pad --key-fd 3 --iv-file iv < sealed 3< key    # the key by a descriptor
`;

const footer = `
The key is raw bytes (make them from hex digits with \`xxd -r -p\`) and of the size that the cipher has, and so is the iv:
nothing is cut, filled up, or derived from a password. Without --pad, a block cipher takes whole blocks alone.

aes-gcm and aes-ccm put the tag after the ciphertext. They and aes-xts, which takes its input for one data unit, work on
the whole input in memory; dec writes nothing of what does not authenticate. All others work on inputs of any size.

A file that is written appears under its name when it is whole; there is never half of one.

Exit status: 0, 1 when something could not be done, 2 for a wrong command line, 4 when the input did not authenticate or
its padding is wrong.
`;

function parseHex(text: string): Uint8Array {
  if (!/^([0-9a-f]{2})*$/i.test(text)) throw new UsageError("--iv: expected an even number of hex digits");
  return Buffer.from(text, "hex");
}

function parseSize(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new UsageError("--tag-size: expected a number of bytes");
  return Number(text);
}

const known: readonly CipherAlgorithm[] = Object.values(ciphers).filter(
  (cipher) => "kernelName" in cipher && cipher.kind !== "record",
);

const bareNames = known.map(({ name }) => name);
/** The ciphers, and those names that say the size of the key. */
export const cipherNames: readonly string[] = bareNames.flatMap((name) => [
  name,
  ...(/^(aes|camellia)-/.test(name) ? [128, 192, 256].map((bits) => name.replace("-", `-${bits}-`)) : []),
]);

/** Finds what a name stands for, which may have the size of the key in it. */
function parseAlgorithm(name: string): CipherAlgorithm & { readonly asked: string } {
  checkName("algorithm", name, cipherNames, bareNames);
  const bare = name.replace(/-(128|192|256)-/, "-");
  return { ...(known.find((cipher) => cipher.name === bare) as CipherAlgorithm), asked: name };
}

type Algorithm = ReturnType<typeof parseAlgorithm>;

/** `cryptodev enc`. */
export const encCommand = (): Command => cryptCommand("encrypt", "enc", encExamples);

/** `cryptodev dec`. */
export const decCommand = (): Command => cryptCommand("decrypt", "dec", decExamples);

function cryptCommand(direction: "encrypt" | "decrypt", name: string, examples: string): Command {
  const command = new Command(name)
    .description(`${direction === "encrypt" ? "Encrypts" : "Decrypts"} a file or standard input`)
    .addHelpText("before", examples)
    .addHelpText("after", footer)
    .argument("<algorithm>", "such as aes-cbc, or aes-256-cbc to insist on the size of the key", parseAlgorithm);
  return withDevice(
    withKey(command)
      .option("--iv <hex>", "the iv, or the nonce of aes-gcm and aes-ccm, in hex digits", parseHex)
      .option("--iv-file <file>", "a file that holds it: raw bytes, and nothing else")
      .option("--pad", "PKCS#7 padding: fill the last block, or take off what fills it")
      .option("--aad-file <file>", "data that aes-gcm and aes-ccm authenticate too")
      .option("--tag-size <bytes>", "of the tag of aes-gcm and aes-ccm; 16 if left out", parseSize)
      .option("-i, --in <file>", "what is read", "-")
      .option("-o, --out <file>", "what is written; standard output if left out")
      .option("-f, --force", "replace the output if it is there")
      .option("-q, --quiet", "no progress bar")
      .option("-v, --verbose", "say what did it, and how fast"),
  ).action((algorithm: Algorithm, flags: CryptFlags) => crypt(direction, algorithm, flags));
}

function checkFlags({ kind, name, asked, ivSize }: Algorithm, flags: CryptFlags): void {
  if (flags.iv !== undefined && flags.ivFile !== undefined)
    throw new UsageError("expected --iv or --iv-file, got both");
  if (ivSize > 0 && flags.iv === undefined && flags.ivFile === undefined) {
    throw new UsageError(`expected an iv for ${asked}: --iv or --iv-file`);
  }
  const isAead = kind === "aead";
  if (!isAead && flags.aadFile !== undefined) throw new UsageError(`${asked} has no --aad-file`);
  if (!isAead && flags.tagSize !== undefined) throw new UsageError(`${asked} has no --tag-size`);
  if (flags.pad && (kind !== "block" || name === "aes-xts")) throw new UsageError(`${asked} needs no --pad`);
}

/** Starts the session, and checks all that can be checked before there is data. */
async function start(
  direction: "encrypt" | "decrypt",
  device: Device,
  { kind, name, asked }: Algorithm,
  key: Uint8Array,
  flags: CryptFlags,
): Promise<Work> {
  const iv = flags.ivFile === undefined ? flags.iv : await readInput(flags.ivFile);
  if (kind === "aead") {
    const session = device.aead(asked as AeadName, key, { tagSize: flags.tagSize });
    const aad = flags.aadFile === undefined ? undefined : await readInput(flags.aadFile);
    const method = direction === "encrypt" ? "seal" : "open";
    return whole(session, (data) => session[method](data, iv as Uint8Array, aad));
  }
  const session = device.cipher(asked as CipherName, key);
  if (name === "aes-xts") return whole(session, (data) => session[direction](data, iv));
  const chunks = (session as Cipher)[direction === "encrypt" ? "encryptor" : "decryptor"](iv, {
    padding: flags.pad ? "pkcs7" : "none",
  });
  return { session, update: (piece) => chunks.update(piece), final: () => chunks.final() };
}

/** Works on a message that cannot be cut. */
function whole(session: Session, run: (data: Uint8Array) => Uint8Array): Work {
  const pieces: Uint8Array[] = [];
  return {
    session,
    update(piece) {
      pieces.push(piece);
      return new Uint8Array(0);
    },
    final: () => run(Buffer.concat(pieces)),
  };
}

async function crypt(direction: "encrypt" | "decrypt", algorithm: Algorithm, flags: CryptFlags): Promise<void> {
  checkFlags(algorithm, flags);
  if (direction === "encrypt" && flags.out === undefined && process.stdout.isTTY) {
    throw new UsageError("ciphertext would confuse this terminal: -o names a file, and `-o -` has it all the same");
  }
  checkKeyFlags(flags, flags.in === "-");
  using device = openDevice(flags);
  const key = readKey(flags);
  let work: Work;
  try {
    work = await start(direction, device, algorithm, key, flags);
  } finally {
    key.fill(0);
  }
  const input = await openInput(flags.in);
  const { out = "-", force = false, quiet = false } = flags;
  // A bar would stand in the middle of what is shown.
  const progress = await Progress.start(input.size, quiet || (out === "-" && process.stdout.isTTY));
  const output = await openOutput(out, force);
  const began = performance.now();
  let size = 0;
  try {
    for await (const piece of input.pieces) {
      await output.write(work.update(piece));
      size += piece.length;
      progress.add(piece.length);
    }
    await output.write(work.final());
  } catch (error) {
    await output.abandon();
    throw error;
  } finally {
    progress.stop();
  }
  await output.finish();
  if (flags.verbose) tell(work.session, device.backend, size, (performance.now() - began) / 1000);
}

function tell(session: Session, backend: string, size: number, seconds: number): void {
  const { cipher, hardware } = session.info();
  const speed = (size / 1e6 / seconds).toFixed(1);
  const kind = hardware ? "hardware" : "software";
  say(
    `${cipher?.name} by ${cipher?.driver} (${kind}, backend ${backend}): ${size} bytes in ${seconds.toFixed(3)} s, ${speed} MB/s`,
  );
}
