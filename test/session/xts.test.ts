import { Device } from "@cryptodev/core";
import { COP_FLAG_NO_ZC, crypt_op } from "@cryptodev/core/abi";
import { type Argument, Call } from "@cryptodev/core/host";
import { SoftwareHost } from "@cryptodev/soft";
import { describe, expect, test } from "vitest";
import { pattern, toHex } from "../bytes.ts";
import { ways } from "../software.ts";

/*
 * A driver that copies data page by page restarts XTS's tweak at each page. It copies data that is not aligned, and
 * data for which it has no room.
 */

const [key, iv] = [pattern(64, 5), pattern(16, 9)];
const whole = (size: number): Uint8Array =>
  Device.open(new SoftwareHost()).cipher("aes-xts", key).encrypt(pattern(size), iv);

describe.each(ways)("on a driver that has an alignmask, $name,", ({ reach }) => {
  test.each([4096, 4112, 8192, 65536])(
    "Cipher.encrypt() of XTS returns the right result in unaligned memory: %i bytes",
    async (size) => {
      const { host, path } = await reach({ alignmask: 63 });
      const device = Device.open(host, { path, statistics: true });
      const xts = device.cipher("aes-xts", key);
      const withMac = device.cipherWithMac({ cipher: "aes-xts", key, mac: "sha1" });
      const expected = toHex(whole(size));
      for (const offset of [0, 1, 16]) {
        const source = pattern(size + offset).subarray(offset);
        source.set(pattern(size));
        const destination = new Uint8Array(size + offset).subarray(offset);
        expect(toHex(xts.encrypt(source, iv))).toBe(expected);
        for (let round = 0; round < 3; round += 1) {
          xts.encryptInto(source, destination, iv);
          expect(toHex(destination)).toBe(expected);
        }
        expect(toHex(withMac.encrypt(source, { iv }).ciphertext)).toBe(expected);
        expect(toHex(xts.decrypt(destination, iv))).toBe(toHex(pattern(size)));
        xts.encryptInto(source, source, iv);
        expect(toHex(source)).toBe(expected);
      }
      // Up to a page, copying does not change the result.
      if (size > 4096) expect(xts.statistics?.copied).toBe(0);
      device.close();
    },
  );
});

/** A driver that copies although the memory is aligned, as it does if the allocation of a scatterlist fails. */
class CopyingHost extends SoftwareHost {
  override ioctl(fd: number, request: number, argument: Argument | null): number {
    const result = super.ioctl(fd, request, argument);
    if (argument instanceof Call && argument.ioctl.argument === crypt_op) {
      const at = (argument as Call<typeof crypt_op>).offset.flags;
      argument.setUint16(at, argument.getUint16(at) | COP_FLAG_NO_ZC);
    }
    return result;
  }
}

test("Cipher.encrypt() of XTS over more than a page throws if the driver reports that it copied, and wipes the result", () => {
  const device = Device.open(new CopyingHost());
  const message =
    /^aes-xts: the driver copied 8192 bytes page by page, which makes XTS wrong from byte 4096 on; use sectors of at most 4096 bytes/;
  const xts = device.cipher("aes-xts", key);
  const destination = pattern(8192);
  const unsupported = expect.objectContaining({
    name: "UnsupportedError",
    code: "zero-copy",
    message: expect.stringMatching(message),
  });
  expect(() => xts.encryptInto(pattern(8192), destination, iv)).toThrow(unsupported);
  expect(destination.every((byte) => byte === 0)).toBe(true);
  expect(() => xts.encrypt(pattern(8192), iv)).toThrow(unsupported);
  expect(() => device.cipherWithMac({ cipher: "aes-xts", key, mac: "sha1" }).encrypt(pattern(8192), { iv })).toThrow(
    unsupported,
  );
  expect(toHex(xts.encrypt(pattern(4096), iv))).toBe(toHex(whole(4096)));
  expect(device.cipher("aes-ctr", pattern(16)).encrypt(pattern(8192), iv)).toHaveLength(8192);
  device.close();
});

test("Device.cipher() leaves XTS with two equal halves of the key to the device (IEEE 1619-2018, B.1)", () => {
  const device = Device.open(new SoftwareHost());
  const xts = device.cipher("aes-128-xts", new Uint8Array(32));
  const expected = "917cf69ebd68b2ec9b9fe9a3eadda692cd43d2f59598ed858c02c2652fbf922e";
  expect(toHex(xts.encrypt(new Uint8Array(32), new Uint8Array(16)))).toBe(expected);
  device.close();
});
