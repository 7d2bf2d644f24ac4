/**
 * The calls that a driver must never receive: each of them crashes a kernel, or makes it read, write or leak memory
 * that the caller did not name.
 */
export const crashRules = {
  "src-null": "src is NULL and len is not 0",
  "dst-null": "dst is NULL and len is not 0",
  "dst-unmapped": "dst is not mapped or cannot be written, and is not src itself",
  "dst-short": "dst is mapped, but is shorter than what is written to it",
  "auth-null": "auth_src is NULL and auth_len is not 0",
  "tag-size": "tag_len is not a tag size of this algorithm",
  "aead-nothing": "an AEAD operation with neither data nor aad, and src is NULL",
  "crypt-on-aead": "CIOCCRYPT on the session of an AEAD",
  "tls-without-cipher": "a TLS record on a session without a cipher: the driver divides by its block size, which is 0",
  "tag-long": "tag_len of a record is more than the size of its mac: the kernel leaks stack memory",
  "auth-short": "auth_src ends before src does: the kernel walks past the end of its list of pages",
  "copy-between-algorithms": "CIOCCPHASH between two algorithms: the kernel reads past the end of the smaller state",
  "mackey-null": "mackey is NULL and mackeylen is not 0: the kernel uses stack memory as the key",
  "jobs-abandoned":
    "the device is closed while asynchronous operations are outstanding: the kernel uses them after it has freed them",
} as const;

/** The name of one of the {@link crashRules}. */
export type CrashRule = keyof typeof crashRules;

/**
 * A call that would crash a kernel: thrown inside the driver, like an `Errno`, by code that does not know which
 * ioctl it works for. The device converts it to a {@link KernelCrashError}.
 */
export class Crash {
  /** The rule that the call broke. */
  readonly rule: CrashRule;

  constructor(rule: CrashRule) {
    this.rule = rule;
  }
}

/**
 * Thrown by the software device for a call that would crash a kernel.
 *
 * The library never sends such a call. A program that uses the ABI directly gets this error on a laptop before it
 * crashes a board.
 *
 * @example
 * ```ts
 * import { CIOCCRYPT, CIOCGSESSION, ciphers } from "cryptodev/abi";
 * import { Call } from "cryptodev/host";
 * import { KernelCrashError, SoftwareHost } from "cryptodev/soft";
 *
 * const host = new SoftwareHost();
 * const fd = host.open("/dev/crypto", 2);
 * const start = new Call(host, CIOCGSESSION);
 * start.setUint32(start.offset.cipher, ciphers.CRYPTO_NULL.id);
 * host.ioctl(fd, start.request, start);
 * const crypt = new Call(host, CIOCCRYPT);
 * crypt.setUint32(crypt.offset.ses, start.getUint32(start.offset.ses));
 * crypt.setUint32(crypt.offset.len, 16); // and no src
 * try {
 *   host.ioctl(fd, crypt.request, crypt);
 * } catch (error) {
 *   if (error instanceof KernelCrashError) console.log(error.rule); // src-null
 * }
 * ```
 */
export class KernelCrashError extends Error {
  /** The name of the class. */
  override readonly name = "KernelCrashError";
  /** The rule that the call broke. */
  readonly rule: CrashRule;

  /** Builds the message from the call's name and the rule. */
  constructor(rule: CrashRule, call: string) {
    super(`${call}: this call crashes a kernel, or corrupts or leaks its memory: ${crashRules[rule]}`);
    this.rule = rule;
  }
}
