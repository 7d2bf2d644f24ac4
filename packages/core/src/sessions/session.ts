import { SIOP_FLAG_KERNEL_DRIVER_ONLY } from "../abi/constants.ts";
import { errnos } from "../abi/errno.ts";
import { CIOCGSESSINFO } from "../abi/ioctls/CIOCGSESSINFO.ts";
import { layout } from "../abi/struct.ts";
import { alg_info } from "../abi/structs/alg_info.ts";
import { Call } from "../call.ts";
import type { Descriptor, SessionParameters } from "../descriptor.ts";
import type { Device } from "../device.ts";
import type { Statistics } from "../statistics.ts";
import { Channel } from "./channel.ts";

/** An algorithm by the CryptoAPI's name, such as `cbc(aes)`, and the driver that does it, such as `cbc-aes-aesni`. */
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
  /** Data at addresses that are a multiple of `alignmask + 1` is processed without being copied first. */
  readonly alignmask: number;
  /** Whether the driver is hardware off the CPU, reached through the kernel alone. AES instructions do not count. */
  readonly hardware: boolean;
}

const dropped = new FinalizationRegistry<Channel>((channel) => channel.abandon());

/** A session's way to the kernel, for the kinds of sessions alone. */
export let channelOf: (session: Session) => Channel;

/**
 * One session of the device, from its start to {@link Session.close}: the part that all kinds share.
 *
 * A session belongs to the thread that opened its device. It holds on to the buffers of its last operation until the
 * next one, or until it is closed.
 */
export abstract class Session {
  /** The device that the session was started on. */
  readonly device: Device;
  readonly #channel: Channel;

  static {
    channelOf = (session) => session.#channel;
  }

  /** @internal */
  protected constructor(
    device: Device,
    descriptor: Descriptor,
    label: string,
    kernelNames: string,
    start: SessionParameters,
  ) {
    this.device = device;
    const id = descriptor.start(
      start,
      `the device cannot start ${label}. Either it has no ${kernelNames} (/proc/crypto lists what the kernel has; a module may need loading, or the kernel was built without it), or it refuses the key as weak`,
    );
    this.#channel = new Channel(descriptor, id, label);
    if (descriptor.options.hardware === "require") this.#requireHardware();
    dropped.register(this, this.#channel, this.#channel);
  }

  /** The kernel's number for the session, unique on its device. */
  get id(): number {
    return this.#channel.id;
  }

  /** Whether the session has ended, by {@link Session.close} or with its device. */
  get closed(): boolean {
    return this.#channel.ended !== undefined;
  }

  /**
   * What the session did so far; `undefined` unless the device was opened with `statistics`.
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
    return this.#channel.statistics;
  }

  /**
   * Asks what serves the session (CIOCGSESSINFO).
   *
   * @throws `ClosedError` after the session's end; `CryptodevError` where the kernel refuses
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
    const { descriptor } = this.#channel;
    const call = new Call(descriptor.host, CIOCGSESSINFO);
    const at = call.offset;
    call.setUint32(at.ses, this.#channel.id);
    // A positive answer is the count of bytes that the kernel could not write.
    if (this.#channel.send(call) > 0) {
      throw descriptor.refusal(errnos.EFAULT, CIOCGSESSINFO.name, "the answer could not be written");
    }
    const names = layout(alg_info, descriptor.host.machine);
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
    dropped.unregister(this.#channel);
    this.#channel.end("it was closed");
  }

  /** The same as {@link Session.close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #requireHardware(): void {
    const { cipher, mac, hardware } = this.info();
    if (hardware) return;
    const { label, descriptor } = this.#channel;
    const why = `${label} is done by ${(cipher ?? mac)?.driver}, which is no hardware, and hardware is required`;
    this.#channel.end(why);
    throw descriptor.refusal(errnos.ENODEV, CIOCGSESSINFO.name, why);
  }
}
