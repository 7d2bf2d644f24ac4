import { SIOP_FLAG_KERNEL_DRIVER_ONLY } from "../abi/constants.ts";
import { errnos } from "../abi/errno.ts";
import { CIOCGSESSINFO } from "../abi/ioctls.ts";
import { layout } from "../abi/struct.ts";
import { alg_info } from "../abi/structs.ts";
import { allCiphers } from "../algorithms.ts";
import type { Device } from "../device.ts";
import type { DeviceFile, SessionParameters } from "../kernel/device_file.ts";
import { KernelSession } from "../kernel/kernel_session.ts";
import type { Statistics } from "../statistics.ts";

/** The CryptoAPI's name of an algorithm, and the driver that implements it. */
export interface AlgorithmInfo {
  /** The algorithm, such as `cbc(aes)`. */
  readonly name: string;
  /** The driver, such as `cbc-aes-aesni`. */
  readonly driver: string;
}

/** What serves a session. */
export interface SessionInfo {
  /** The cipher; `undefined` for a session without one. */
  readonly cipher: AlgorithmInfo | undefined;
  /** The hash or HMAC; `undefined` for a session without one, and for an AEAD. */
  readonly mac: AlgorithmInfo | undefined;
  /** Data at an address that is a multiple of `alignmask + 1` is not copied before it is processed. */
  readonly alignmask: number;
  /** Whether the driver is hardware outside the CPU that only the kernel can reach. AES instructions do not count. */
  readonly hardware: boolean;
}

/** Explains EINVAL at the start of a session. No kernel configuration restores what newer kernels removed. */
function startHint(label: string, kernelNames: string, cipher: number): string {
  const gone = allCiphers.find(({ id, removedIn }) => id === cipher && removedIn !== undefined);
  const list = "/proc/crypto lists what the kernel has";
  const why =
    gone === undefined
      ? `Either it has no ${kernelNames} (${list}; a module may need loading, or the kernel was built without it), or it refuses the key as weak`
      : `Linux ${gone.removedIn} and newer no longer have ${gone.kernelName}; an older kernel may need a module for ${kernelNames} (${list})`;
  return `the device cannot start ${label}. ${why}`;
}

const dropped = new FinalizationRegistry<KernelSession>((session) => session.abandon());

/** Returns the kernel's side of a session, for the session classes only. */
export let kernelSessionOf: (session: Session) => KernelSession;

/**
 * A session of the device, from its start to {@link Session.close}: the common base of all kinds.
 *
 * A session belongs to the thread that opened its device. It keeps the buffers of its last operation until the next
 * one, or until it is closed.
 */
export abstract class Session {
  /** The device that the session was started on. */
  readonly device: Device;
  readonly #kernel: KernelSession;

  static {
    kernelSessionOf = (session) => session.#kernel;
  }

  /** @internal */
  protected constructor(
    device: Device,
    file: DeviceFile,
    label: string,
    kernelNames: string,
    start: SessionParameters,
  ) {
    this.device = device;
    const id = file.start(start, startHint(label, kernelNames, start.cipher));
    this.#kernel = new KernelSession(file, id, label);
    if (file.options.hardware === "require") this.#requireHardware();
    dropped.register(this, this.#kernel, this.#kernel);
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
    const call = this.#kernel.info();
    const at = call.offset;
    const names = layout(alg_info, this.#kernel.file.host.machine);
    const algorithm = (start: number): AlgorithmInfo | undefined => {
      const name = call.getString(start + names.offset.cra_name, names.width.cra_name);
      const driver = call.getString(start + names.offset.cra_driver_name, names.width.cra_driver_name);
      return name === "" ? undefined : { name, driver };
    };
    return {
      cipher: algorithm(at.cipher_info),
      mac: algorithm(at.hash_info),
      alignmask: call.getUint16(at.alignmask),
      hardware: (call.getUint32(at.flags) & SIOP_FLAG_KERNEL_DRIVER_ONLY) !== 0,
    };
  }

  /** Ends the session (CIOCFSESSION). Ending it again does nothing. */
  close(): void {
    dropped.unregister(this.#kernel);
    this.#kernel.end("it was closed");
  }

  /** Calls {@link Session.close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #requireHardware(): void {
    const { cipher, mac, hardware } = this.info();
    if (hardware) return;
    const { label, file } = this.#kernel;
    const why = `${label} is served by ${(cipher ?? mac)?.driver}, which is software, but hardware: "require" was requested`;
    this.#kernel.end(why);
    throw file.refusal(errnos.ENODEV, CIOCGSESSINFO.name, why);
  }
}
