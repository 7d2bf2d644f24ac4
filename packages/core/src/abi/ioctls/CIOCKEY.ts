import type { Ioctl } from "../ioctl.ts";
import { crypt_kop } from "../structs/crypt_kop.ts";

/** Asymmetric operations: declared by the header, refused with EINVAL by the driver. */
export const CIOCKEY: Ioctl<typeof crypt_kop> = {
  name: "CIOCKEY",
  direction: "IOWR",
  type: "c",
  number: 105,
  argument: crypt_kop,
};
