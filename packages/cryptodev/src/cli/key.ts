import { closeSync, openSync, readSync } from "node:fs";
import { type Command, InvalidArgumentError, Option } from "commander";
import { CRYPTO_HMAC_MAX_KEY_LEN } from "cryptodev";
import { UsageError } from "./usage_error.ts";

/** Where the key is, as the flags of a command say. */
export interface KeyFlags {
  readonly keyFile?: string;
  readonly keyFd?: number;
}

function parseDescriptor(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError("It is the number of an open descriptor.");
  return Number(text);
}

/** Gives a command the flags that bring a key. None takes the key itself: every user can read a command line. */
export function withKey(command: Command): Command {
  return command
    .option("--key-file <file>", "a file that holds the key: raw bytes, and nothing else")
    .addOption(
      new Option("--key-fd <number>", "an open descriptor to read the key from")
        .argParser(parseDescriptor)
        .conflicts("keyFile"),
    );
}

/**
 * Refuses a command line that brings no key.
 *
 * @param isInputStandard - whether standard input is taken: it cannot bring a key too
 */
export function checkKeyFlags({ keyFile, keyFd }: KeyFlags, isInputStandard: boolean): void {
  if (keyFile === undefined && keyFd === undefined) {
    throw new UsageError("expected a key: --key-file or --key-fd");
  }
  if (keyFd === 0 && isInputStandard) {
    throw new UsageError("expected a file as the input, as standard input brings the key");
  }
}

/** Reads the key, of which a command line that was checked tells. The caller wipes it. */
export function readKey({ keyFile, keyFd }: KeyFlags): Uint8Array {
  if (keyFile !== undefined) return readSecret(keyFile);
  // To Deno, a descriptor that it did not open itself is none.
  return readSecret("Deno" in globalThis ? `/dev/fd/${keyFd}` : (keyFd as number));
}

/** Reads at most the longest key that there is, and leaves no copy behind. */
function readSecret(source: string | number): Uint8Array {
  const descriptor = typeof source === "number" ? source : openSync(source, "r");
  // A pool would keep what other secrets may share, and one byte more tells a key that is too long.
  const buffer = new Uint8Array(CRYPTO_HMAC_MAX_KEY_LEN + 1);
  try {
    let size = 0;
    for (let count = -1; count !== 0 && size < buffer.length; size += count) {
      count = readSync(descriptor, buffer, size, buffer.length - size, null);
    }
    if (size > CRYPTO_HMAC_MAX_KEY_LEN) {
      throw new RangeError(`key: expected at most ${CRYPTO_HMAC_MAX_KEY_LEN} bytes, got more`);
    }
    return buffer.slice(0, size);
  } finally {
    buffer.fill(0);
    if (typeof source === "string") closeSync(descriptor);
  }
}
