import { AuthenticationError, Device } from "@cryptodev/core";
import { CIOCCRYPT, CIOCGSESSION } from "@cryptodev/core/abi";
import { type SessionUsage, SoftwareHost } from "@cryptodev/soft";
import { describe, expect, test } from "vitest";
import { fromHex, pattern } from "../bytes.ts";

const key = fromHex("c0ffee00c0ffee11c0ffee22c0ffee33");
const iv = pattern(16);

function openLogged(options: ConstructorParameters<typeof SoftwareHost>[0] = {}) {
  const lines: string[] = [];
  const usages: SessionUsage[] = [];
  const host = new SoftwareHost({
    log: (line) => lines.push(line),
    onUsage: (usage) => usages.push(usage),
    ...options,
  });
  return { host, device: Device.open(host), lines, usages };
}

describe("SoftwareDevice with enableStats", () => {
  test("passes what a session did to onUsage when the session ends, and logs it at verbosity 2 as the original module did", () => {
    const { host, device, lines, usages } = openLogged({ enableStats: true, verbosity: 2 });
    const aes = device.cipherWithMac({ cipher: "aes-128-cbc", key, mac: "sha1" });
    const { ciphertext, mac } = aes.encrypt(pattern(64), { iv });
    aes.encrypt(pattern(16), { iv });
    aes.decrypt(ciphertext, { mac, iv });
    const { id } = aes;
    aes.close();
    expect(usages).toEqual([
      {
        ses: id,
        cipher: "aes-cbc",
        mac: "sha1",
        encrypted: 80,
        decrypted: 64,
        largest: 64,
        average: 48,
        operations: 3,
      },
    ]);
    expect(lines).toContain("cryptodev: Usage in Bytes: enc=80, dec=64, max=64, avg=48, cnt=3");

    host.device.verbosity = 1;
    device.hash("sha1").close();
    expect(usages[1]).toMatchObject({ cipher: undefined, mac: "sha1", average: 0, operations: 0 });
    expect(lines.filter((line) => line.includes("Usage"))).toHaveLength(1);

    host.device.enableStats = false;
    device.hash("sha1").close();
    expect(usages).toHaveLength(2);
    device.close();
  });

  test("reports sessions that end because their descriptor is closed", () => {
    const { host, device, usages } = openLogged({ enableStats: true });
    device.cipher("aes-ctr", key).encrypt(pattern(5), iv);
    device.close();
    expect(usages).toMatchObject([{ cipher: "aes-ctr", encrypted: 5, operations: 1 }]);
    expect(host.device.verbosity).toBe(0);
  });
});

describe("SoftwareDevice.verbosity", () => {
  const use = (device: Device) => {
    const aes = device.cipher("aes-cbc", key);
    aes.encrypt(pattern(16), iv);
    aes.close();
  };

  test("logs nothing at 0, refusals at 1, everything at 2, and can change while the device is in use", () => {
    const { host, device, lines } = openLogged();
    host.device.lacks.add("aes-ctr");
    expect(() => device.cipher("aes-ctr", key)).toThrow(
      expect.objectContaining({ code: "EINVAL", ioctl: "CIOCGSESSION" }),
    );
    use(device);
    expect(lines).toEqual([]);

    host.device.verbosity = 1;
    expect(() => device.cipher("aes-ctr", key)).toThrow();
    use(device);
    expect(lines.splice(0)).toEqual(["cryptodev: CIOCGSESSION: EINVAL, there is no cipher 21"]);

    host.device.verbosity = 2;
    use(device);
    expect(lines).toEqual(["CIOCGSESSION", "CIOCCRYPT", "CIOCFSESSION"].map((name) => `cryptodev: ${name}: done`));
    device.close();
  });

  test("logs neither keys nor data at 2", () => {
    const { device, lines } = openLogged({ verbosity: 2, enableStats: true });
    use(device);
    device.close();
    expect(lines.join("\n")).not.toMatch(/c0ffee|192|3,10,17/i);
  });
});

describe("SoftwareDevice", () => {
  test.each(["ENOMEM", "EINTR", "EBUSY"] as const)(
    "failNext() makes the next call fail with %s, but not the one after it",
    (code) => {
      const { host, device } = openLogged();
      const aes = device.cipher("aes-cbc", key);
      host.device.failNext(code);
      expect(() => aes.encrypt(pattern(16), iv)).toThrow(expect.objectContaining({ code, ioctl: CIOCCRYPT.name }));
      expect(aes.encrypt(pattern(16), iv)).toHaveLength(16);
      device.close();
    },
  );

  test("failNext() makes the next call fail to authenticate with EBADMSG, but not the one after it", () => {
    const { host, device } = openLogged();
    const aes = device.cipher("aes-cbc", key);
    host.device.failNext("EBADMSG");
    expect(() => aes.encrypt(pattern(16), iv)).toThrow(AuthenticationError);
    expect(aes.encrypt(pattern(16), iv)).toHaveLength(16);
    device.close();
  });

  test("failNext() waits for the call that it names", () => {
    const { host, device } = openLogged();
    host.device.failNext("ENOMEM", CIOCGSESSION.name);
    host.device.failNext("EACCES", "open");
    const attempt = () => device.hash("sha1");
    expect(attempt).toThrow(expect.objectContaining({ code: "ENOMEM", ioctl: CIOCGSESSION.name }));
    expect(attempt).not.toThrow();
    expect(() => Device.open(host)).toThrow(expect.objectContaining({ code: "EACCES", syscall: "open" }));
    device.close();
  });

  test("failNext() refuses an error that does not exist", () => {
    const { host } = openLogged();
    expect(() => host.device.failNext("EWHAT" as "EINVAL")).toThrow(RangeError);
  });

  test("lacks can change, so that a missing algorithm becomes available", () => {
    const { host, device } = openLogged({ lacks: ["hmac-sha1", "aes-cbc"] });
    expect(() => device.hmac("sha1", key)).toThrow(/The kernel does not have hmac\(sha1\)/);
    expect(device.hash("sha1").digestSize).toBe(20);
    host.device.lacks.delete("hmac-sha1");
    expect(device.hmac("sha1", key).digestSize).toBe(20);
    device.close();
  });
});
