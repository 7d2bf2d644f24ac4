import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { isatty } from "node:tty";
import { CRYPTO_HMAC_MAX_KEY_LEN } from "@cryptodev/core/abi";
import { type Command, Option } from "commander";
import { descriptorNamed, isInherited, pause, readFrom } from "./descriptor.ts";
import { FileError, fileError } from "./file_error.ts";
import { pathOf } from "./file_name.ts";
import { say } from "./print.ts";
import { quoteName } from "./quote.ts";
import { UsageError } from "./usage_error.ts";

/** The options that say where the key is. */
export interface KeyFlags {
  readonly keyFile?: string;
  readonly keyHexFile?: string;
  readonly keyFd?: number;
  readonly quiet?: true;
}

/** Reads bytes, as `read(2)` does. */
type Reader = (target: Uint8Array) => number;

function parseDescriptor(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new UsageError("--key-fd: expected the number of an open descriptor");
  return Number(text);
}

/** Adds the options that provide a key. None accepts the key itself, because every user can read a command line. */
export function withKey(command: Command): Command {
  return command
    .option("--key-file <file>", "a file that contains the key as raw bytes and nothing else")
    .addOption(
      new Option("--key-hex-file <file>", "a file that contains it in hex digits").conflicts(["keyFile", "keyFd"]),
    )
    .addOption(
      new Option("--key-fd <number>", "an open descriptor to read the key from")
        .argParser(parseDescriptor)
        .conflicts("keyFile"),
    );
}

/**
 * Returns the descriptor that provides the key, if it is one. A descriptor that a file name refers to is used as it is,
 * because not every descriptor can be opened again.
 */
function descriptorOf({ keyFile, keyHexFile, keyFd }: KeyFlags): number | undefined {
  return descriptorNamed(keyFile ?? keyHexFile ?? "") ?? keyFd;
}

/**
 * Refuses a command line without a key.
 *
 * @returns the descriptor that provides the key, if it is one
 */
export function checkKeyFlags(flags: KeyFlags): number | undefined {
  if (flags.keyFile === undefined && flags.keyHexFile === undefined && flags.keyFd === undefined) {
    throw new UsageError("expected a key: --key-file, --key-hex-file or --key-fd");
  }
  return descriptorOf(flags);
}

/** Reads the key, with options that {@link checkKeyFlags} has accepted. The caller wipes it. */
export function readKey(flags: KeyFlags): Uint8Array {
  const descriptor = descriptorOf(flags);
  const file = flags.keyFile ?? flags.keyHexFile;
  const name = file ?? `--key-fd ${descriptor}`;
  const read = flags.keyHexFile === undefined ? readSecret : readHexSecret;
  try {
    return descriptor === undefined ? readFile(name, read, flags) : readDescriptor(name, read, descriptor);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    throw file === undefined ? new FileError(name, error) : fileError(name, error);
  }
}

function readDescriptor(name: string, read: (reader: Reader) => Uint8Array, descriptor: number): Uint8Array {
  if (descriptor !== 0 && !isInherited(descriptor)) {
    throw new Error(`${name}: no such descriptor was passed; open it, as in \`${descriptor}< key\``);
  }
  return read(readFrom.bind(undefined, descriptor));
}

function readFile(file: string, read: (reader: Reader) => Uint8Array, flags: KeyFlags): Uint8Array {
  const descriptor = openSync(pathOf(file), "r");
  try {
    warnOfOthers(file, descriptor, flags);
    return read((target) => readSync(descriptor, target, 0, target.length, null));
  } finally {
    closeSync(descriptor);
  }
}

/** Warns if others can write the key file or, if standard error is a terminal, read it. */
function warnOfOthers(file: string, descriptor: number, { quiet }: KeyFlags): void {
  const status = fstatSync(descriptor);
  const others = status.mode & 0o006;
  if (!status.isFile() || !((others & 0o002) !== 0 || (others !== 0 && isatty(2) && !quiet))) return;
  const what = others === 6 ? "read and write" : others === 2 ? "write" : "read";
  const name = quoteName(file);
  say(`warning: every user can ${what} the key file ${name}; \`chmod go= ${name}\` prevents that`);
}

/** Creates memory for a secret. The collector can move small typed arrays and those from a pool, which leaves copies. */
const secretMemory = (size: number): Uint8Array => new Uint8Array(new ArrayBuffer(size));

/** Reads a key of at most the maximum size, waits for it if necessary, and leaves no copy behind. */
function readSecret(read: Reader, most: number = CRYPTO_HMAC_MAX_KEY_LEN): Uint8Array {
  // The extra byte detects a key that is too long.
  const buffer = secretMemory(most + 1);
  try {
    let size = 0;
    for (let count = -1; count !== 0 && size < buffer.length; size += count) {
      count = readReady(read, buffer.subarray(size));
    }
    if (size > most) throw new UsageError(`key: expected at most ${CRYPTO_HMAC_MAX_KEY_LEN} bytes, got more`);
    const key = secretMemory(size);
    key.set(buffer.subarray(0, size));
    return key;
  } finally {
    buffer.fill(0);
  }
}

/** The value of the hex digit with a character code; `undefined` if it is not one. */
function digitOf(code: number): number | undefined {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = (code | 0x20) - 0x61;
  return letter >= 0 && letter < 6 ? letter + 10 : undefined;
}

/** Whether a character code is that of a line's end. Editors and `echo` add one. */
const isLineEnd = (code: number | undefined): boolean => code === 0x0a || code === 0x0d;

/** Reads a key in hex digits, without a string of it, which could not be wiped. */
function readHexSecret(read: Reader): Uint8Array {
  const digits = readSecret(read, CRYPTO_HMAC_MAX_KEY_LEN * 2 + 2);
  try {
    let length = digits.length;
    while (isLineEnd(digits[length - 1])) length -= 1;
    const key = secretMemory(length >>> 1);
    for (let index = 0; index < length; index += 1) {
      const digit = digitOf(digits[index] as number);
      if (digit === undefined || length % 2 !== 0) {
        key.fill(0);
        throw new UsageError("key: expected an even number of hex digits and nothing else");
      }
      key[index >>> 1] = ((key[index >>> 1] as number) << 4) | digit;
    }
    return key;
  } finally {
    digits.fill(0);
  }
}

/** Reads available bytes, and waits for them even if the descriptor does not block. */
function readReady(read: Reader, target: Uint8Array): number {
  for (;;) {
    try {
      return read(target);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      pause();
    }
  }
}
