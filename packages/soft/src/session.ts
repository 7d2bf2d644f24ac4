import { type CipherDriver, cipherDrivers, type MacDriver, macDrivers } from "./algorithms.ts";
import { Errno } from "./errno.ts";
import { KernelCrashError } from "./kernel_crash_error.ts";
import type { KeyedCipher } from "./primitives/cipher.ts";
import type { HashFactory, RunningHash } from "./primitives/hash.ts";

/** The cipher of a session: its key, and the iv that goes from one operation to the next. */
export class SessionCipher {
  readonly driver: CipherDriver;
  /** The iv from which the next operation goes on; zeros in a fresh session. */
  readonly iv: Uint8Array;
  readonly #keyed: KeyedCipher;

  /** @throws `Errno` EINVAL where the device lacks the cipher or refuses the key */
  constructor(id: number, key: Uint8Array) {
    const driver = cipherDrivers.get(id);
    if (driver === undefined || !fits(key.length, driver.algorithm.keySizes)) throw new Errno("EINVAL");
    this.driver = driver;
    this.iv = new Uint8Array(driver.algorithm.ivSize);
    this.#keyed = driver.key(key);
  }

  crypt(decrypt: boolean, data: Uint8Array): Uint8Array {
    return this.#keyed.crypt(decrypt, data, this.iv);
  }
}

function fits(size: number, sizes: CipherDriver["algorithm"]["keySizes"]): boolean {
  return "min" in sizes ? size >= sizes.min && size <= sizes.max : sizes.includes(size);
}

/** The mac of a session: its key, and the message so far. */
export class SessionMac {
  readonly driver: MacDriver;
  readonly #start: HashFactory;
  #running: RunningHash;
  /** Whether the digest came out: then only a reset makes sense. */
  #finished = false;

  /** @throws `Errno` EINVAL where the device lacks the mac */
  constructor(id: number, key: Uint8Array) {
    const driver = macDrivers.get(id);
    if (driver === undefined) throw new Errno("EINVAL");
    this.driver = driver;
    this.#start = driver.key(key);
    this.#running = this.#start();
  }

  reset(): void {
    this.#running = this.#start();
    this.#finished = false;
  }

  /** Refuses to go on with a state whose digest came out. */
  requireAlive(ioctl: string): void {
    if (this.#finished) throw new KernelCrashError("digest-continued", ioctl);
  }

  update(data: Uint8Array): void {
    this.#running.update(data);
  }

  digest(): Uint8Array {
    this.#finished = true;
    return this.#running.digest();
  }

  /** Takes over the state of another; a dead one is dead here too. */
  copyFrom(other: SessionMac): void {
    this.reset();
    this.#finished = other.#finished;
    if (!other.#finished) this.#running.copyFrom(other.#running);
  }
}

/** What CIOCGSESSION started. */
export interface Session {
  readonly cipher: SessionCipher | undefined;
  readonly mac: SessionMac | undefined;
}
