import { CIOCASYNCCRYPT } from "../abi/ioctls.ts";
import type { crypt_op } from "../abi/structs.ts";
import type { Host } from "../host/host.ts";
import { Call } from "../memory/call.ts";

/** The data of one CIOCASYNCCRYPT, all in aligned memory of the library: the driver uses it while the program runs. */
export interface AsyncData {
  readonly op: number;
  readonly flags: number;
  readonly src: Uint8Array;
  readonly dst: Uint8Array | null;
  readonly mac: Uint8Array | null;
  readonly iv: Uint8Array | null;
}

/** Prepares an operation that the driver carries out asynchronously. The call keeps its memory alive. */
export function asyncCall(host: Host, ses: number, { op, flags, src, dst, mac, iv }: AsyncData): Call<typeof crypt_op> {
  const call = new Call(host, CIOCASYNCCRYPT);
  const at = call.offset;
  call.setUint32(at.ses, ses);
  call.setUint16(at.op, op);
  call.setUint16(at.flags, flags);
  call.setUint32(at.len, src.length);
  call.point(at.src, src);
  call.point(at.dst, dst);
  call.point(at.mac, mac);
  call.point(at.iv, iv);
  return call;
}
