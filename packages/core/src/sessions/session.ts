import type { KernelSession } from "../kernel/kernel_session.ts";
import type { SessionInfo } from "../kernel/session_info.ts";
import type { Statistics } from "../statistics.ts";

const abandoned = new FinalizationRegistry<KernelSession>((session) => session.abandon());

/**
 * A session of the device, from its start to {@link Session.close}: the common base of all kinds.
 *
 * A session belongs to the thread that opened its device. It keeps the buffers of its last operation until the next
 * one, or until it is closed.
 */
export abstract class Session {
  readonly #kernel: KernelSession;

  /** @internal */
  protected constructor(kernel: KernelSession) {
    this.#kernel = kernel;
    abandoned.register(this, kernel, kernel);
    kernel.file.keepDeviceFor(this);
  }

  /** The kernel's number for the session, unique on its device. */
  get id(): number {
    return this.#kernel.id;
  }

  /** Whether the session has ended, by {@link Session.close} or with its device. */
  get closed(): boolean {
    return this.#kernel.ended !== undefined;
  }

  /**
   * What the session has done so far; `undefined` unless the device was opened with `statistics`.
   *
   * @example
   * ```ts
   * import { open } from "cryptodev";
   *
   * const device = open({ backend: "auto", statistics: true });
   * const sha = device.hash("sha256");
   * sha.digest(new Uint8Array(1000));
   * console.log(sha.statistics?.bytes); // 1000
   * device.close();
   * ```
   */
  get statistics(): Statistics | undefined {
    return this.#kernel.statistics?.snapshot();
  }

  /**
   * Asks the driver what serves the session (CIOCGSESSINFO).
   *
   * @returns the drivers, their alignmask, and whether they are hardware
   * @throws {ClosedError} if the session has ended
   * @throws {CryptodevError} if the kernel refuses
   * @example
   * ```ts
   * import { open } from "cryptodev";
   *
   * const device = open({ backend: "auto" });
   * const sha = device.hash("sha256");
   * console.log(sha.info().mac?.name); // sha256
   * device.close();
   * ```
   */
  info(): SessionInfo {
    this.#kernel.requireOpen();
    return this.#kernel.info();
  }

  /** Ends the session (CIOCFSESSION). Ending it again does nothing. */
  close(): void {
    abandoned.unregister(this.#kernel);
    this.#kernel.end("it was closed");
  }

  /** Calls {@link Session.close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }
}
