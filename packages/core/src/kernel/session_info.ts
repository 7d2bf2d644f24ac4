import { SIOP_FLAG_KERNEL_DRIVER_ONLY } from "../abi/constants.ts";
import type { Machine } from "../abi/machine.ts";
import { layout } from "../abi/struct.ts";
import { alg_info, type session_info_op } from "../abi/structs.ts";
import type { Call } from "../memory/call.ts";

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

/** Reads what CIOCGSESSINFO returned. */
export function sessionInfoOf(call: Call<typeof session_info_op>, machine: Machine): SessionInfo {
  const at = call.offset;
  const names = layout(alg_info, machine);
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
