import process from "node:process";
import type { Device, Session } from "@cryptodev/core";
import type { SizeRange } from "@cryptodev/core/abi";
import { cipherNamed, hashNamed, isAead, namedCiphers } from "@cryptodev/core/algorithms";
import { Argument, Command } from "commander";
import { withHelp, withValues } from "./described.ts";
import { type DeviceFlags, openDevice, withDevice } from "./device_flags.ts";
import { inputDescriptor, openInput, readInput, refuseSharedDescriptor } from "./input.ts";
import { checkKeyFlags, type KeyFlags, readKey, withKey } from "./key.ts";
import type { Library } from "./library.ts";
import { type Message, NOTHING, type Started, whole, withRandom } from "./message.ts";
import { refuseName } from "./names.ts";
import { openOutput } from "./output.ts";
import { say } from "./print.ts";
import { Progress } from "./progress.ts";
import { startWith, UsageError } from "./usage_error.ts";

/** The options of `enc` and `dec`. */
interface CryptFlags extends DeviceFlags, KeyFlags {
  readonly in: string;
  readonly out?: string;
  readonly iv?: Uint8Array | typeof RANDOM;
  readonly ivFile?: string;
  readonly aadFile?: string;
  readonly tagSize?: number;
  readonly pad?: true;
  readonly force?: true;
  readonly quiet?: true;
  readonly verbose?: true;
}

/** The value of `--iv` for a random iv, which precedes the ciphertext. */
const RANDOM = "random";

const encExamples = `
Examples:
  $ head -c 32 /dev/urandom > key
  $ cryptodev enc aes-256-gcm --key-file key --nonce random -i plain -o sealed
  $ tar c . | cryptodev enc aes-256-ctr --key-file key --iv random > sealed    # any size
  $ cryptodev enc aes-256-cbc --pad --key-hex-file key.hex --iv-file iv -i plain -o sealed
`;

const decExamples = `
Examples:
  $ cryptodev dec aes-256-gcm --key-file key --nonce random -i sealed -o plain
  $ cryptodev dec aes-256-ctr --key-file key --iv random < sealed | tar x
  $ cryptodev dec aes-256-cbc --pad --key-hex-file key.hex --iv-file iv -i sealed -o plain
  $ cryptodev dec aes-256-gcm --key-fd 3 --nonce random < sealed 3< key  # a key from a descriptor
`;

const footer = `
With --iv random, or --nonce random, enc generates a new iv and writes it before the ciphertext, and
dec reads it from there. Use it unless another program defines the iv: an iv that is used twice with
one key can reveal both inputs.

Key and iv have exactly the sizes that the cipher requires: they are never truncated, padded, or
derived from a password. Without --pad, a block cipher accepts only whole blocks.

aes-gcm and aes-ccm append the tag to the ciphertext. These two, and aes-xts, which processes its
input as one data unit, keep the whole input in memory: at most 256 MiB, with the tag, and 128 MiB
for aes-xts. If the input does not authenticate, dec writes nothing. All other ciphers accept input
of any size.

Output files are written atomically.

Exit status: 0; 1 if something failed; 2 if the command line is wrong, or a key, iv or tag has the
wrong size; 4 if the input did not authenticate or its padding is wrong.
`;

function parseIv(text: string): Uint8Array | typeof RANDOM {
  if (text === RANDOM) return RANDOM;
  if (!/^([0-9a-f]{2})*$/i.test(text))
    throw new UsageError("the iv or nonce: expected an even number of hex digits, or `random`");
  return Buffer.from(text, "hex");
}

function parseSize(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new UsageError("--tag-size: expected a number of bytes");
  return Number(text);
}

/** The names of all ciphers, also with the size of the key in bits. */
const cipherNames: readonly string[] = namedCiphers.map(({ name }) => name);

const bareNames = namedCiphers.filter(({ name, algorithm }) => name === algorithm.name).map(({ name }) => name);

/** Finds the cipher with a name, which may contain the size of the key. */
function parseAlgorithm(name: string): (typeof namedCiphers)[number] {
  const cipher = cipherNamed(name);
  if (cipher === undefined) {
    refuseName("algorithm", name, cipherNames, bareNames, hashNamed(name) && `\`dgst ${name}\``);
  }
  return cipher;
}

type Algorithm = ReturnType<typeof parseAlgorithm>;

/** Creates the command `cryptodev enc`. */
export const encCommand = (library: Library): Command => cryptCommand(library, "encrypt", "enc", encExamples);

/** Creates the command `cryptodev dec`. */
export const decCommand = (library: Library): Command => cryptCommand(library, "decrypt", "dec", decExamples);

function cryptCommand(library: Library, direction: "encrypt" | "decrypt", name: string, examples: string): Command {
  const algorithm = new Argument(
    "<algorithm>",
    "such as aes-cbc, or aes-256-cbc to accept only that key size",
  ).argParser(parseAlgorithm);
  const command = withHelp(new Command(name), { examples, footer })
    .description(`${direction === "encrypt" ? "Encrypts" : "Decrypts"} a file or standard input`)
    .addArgument(withValues(algorithm, cipherNames));
  return withDevice(
    library,
    withKey(command)
      .option(
        "--nonce, --iv <hex>",
        `the iv or nonce in hex digits; or \`random\`, ${direction === "encrypt" ? "which generates one and writes it before the ciphertext" : "if enc wrote it before the ciphertext"}`,
        parseIv,
      )
      .option("--iv-file <file>", "a file that contains the iv or nonce as raw bytes and nothing else")
      .option("--pad", "PKCS#7 padding: add it when encrypting, remove it when decrypting")
      .option("--aad-file <file>", "additional data that aes-gcm and aes-ccm authenticate")
      .option("--tag-size <bytes>", "size of the tag of aes-gcm and aes-ccm (default: 16)", parseSize)
      .option("-i, --in <file>", "input file", "-")
      .option("-o, --out <file>", "output file (default: standard output)")
      .option("-f, --force", "overwrite the output file if it exists")
      .option("-q, --quiet", "do not show a progress bar")
      .option("-v, --verbose", "report the driver and the speed"),
  ).action((algorithm: Algorithm, flags: CryptFlags) => crypt(library, direction, algorithm, flags));
}

function checkFlags(cipher: Algorithm, flags: CryptFlags): void {
  const { name, algorithm } = cipher;
  const { kind, ivSize } = algorithm;
  if (flags.iv !== undefined && flags.ivFile !== undefined)
    throw new UsageError("expected --iv or --iv-file, got both");
  if (ivSize > 0 && flags.iv === undefined && flags.ivFile === undefined) {
    throw new UsageError(`expected an iv for ${name}: --iv random, --iv or --iv-file`);
  }
  if (ivSize === 0 && flags.iv === RANDOM) throw new UsageError(`--iv random cannot be used with ${name}`);
  if (!isAead(cipher) && flags.aadFile !== undefined) throw new UsageError(`--aad-file cannot be used with ${name}`);
  if (!isAead(cipher) && flags.tagSize !== undefined) throw new UsageError(`--tag-size cannot be used with ${name}`);
  if (flags.pad && (kind !== "block" || algorithm.name === "aes-xts"))
    throw new UsageError(`--pad cannot be used with ${name}`);
}

/** Refuses an iv of the wrong size before any data is read: a session checks it only when it processes the data. */
function checkIv({ name }: Algorithm, { min, max }: SizeRange, iv: Uint8Array | undefined): void {
  const length = iv?.length ?? 0;
  if (length >= min && length <= max) return;
  const expected = max === 0 ? "none" : `${min === max ? min : `${min} to ${max}`} bytes`;
  throw new UsageError(`iv for ${name}: expected ${expected}, got ${length}`);
}

/** The size of a random nonce, for both AEADs. */
const NONCE_SIZE = 12;

/** The most ciphertext of one call, with its tag: the driver accepts 512 MiB of source and destination together. */
const MAX_AT_ONCE = 2 ** 28;

/** Whether a cipher processes its input in one call. */
const isWhole = (cipher: Algorithm): boolean => isAead(cipher) || cipher.algorithm.name === "aes-xts";

/** Returns the largest size of the input. A session refuses more, but only after all of it has been read. */
function mostFor(direction: "encrypt" | "decrypt", cipher: Algorithm, { iv, tagSize = 16 }: CryptFlags): number {
  if (!isWhole(cipher)) return Number.POSITIVE_INFINITY;
  if (direction === "encrypt") return isAead(cipher) ? MAX_AT_ONCE - tagSize : MAX_AT_ONCE;
  const head = isAead(cipher) ? NONCE_SIZE : cipher.algorithm.ivSize;
  return iv === RANDOM ? MAX_AT_ONCE + head : MAX_AT_ONCE;
}

/** Starts the session, and checks everything that does not depend on the data. */
async function start(
  direction: "encrypt" | "decrypt",
  device: Device,
  cipher: Algorithm,
  key: Uint8Array,
  flags: CryptFlags,
): Promise<Started & { readonly session: Session }> {
  const iv = flags.ivFile === undefined ? flags.iv : await readInput(flags.ivFile);
  if (isAead(cipher)) {
    const session = startWith(() => device.aead(cipher.name, key, { tagSize: flags.tagSize }));
    const aad = flags.aadFile === undefined ? undefined : await readInput(flags.aadFile);
    const method = direction === "encrypt" ? "seal" : "open";
    const begin = (nonce?: Uint8Array) => whole((data) => session[method](data, { nonce, aad }));
    if (iv === RANDOM) return { session, ...withRandom(direction, NONCE_SIZE, begin) };
    checkIv(cipher, session.nonceSize, iv);
    return { session, head: NOTHING, message: begin(iv) };
  }
  const session = startWith(() => device.cipher(cipher.name, key));
  const { ivSize } = cipher.algorithm;
  const begin = (own?: Uint8Array): Message => {
    if (cipher.algorithm.name === "aes-xts") return whole((data) => session[direction](data, own));
    const method = direction === "encrypt" ? "encryptor" : "decryptor";
    const chunks = session[method](own, { padding: flags.pad });
    return { update: (piece) => chunks.update(piece), final: () => endOf(chunks, direction, flags) };
  };
  if (iv === RANDOM) return { session, ...withRandom(direction, ivSize, begin) };
  checkIv(cipher, { min: ivSize, max: ivSize }, iv);
  return { session, head: NOTHING, message: begin(iv) };
}

/** Ends the data. For plaintext that does not end with a whole block, the library suggests an option of its own. */
function endOf(chunks: { final(): Uint8Array }, direction: "encrypt" | "decrypt", { pad }: CryptFlags): Uint8Array {
  try {
    return chunks.final();
  } catch (error) {
    if (!(error instanceof RangeError) || direction === "decrypt" || pad) throw error;
    throw new Error(error.message.replace("or padding", "or --pad"), { cause: error });
  }
}

async function crypt(
  library: Library,
  direction: "encrypt" | "decrypt",
  algorithm: Algorithm,
  flags: CryptFlags,
): Promise<void> {
  checkFlags(algorithm, flags);
  if (direction === "encrypt" && flags.out === undefined && process.stdout.isTTY) {
    throw new UsageError(
      "ciphertext would garble this terminal; write it to a file with -o, or use `-o -` to print it anyway",
    );
  }
  const named = (file: string | undefined): number | undefined =>
    file === undefined ? undefined : inputDescriptor(file);
  refuseSharedDescriptor([
    ["the key", checkKeyFlags(flags)],
    ["the iv", named(flags.ivFile)],
    ["the additional data", named(flags.aadFile)],
    ["the input", named(flags.in)],
  ]);
  using device = openDevice(library, flags);
  const key = readKey(flags);
  let work: Started & { readonly session: Session };
  try {
    work = await start(direction, device, algorithm, key, flags);
  } finally {
    key.fill(0);
  }
  const input = await openInput(flags.in);
  const most = mostFor(direction, algorithm, flags);
  const checkSize = (size: number): void => {
    if (size <= most) return;
    throw new Error(`the input: expected at most ${most} bytes for ${algorithm.name}, the limit of one call, got more`);
  };
  checkSize(input.size ?? 0);
  const { out = "-", force = false, quiet = false } = flags;
  // On the same terminal, the bar would be mixed with the output.
  const progress = await Progress.start(input.size, quiet || (out === "-" && process.stdout.isTTY));
  const output = await openOutput(out, force);
  const began = performance.now();
  let size = 0;
  try {
    await output.write(work.head);
    for await (const piece of input.pieces) {
      size += piece.length;
      checkSize(size);
      await output.write(work.message.update(piece));
      progress.add(piece.length);
    }
    await output.write(work.message.final());
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
