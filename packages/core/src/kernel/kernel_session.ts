import { ciphers } from "../abi/ciphers.ts";
import { COP_FLAG_NO_ZC } from "../abi/constants.ts";
import { errnos } from "../abi/errno.ts";
import { CIOCGSESSINFO } from "../abi/ioctls.ts";
import type { crypt_auth_op, crypt_op } from "../abi/structs.ts";
import { allCiphers } from "../algorithms/catalogue.ts";
import { ClosedError, HardwareRequiredError } from "../errors.ts";
import { Call } from "../memory/call.ts";
import { StatisticsCounter } from "../statistics.ts";
import type { DeviceFile, SessionParameters } from "./device_file.ts";
import { type SessionInfo, sessionInfoOf } from "./session_info.ts";

/** The ciphers with keys that some drivers refuse: the weak ones of DES and 3DES, and equal halves for XTS. */
const withWeakKeys: readonly number[] = [ciphers.CRYPTO_DES_CBC, ciphers.CRYPTO_3DES_CBC, ciphers.CRYPTO_AES_XTS].map(
  ({ id }) => id,
);

/** Explains EINVAL at the start of a session. No kernel configuration restores what newer kernels removed. */
function startHint(label: string, kernelNames: string, cipher: number): string {
  const gone = allCiphers.find(({ id, removedIn }) => id === cipher && removedIn !== undefined);
  const orWeak = withWeakKeys.includes(cipher) ? ", or refuses the key as weak" : "";
  const why =
    gone === undefined
      ? `The kernel does not have ${kernelNames}${orWeak}: load its module, or see /proc/crypto`
      : `Linux ${gone.removedIn} and newer no longer have ${gone.kernelName}. With an older kernel, load the module of ${kernelNames}, or see /proc/crypto`;
  return `the device cannot start ${label}. ${why}`;
}

/**
 * The kernel's side of a session, and the way to it.
 *
 * It is separate from the session object for two reasons. It outlives that object, so a session that is dropped without
 * being closed can still be ended. And no program can reach it, so nothing can run between a check and its call.
 */
export class KernelSession {
  readonly id: number;
  readonly label: string;
  readonly file: DeviceFile;
  readonly statistics: StatisticsCounter | undefined;
  #release: () => void = () => {};
  #ended: string | undefined;

  private constructor(file: DeviceFile, id: number, label: string) {
    this.id = id;
    this.label = label;
    this.file = file;
    this.statistics = file.options.statistics ? new StatisticsCounter() : undefined;
    file.sessions.add(this);
  }

  /**
   * Starts a session (CIOCGSESSION).
   *
   * @param label - what the session is called in messages
   * @param kernelNames - the algorithms that the kernel needs for it, by the kernel's names
   * @throws {HardwareRequiredError} if only software implements it and the device requires hardware
   */
  static start(file: DeviceFile, label: string, kernelNames: string, parameters: SessionParameters): KernelSession {
    const id = file.start(parameters, startHint(label, kernelNames, parameters.cipher));
    const session = new KernelSession(file, id, label);
    if (file.options.hardware === "allow") return session;
    try {
      const { cipher, mac, hardware } = session.info();
      if (!hardware) throw new HardwareRequiredError(label, `${(cipher ?? mac)?.driver}`);
    } catch (error) {
      session.end("it could not be started");
      throw error;
    }
    return session;
  }

  /** Why the session ended; `undefined` while it is open. */
  get ended(): string | undefined {
    return this.#ended;
  }

  /** Registers a function to run when the session ends, for example to release buffers. */
  onEnd(release: () => void): void {
    this.#release = release;
  }

  /** Ends the kernel's session, once. `why` is part of the error that later uses throw. */
  end(why: string): void {
    if (this.#ended !== undefined) return;
    this.file.requireFree();
    this.#ended = why;
    this.file.sessions.delete(this);
    this.#release();
    this.file.finish(this.id);
  }

  /** Ends the session of an object that was collected. An error would not reach anybody. */
  abandon(): void {
    if (this.#ended !== undefined) return;
    this.end("it was dropped");
    this.file.warn(
      `a session of ${this.label} on ${this.file.path} was dropped without close(); the device held it until now`,
    );
  }

  /**
   * @throws {ClosedError} if the session has ended
   * @throws {BusyError} during another call of its device
   */
  requireOpen(): void {
    if (this.#ended !== undefined) throw new ClosedError(`${this.label} session: ${this.#ended}`);
    this.file.requireFree();
  }

  /** Sends an operation over `size` bytes of data. The caller has checked that the session is open. */
  operate(call: Call<typeof crypt_op> | Call<typeof crypt_auth_op>, size: number): void {
    this.file.send(call);
    this.statistics?.add(size, (call.getUint16(call.offset.flags) & COP_FLAG_NO_ZC) !== 0);
  }

  /** Asks what serves the session (CIOCGSESSINFO). The caller has checked that the session is open. */
  info(): SessionInfo {
    const { host } = this.file;
    const call = new Call(host, CIOCGSESSINFO);
    call.setUint32(call.offset.ses, this.id);
    // A positive result is the number of bytes that the kernel could not write.
    if (this.file.send(call) > 0) {
      throw this.file.refusal(errnos.EFAULT, CIOCGSESSINFO.name, "the answer could not be written");
    }
    return sessionInfoOf(call, host.machine);
  }
}
