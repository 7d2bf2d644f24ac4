import { ciphers } from "./abi/ciphers.ts";
import {
  COP_FLAG_AEAD_SRTP_TYPE,
  COP_FLAG_AEAD_TLS_TYPE,
  COP_FLAG_FINAL,
  COP_FLAG_NO_ZC,
  COP_FLAG_RESET,
  COP_FLAG_UPDATE,
  COP_FLAG_WRITE_IV,
} from "./abi/constants.ts";
import { errnoName } from "./abi/errno.ts";
import { FIOCLEX } from "./abi/ioctls.ts";
import type { Machine } from "./abi/machine.ts";
import { macs } from "./abi/macs.ts";
import { layout, type Struct } from "./abi/struct.ts";
import type { Host } from "./host/host.ts";
import type { Argument } from "./memory/argument.ts";
import { byteLengthOf } from "./memory/bytes.ts";
import { Call } from "./memory/call.ts";

const flagNames: readonly (readonly [number, string])[] = [
  [COP_FLAG_UPDATE, "COP_FLAG_UPDATE"],
  [COP_FLAG_FINAL, "COP_FLAG_FINAL"],
  [COP_FLAG_WRITE_IV, "COP_FLAG_WRITE_IV"],
  [COP_FLAG_NO_ZC, "COP_FLAG_NO_ZC"],
  [COP_FLAG_AEAD_TLS_TYPE, "COP_FLAG_AEAD_TLS_TYPE"],
  [COP_FLAG_AEAD_SRTP_TYPE, "COP_FLAG_AEAD_SRTP_TYPE"],
  [COP_FLAG_RESET, "COP_FLAG_RESET"],
];

const algorithmNames = new Map<number, string>(
  [...Object.entries(ciphers), ...Object.entries(macs)].map(([name, { id }]) => [id, name]),
);

function flagsInWords(flags: number): string {
  const names = flagNames.filter(([bit]) => (flags & bit) !== 0).map(([, name]) => name);
  const rest = flagNames.reduce((left, [bit]) => left & ~bit, flags);
  return [...names, ...(rest === 0 && flags !== 0 ? [] : [rest === 0 ? "0" : `0x${rest.toString(16)}`])].join("|");
}

/** The meaning of a number in a struct. */
function numberInWords(struct: string, field: string, value: number): string {
  if (struct === "session_op" && (field === "cipher" || field === "mac"))
    return algorithmNames.get(value) ?? `${value}`;
  if (!struct.startsWith("crypt_")) return `${value}`;
  if (field === "op") return ["COP_ENCRYPT", "COP_DECRYPT"][value] ?? `${value}`;
  return field === "flags" ? flagsInWords(value) : `${value}`;
}

/** The members that say how many bytes the kernel uses at a pointer, which can be fewer than its target has. */
const lengthOf: Readonly<Record<string, string>> = {
  src: "len",
  dst: "len",
  auth_src: "auth_len",
  tag: "tag_len",
  key: "keylen",
  mackey: "mackeylen",
};

/**
 * Formats the members of a struct. For a pointer only the size of its target is shown: the bytes may be a key or
 * plaintext.
 */
function membersInWords(struct: Struct, machine: Machine, argument: Argument, start = 0): string[] {
  const { offset, width } = layout(struct, machine);
  return struct.fields.map(([field, type]) => {
    const at = start + (offset[field] as number);
    if (typeof type === "object") return `${field}={${membersInWords(type, machine, argument, at).join(", ")}}`;
    if (type === "char") return `${field}=${JSON.stringify(argument.getString(at, width[field] as number))}`;
    if (type === "pointer") {
      const target = argument.pointees[at / machine.pointerSize];
      const whole = target === null || target === undefined ? 0 : byteLengthOf(target);
      const length = offset[lengthOf[field] ?? ""];
      const size = length === undefined ? whole : Math.min(whole, argument.getUint32(start + length));
      return `${field}=${size === 0 ? "NULL" : `[${size} bytes]`}`;
    }
    const value = type === "u16" || type === "i16" ? argument.getUint16(at) : argument.getUint32(at);
    return `${field}=${numberInWords(struct.name, field, value)}`;
  });
}

/**
 * Wraps a host so that every system call is traced, as `strace(1)` does: the request, its decoded struct, and after an
 * arrow what the kernel changed. Keys and data are never shown, only their sizes.
 *
 * A device without tracing has no overhead.
 *
 * @param write - called with one line for each call, after it has returned. The device is still busy at that time: if
 * `write` uses it, it throws a `BusyError`. If `write` throws, the error is reported as a warning
 * @returns the wrapped host
 * @example
 * ```ts
 * import { Device } from "cryptodev";
 * import { traced } from "cryptodev/host";
 * import { SoftwareHost } from "cryptodev/soft";
 *
 * const device = Device.open(traced(new SoftwareHost(), (line) => console.log(line)));
 * device.close();
 * ```
 */
export function traced(host: Host, write: (line: string) => void): Host {
  const { machine } = host;
  // The call was already carried out, so its result must not depend on the callback.
  const log = (line: string): void => {
    try {
      write(line);
    } catch (error) {
      try {
        host.warn(`the trace of a device failed: ${error instanceof Error ? error.message : typeof error}`);
      } catch {}
    }
  };
  const outcome = (result: number): string => (result < 0 ? `-1 ${errnoName(-result)}` : `${result}`);
  const logged = (call: string, result: number): number => {
    log(`${call} = ${outcome(result)}`);
    return result;
  };
  const members = (argument: Argument | null): readonly string[] =>
    argument instanceof Call ? membersInWords(argument.ioctl.argument, machine, argument) : [];
  return {
    backend: host.backend,
    machine,
    open: (path, flags) => logged(`open(${JSON.stringify(path)}, 0x${flags.toString(16)})`, host.open(path, flags)),
    close: (fd) => logged(`close(${fd})`, host.close(fd)),
    ioctl(fd, request, argument) {
      const name =
        argument instanceof Call
          ? argument.ioctl.name
          : request === FIOCLEX[machine.requests]
            ? "FIOCLEX"
            : `0x${request.toString(16)}`;
      const before = members(argument);
      const result = host.ioctl(fd, request, argument);
      const changed = members(argument).filter((member, index) => member !== before[index]);
      const sent = before.length === 0 ? "" : `, {${before.join(", ")}}`;
      return logged(`ioctl(${fd}, ${name}${sent}${changed.length === 0 ? "" : ` => {${changed.join(", ")}}`})`, result);
    },
    poll: (pollfd, timeout) =>
      logged(`poll(${pollfd.getUint32(pollfd.offset.fd)}, ${timeout})`, host.poll(pollfd, timeout)),
    addressOf: (bytes, argument) => host.addressOf(bytes, argument),
    warn: (message) => host.warn(message),
  };
}
