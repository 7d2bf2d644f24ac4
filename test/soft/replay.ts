import {
  alg_info,
  CRIOGET,
  errnoName,
  type Ioctl,
  layout,
  O_RDWR,
  pollfd,
  requestNumber,
  type Struct,
} from "@cryptodev/core/abi";
import { type Argument, Call, type Host } from "@cryptodev/core/host";
import { fromHex, pattern, toHex } from "../bytes.ts";
import { ioctls } from "../ioctls.ts";
import type { Reached } from "../software.ts";
import type { Script, ScriptBytes, Step } from "./transcript.ts";

/** The result of a call, in the notation of a script. */
export interface Answer {
  readonly ret: number;
  readonly errno?: string;
  readonly out?: Readonly<Record<string, unknown>>;
}

/** What a step can specify for its argument; the README of the recording explains each. */
interface Input {
  readonly ses?: string | number;
  readonly cipher?: number;
  readonly mac?: number;
  readonly key?: ScriptBytes;
  readonly keylen?: number;
  readonly keyPtr?: number;
  readonly mackey?: ScriptBytes;
  readonly mackeylen?: number;
  readonly op?: number;
  readonly flags?: number;
  readonly src?: ScriptBytes | string;
  readonly srcPtr?: number;
  readonly len?: number;
  readonly room?: number;
  readonly misalign?: number;
  readonly dst?: number | string;
  readonly dstPtr?: number;
  readonly auth?: ScriptBytes;
  readonly authLen?: number;
  readonly authOff?: number;
  readonly srcOff?: number;
  readonly region?: ScriptBytes;
  readonly tag?: number | ScriptBytes;
  readonly tagLen?: number;
  readonly iv?: ScriptBytes;
  readonly ivPtr?: number;
}

type Output = () => Record<string, unknown>;

function bytesOf(bytes: ScriptBytes): Uint8Array<ArrayBuffer> {
  if (typeof bytes === "string") return fromHex(bytes);
  if ("count" in bytes) return pattern(bytes.count);
  const piece = fromHex(bytes.repeat);
  return Uint8Array.from({ length: bytes.len }, (_, index) => piece[index % piece.length] as number);
}

/** Sends the ioctls of one script through a host, and returns the results in the notation of the script. */
export class Replay {
  readonly #host: Host;
  readonly #descriptors = new Map<string, number>();
  readonly #sessions = new Map<string, number>();
  readonly #jobs: Output[] = [];

  constructor(host: Host, path = "/dev/crypto") {
    this.#host = host;
    const fd = host.open(path, O_RDWR);
    if (fd < 0) throw new Error(`open ${path}: ${errnoName(-fd)}`);
    this.#descriptors.set("main", fd);
  }

  /** Closes everything that is still open. */
  close(): void {
    for (const fd of this.#descriptors.values()) this.#host.close(fd);
  }

  send(step: Step): Answer {
    const fd = this.#descriptors.get(step.fd ?? "main") as number;
    const input = (step.in ?? {}) as Input;
    switch (step.ioctl) {
      case "close":
        this.#descriptors.delete(step.fd ?? "main");
        return { ret: this.#host.close(fd) };
      case "RAW": {
        const argument = new Call(this.#host, {
          ...CRIOGET,
          argument: { name: "zeros", fields: [["bytes", "char", 256]] },
        });
        return this.#answer(this.#host.ioctl(fd, step.req as number, argument));
      }
      case "NULLARG": {
        const of = ioctls[step.of as string] as Ioctl;
        return this.#answer(this.#host.ioctl(fd, requestNumber(of, this.#host.machine), null));
      }
    }
    const call = new Call(this.#host, ioctls[step.ioctl] as Ioctl<Struct>);
    const output = this.#fill(step, call, input);
    const result = this.#host.ioctl(fd, call.request, call);
    if (step.ioctl === "CIOCASYNCCRYPT" && result === 0) this.#jobs.push(output as Output);
    if (step.ioctl === "CIOCASYNCFETCH" && result === 0)
      return this.#answer(result, { ...this.#jobs.shift()?.(), ...this.#struct(call) });
    if (step.ioctl === "CIOCASYNCCRYPT") return this.#answer(result);
    if (result < 0 && !/CRYPT/.test(step.ioctl)) return this.#answer(result);
    if (result === 0) this.#remember(step, call);
    return this.#answer(result, output?.());
  }

  /** Whether poll(2) reports that these events are ready. */
  poll(events: number): number {
    const argument = new Call(this.#host, { ...CRIOGET, argument: pollfd });
    argument.setUint32(argument.offset.fd, this.#descriptors.get("main") as number);
    argument.setUint16(argument.offset.events, events);
    this.#host.poll(argument, 0);
    return argument.getUint16(argument.offset.revents);
  }

  #answer(result: number, out?: Record<string, unknown>): Answer {
    const answer = result < 0 ? { ret: -1, errno: errnoName(-result) } : { ret: result };
    return out === undefined || Object.keys(out).length === 0 ? answer : { ...answer, out };
  }

  #remember(step: Step, call: Argument): void {
    const at = call.offset as Record<string, number>;
    if (step.ioctl === "CIOCGSESSION") this.#sessions.set(step.as as string, call.getUint32(at.ses as number));
    if (step.ioctl === "CRIOGET") this.#descriptors.set(step.as as string, call.getUint32(at.value as number));
  }

  /** Resolves the script's name of a session; a number is used as it is. */
  #id(name: unknown): number {
    return typeof name === "number" ? name : (this.#sessions.get(name as string) ?? 0);
  }

  #struct(call: Argument): Record<string, unknown> {
    const at = call.offset as Record<string, number>;
    const tagLen = at.tag_len === undefined ? {} : { tagLen: call.getUint32(at.tag_len) };
    return { len: call.getUint32(at.len as number), flags: call.getUint16(at.flags as number), ...tagLen };
  }

  #fill(step: Step, call: Argument, input: Input): Output | undefined {
    const at = call.offset as Record<string, number>;
    const offset = (field: string) => at[field] as number;
    switch (step.ioctl) {
      case "CIOCGSESSION":
        return this.#fillSession(call, offset, input);
      case "CIOCFSESSION":
        call.setUint32(offset("value"), this.#id(input.ses));
        return undefined;
      case "CIOCCPHASH":
        call.setUint32(offset("dst_ses"), this.#id(input.dst));
        call.setUint32(offset("src_ses"), this.#id(input.src));
        return undefined;
      case "CIOCGSESSINFO": {
        call.setUint32(offset("ses"), this.#id(input.ses));
        const names = layout(alg_info, this.#host.machine);
        const pair = (start: number) => [
          call.getString(start + names.offset.cra_name, names.width.cra_name),
          call.getString(start + names.offset.cra_driver_name, names.width.cra_driver_name),
        ];
        return () => ({
          cipher: pair(offset("cipher_info")),
          hash: pair(offset("hash_info")),
          alignmask: call.getUint16(offset("alignmask")),
          flags: call.getUint32(offset("flags")),
        });
      }
      case "CRIOGET":
        return () => ({
          fdIsNew: ![...this.#descriptors.entries()].some(([name, fd]) => name !== step.as && fd === call.getUint32(0)),
        });
      case "CIOCASYMFEAT":
        return () => ({ features: call.getUint32(offset("value")) });
      case "CIOCCRYPT":
      case "CIOCASYNCCRYPT":
      case "CIOCAUTHCRYPT":
        return this.#fillOperation(call, offset, input);
    }
    return undefined;
  }

  #fillSession(call: Argument, offset: (field: string) => number, input: Input): undefined {
    const key = input.key === undefined ? undefined : bytesOf(input.key);
    const mackey = input.mackey === undefined ? undefined : bytesOf(input.mackey);
    call.setUint32(offset("cipher"), input.cipher ?? 0);
    call.setUint32(offset("mac"), input.mac ?? 0);
    call.setUint32(offset("keylen"), input.keylen ?? key?.length ?? 0);
    call.setUint32(offset("mackeylen"), input.mackeylen ?? mackey?.length ?? 0);
    call.point(offset("key"), key ?? null);
    call.point(offset("mackey"), mackey ?? null);
    if (input.keyPtr !== undefined) call.setAddress(offset("key"), input.keyPtr);
  }

  #fillOperation(call: Argument, offset: (field: string) => number, input: Input): Output {
    const seen: Record<string, Uint8Array> = {};
    call.setUint32(offset("ses"), this.#id(input.ses));
    call.setUint16(offset("op"), input.op ?? 0);
    call.setUint16(offset("flags"), input.flags ?? 0);

    if (input.region !== undefined) {
      const region = bytesOf(input.region);
      const data = region.subarray(input.srcOff, (input.srcOff as number) + (input.len as number));
      const auth = region.subarray(input.authOff);
      call.point(offset("auth_src"), auth);
      call.setUint32(offset("auth_len"), input.authLen ?? auth.length);
      call.point(offset("src"), data);
      call.point(offset("dst"), data);
      call.setUint32(offset("len"), data.length);
      seen.dst = region;
    } else {
      const source = input.src === undefined ? undefined : bytesOf(input.src);
      const memory = new Uint8Array((source?.length ?? 0) + (input.room ?? 0) + (input.misalign ?? 0)).subarray(
        input.misalign ?? 0,
      );
      memory.set(source ?? []);
      // A buffer without bytes still has an address in C.
      const src = memory.length > 0 ? memory : new Uint8Array(1);
      const whole = source === undefined ? undefined : src;
      const length = input.len ?? source?.length ?? 0;
      call.setUint32(offset("len"), length);
      call.point(offset("src"), whole ?? null);
      if (input.srcPtr !== undefined) call.setAddress(offset("src"), input.srcPtr);
      if (input.dst === "src") {
        call.point(offset("dst"), whole ?? null);
        seen.dst = memory;
      } else if (input.dst !== undefined) {
        seen.dst = new Uint8Array(input.dst as number);
        call.point(offset("dst"), seen.dst);
      }
      if (input.dstPtr !== undefined) call.setAddress(offset("dst"), input.dstPtr);
      if (input.auth !== undefined) {
        const auth = bytesOf(input.auth);
        call.point(offset("auth_src"), auth);
        call.setUint32(offset("auth_len"), auth.length);
      }
      if (input.authLen !== undefined) call.setUint32(offset("auth_len"), input.authLen);
    }
    if (input.mac !== undefined) {
      seen.mac = new Uint8Array(input.mac as number);
      call.point(offset("mac"), seen.mac);
    }
    if (input.tag !== undefined) {
      seen.tag = typeof input.tag === "number" ? new Uint8Array(input.tag) : bytesOf(input.tag);
      call.point(offset("tag"), seen.tag);
    }
    if (input.tagLen !== undefined) call.setUint32(offset("tag_len"), input.tagLen);
    if (input.ivPtr !== undefined) call.setAddress(offset("iv"), input.ivPtr);
    if (input.iv !== undefined) {
      seen.iv = bytesOf(input.iv);
      call.point(offset("iv"), seen.iv);
    }
    return () => ({
      ...Object.fromEntries(Object.entries(seen).map(([name, bytes]) => [name, toHex(bytes)])),
      ...this.#struct(call),
    });
  }
}

/** Calls `onStep` for each step of a script, with a function that sends it. */
export async function replay(
  { host, path }: Pick<Reached, "host" | "path">,
  script: Script,
  onStep: (step: Step, send: () => Answer) => Promise<void> | void,
): Promise<void> {
  const run = new Replay(host, path);
  try {
    for (const step of script.steps) await onStep(step, () => run.send(step));
  } finally {
    run.close();
  }
}
