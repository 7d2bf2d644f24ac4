import {
  CIOCAUTHCRYPT,
  CIOCCRYPT,
  CIOCGSESSION,
  crypt_auth_op,
  crypt_op,
  errnoName,
  type Ioctl,
  LP64,
  requestNumber,
  type Struct,
  session_op,
} from "@cryptodev/core/abi";
import { StructBytes } from "@cryptodev/core/host";
import { KernelCrashError, OpenFile, SoftwareDevice } from "@cryptodev/soft";
import { ARGUMENT, BASE, KEY, Pages } from "./pages.ts";

/** An offset in the caller's memory; `null` is NULL. */
export type Place = number | null;

/** A `crypt_op`; omitted members are 0 or NULL. */
export interface Crypt {
  readonly op?: number;
  readonly flags?: number;
  readonly len?: number;
  readonly src?: Place;
  readonly dst?: Place;
  readonly mac?: Place;
  readonly iv?: Place;
}

/** A `crypt_auth_op`. */
export interface Auth extends Omit<Crypt, "mac"> {
  readonly auth_len?: number;
  readonly auth_src?: Place;
  readonly tag?: Place;
  readonly tag_len?: number;
}

/** One kind of session. */
export interface Kind {
  readonly name: string;
  readonly cipher?: number;
  readonly keylen?: number;
  readonly mac?: number;
  readonly mackeylen?: number;
  /** The full size of the tag, to be requested explicitly. */
  readonly tagSize?: number;
}

/** One call and its result. */
export interface EnumeratedCall {
  /** The number of its case, starting at 1. Each case has a fresh file, session and memory. */
  readonly number: number;
  readonly description: string;
  /**
   * `crash`, or what was returned (`0` or the name of an error), the members of the struct that changed, and the hash
   * of the memory if that changed.
   */
  readonly outcome: string;
}

/** Sends the calls to its own device. */
export class EnumeratedCaller {
  /** The memory that the calls refer to. */
  readonly memory: Pages = new Pages();
  readonly #device = new SoftwareDevice();
  readonly #onCall: (call: EnumeratedCall) => void;
  #file: OpenFile | undefined;
  #number = 0;
  #kind = "";
  #session = 0;
  #hasCrashed = false;

  constructor(onCall: (call: EnumeratedCall) => void) {
    this.#onCall = onCall;
    // The size of the C library's key buffer, which is larger than any key.
    for (let index = 0; index < 600; index += 1) this.memory.bytes[KEY + index] = index * 3 + 1;
  }

  /** Starts a case. */
  start({ name, cipher = 0, keylen = 0, mac = 0, mackeylen = 0 }: Kind): void {
    this.#number += 1;
    this.#kind = name;
    this.#hasCrashed = false;
    if (this.#file !== undefined) this.#device.close(this.#file);
    this.#file = new OpenFile();
    this.memory.fill();
    const members = { cipher, mac, keylen, key: KEY, mackeylen, mackey: mackeylen === 0 ? null : KEY + 5 };
    const argument = this.#argument(session_op, members);
    if (this.#ioctl(CIOCGSESSION, argument) !== 0) throw new Error(`no session with ${name}`);
    this.#session = argument.getUint32(argument.offset.ses);
  }

  crypt(members: Crypt): string {
    return this.#call(CIOCCRYPT, this.#argument(crypt_op, members), members);
  }

  auth(members: Auth): { readonly returned: string; readonly len: number } {
    const argument = this.#argument(crypt_auth_op, members);
    return { returned: this.#call(CIOCAUTHCRYPT, argument, members), len: argument.getUint32(argument.offset.len) };
  }

  #argument<S extends Struct>(struct: S, members: object): StructBytes<S> {
    const argument = new StructBytes(struct, LP64);
    const at = argument.offset as Record<string, number>;
    for (const [name, type] of struct.fields) {
      const value = (members as Record<string, Place | undefined>)[name] ?? null;
      const offset = at[name] as number;
      if (type === "pointer") argument.setPointer(offset, value === null ? 0 : BASE + value);
      else if (type === "u16") argument.setUint16(offset, value ?? 0);
      else argument.setUint32(offset, name === "ses" ? this.#session : (value ?? 0));
    }
    return argument;
  }

  #ioctl(ioctl: Ioctl, argument: StructBytes): number {
    this.memory.bytes.set(argument.bytes, ARGUMENT);
    const caller = {
      file: this.#file as OpenFile,
      memory: this.memory,
      duplicate: () => 0,
      close: () => {},
    };
    const result = this.#device.ioctl(requestNumber(ioctl, LP64), BASE + ARGUMENT, caller);
    argument.bytes.set(this.memory.bytes.subarray(ARGUMENT, ARGUMENT + argument.bytes.length));
    return result;
  }

  /**
   * Sends a call, unless an earlier one of its case would have crashed the kernel.
   *
   * @returns what the driver would return
   */
  #call(ioctl: Ioctl, argument: StructBytes, members: object): string {
    if (this.#hasCrashed) return "crash";
    const [given, hash] = [membersOf(argument), this.memory.hash()];
    let returned: string;
    try {
      const result = this.#ioctl(ioctl, argument);
      returned = result < 0 ? String(errnoName(-result)) : String(result);
    } catch (error) {
      if (!(error instanceof KernelCrashError)) throw error;
      this.#hasCrashed = true;
      returned = "crash";
    }
    const answered = membersOf(argument).filter((member, index) => member !== given[index]);
    const written = this.memory.hash() === hash ? [] : [this.memory.hash()];
    this.#onCall({
      number: this.#number,
      description: `${this.#kind} ${ioctl.name} ${JSON.stringify(members)}`,
      outcome: [returned, ...answered, ...written].join(" "),
    });
    return returned;
  }
}

/** Describes the members that a driver can change. */
function membersOf(argument: StructBytes): string[] {
  const { len, flags, tag, tag_len } = argument.offset as Record<string, number>;
  return [
    `len=${argument.getUint32(len as number)}`,
    `flags=${argument.getUint16(flags as number)}`,
    ...(tag === undefined ? [] : [`tag=${argument.getPointer(tag) - BASE}`]),
    ...(tag_len === undefined ? [] : [`tag_len=${argument.getUint32(tag_len)}`]),
  ];
}
