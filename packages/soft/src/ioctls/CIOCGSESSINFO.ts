import { alg_info, CIOCGSESSINFO, layout, SIOP_FLAG_KERNEL_DRIVER_ONLY, type session_info_op } from "@cryptodev/core";
import type { Handler } from "../handler.ts";

/** Reports which drivers serve a session, and leaves the unused half of the struct as it is. */
export const ciocgsessinfoHandler: Handler<typeof session_info_op> = {
  ioctl: CIOCGSESSINFO,
  answer(argument, { file, device }) {
    const at = argument.offset;
    const { cipher, aead, mac } = file.find(argument.getUint32(at.ses));
    const names = layout(alg_info, device.machine);
    const name = (start: number, kernelName: string | undefined): void => {
      if (kernelName === undefined) return;
      argument.setString(start + names.offset.cra_name, names.width.cra_name, kernelName);
      // Follows the kernel's pattern for driver names: the algorithm, then the implementation.
      const driver = `${kernelName}-${device.driver}`;
      argument.setString(start + names.offset.cra_driver_name, names.width.cra_driver_name, driver);
    };
    name(at.cipher_info, (cipher ?? aead)?.driver.algorithm.kernelName);
    name(at.hash_info, mac?.driver.algorithm.kernelName);
    argument.setUint16(at.alignmask, device.alignmask);
    argument.setUint32(at.flags, device.hardware ? SIOP_FLAG_KERNEL_DRIVER_ONLY : 0);
    // The driver does not treat a fault here as an error: it returns the number of bytes that it could not write.
    return argument.tryWriteBack() ? 0 : argument.bytes.length;
  },
};
