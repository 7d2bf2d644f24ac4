import { mkdirSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { Device } from "@cryptodev/core";
import { SoftwareHost } from "@cryptodev/soft";
import { describe, expect, test } from "vitest";
import { readModule, setVerbosity } from "../../packages/cli/dist/kernel_module.js";
import { remedyFor } from "../../packages/cli/dist/kernel_options.js";
import { moduleSource } from "../../packages/cli/dist/module_source.js";
import { runtimeName } from "../runtime.ts";
import { canServe, ServedDevice } from "../software.ts";
import { Folder } from "./folder.ts";

const folder = new Folder();

/** An algorithm in the output of `--json`. */
interface Listed {
  readonly name: string;
  readonly kind: string;
  readonly available: boolean;
  readonly hardware: boolean;
  readonly remedy?: string;
}

describe("cryptodev info", () => {
  test("lists the available algorithms in columns, without colours", () => {
    const { status, stdout, stderr } = folder.cryptodev(["info"]);
    const lines = stdout.toString().split("\n");
    expect([status, stderr]).toEqual([0, ""]);
    const [, version, runtime, kernel] = /^cryptodev (\S+) in (\S+) \S+, Linux (\S+) /.exec(lines[0] ?? "") ?? [];
    expect([version, runtime, kernel]).toEqual([expect.stringMatching(/^\d+\.\d+\.\d+$/), runtimeName, release()]);
    expect(lines).toContain("device: the software device in this process, in place of /dev/crypto");
    const columns = lines.map((line) => line.split(/ {2,}/));
    expect(columns).toContainEqual([
      "algorithm",
      "kind",
      "runs in",
      "driver",
      "key",
      "block",
      "iv",
      "result",
      "aligned to",
    ]);
    expect(columns).toContainEqual(["aes-cbc", "cipher", "software", "cbc(aes)-software", "16,24,32", "16", "16", "1"]);
    expect(columns).toContainEqual([
      "sha256",
      "hmac",
      "software",
      "hmac(sha256)-software",
      "0-512",
      "1",
      "0",
      "32",
      "1",
    ]);
    expect(stdout.includes("\u001b")).toBe(false);
  });

  test("prints the available algorithms as JSON with --json", () => {
    const { device, problem, capabilities } = JSON.parse(folder.cryptodev(["info", "--json"]).stdout.toString());
    expect([device, problem]).toEqual([{ path: "/dev/crypto", backend: "software", answeredBy: "process" }, null]);
    const gcm = (capabilities as Listed[]).find(({ name }) => name === "aes-gcm");
    expect(gcm).toMatchObject({ kind: "aead", available: true, hardware: false, nonceSize: { min: 12, max: 12 } });
  });

  test("reports why the device cannot be opened, and what to do", () => {
    const flags = ["--backend", "kernel", "--path", "/dev/no-crypto"];
    const { status, stdout, stderr } = folder.cryptodev(["info", ...flags]);
    expect(status).toBe(1);
    expect(stdout.toString()).toContain("\ndevice: none\n");
    expect(stderr).toBe("cryptodev: /dev/no-crypto: ENOENT, there is no such device\n");
    expect(stdout.toString()).toContain(moduleSource().text);
    const { device, problem, source } = JSON.parse(folder.cryptodev(["info", "--json", ...flags]).stdout.toString());
    expect([device, problem, source]).toEqual([null, expect.stringContaining("no such device"), moduleSource()]);
    expect(folder.cryptodev(["dgst", "sha1", ...flags])).toMatchObject({
      status: 1,
      stderr:
        "cryptodev: /dev/no-crypto: ENOENT, there is no such device; `cryptodev info` says how to get it, and `--backend software` works without it\n",
    });
  });

  test.each(["80", "60", "40"])("fits %s columns", (COLUMNS) => {
    const flags = ["info", "--require-hardware"];
    for (const args of [flags, [...flags, "--backend", "auto"], ["info"]]) {
      const { stdout } = folder.cryptodev(args, "", { COLUMNS });
      // Commands are printed whole, so that they can be copied.
      const lines = stdout
        .toString()
        .split("\n")
        .filter((line) => !line.startsWith("  "));
      expect(lines.filter((line) => line.length > Number(COLUMNS))).toEqual([]);
    }
    const { stdout } = folder.cryptodev(["info"], "", { COLUMNS });
    expect(stdout.toString()).toMatch(/^sha512 .* software/m);
    expect(stdout.toString().replaceAll("\n", " ")).toMatch(/A wider terminal also shows .*block, aligned to\./);
  });

  test("suggests a kernel option for a missing algorithm, unless this kernel no longer has the algorithm", () => {
    const device = Device.open(new SoftwareHost({ lacks: ["aes-cfb", "aes-ofb", "sha1"] }));
    const missing = device.capabilities().filter((capability) => !capability.available);
    const remedies = (kernel: string) => missing.map((capability) => remedyFor(capability, kernel));
    for (const kernel of ["6.8.0", "6.12.118+deb13-cloud-amd64", "7.3.4", "10.0"]) {
      expect(remedies(kernel)).toEqual([
        "cfb(aes): Linux 6.8 and newer no longer have it; use node:crypto",
        "ofb(aes): Linux 6.8 and newer no longer have it; use node:crypto",
        "sha1: needs CONFIG_CRYPTO_SHA1 in the kernel, built in or as modules",
      ]);
    }
    for (const kernel of ["6.7.12-rc1", "5.15.0-91-generic", "4.19"]) {
      expect(remedies(kernel)[0]).toBe(
        "cfb(aes): needs CONFIG_CRYPTO_CFB and CONFIG_CRYPTO_AES in the kernel, built in or as modules; Linux 6.8 and newer no longer have it",
      );
    }
    device.close();
  });

  test("does not suggest a kernel option with --require-hardware for an algorithm that software implements", () => {
    const { status, stdout } = folder.cryptodev(["info", "--require-hardware"]);
    expect(status).toBe(0);
    expect(stdout.toString()).toContain("cbc(aes): only software implements it here; omit --require-hardware");
    expect(stdout.toString()).not.toContain("CONFIG_");
  });

  test.skipIf(!canServe)(
    "reports algorithms that hardware implements, and how to get those that are missing",
    async () => {
      const flags = ["--driver", "engine", "--lacks", "aes-cfb", "--lacks", "hmac-sha224", "--alignmask", "15"];
      const server = await ServedDevice.start(join(folder.path, "crypto"), flags);
      try {
        const args = ["info", "--backend", "kernel", "--path", server.path];
        const text = folder.cryptodev(args).stdout.toString();
        const columns = text.split("\n").map((line) => line.split(/ {2,}/));
        expect(text).toContain(`\ndevice: ${server.path}, served by another process over `);
        expect(columns).toContainEqual([
          "aes-cbc",
          "cipher",
          "hardware",
          "cbc(aes)-engine",
          "16,24,32",
          "16",
          "16",
          "16",
        ]);
        expect(columns.at(-3)).toEqual([
          "aes-cfb (cipher)",
          expect.stringMatching(/^cfb\(aes\): .*Linux 6\.8 and newer no longer have it/),
        ]);
        expect(columns.at(-2)).toEqual([
          "sha224 (hmac)",
          "hmac(sha224): needs CONFIG_CRYPTO_HMAC and CONFIG_CRYPTO_SHA256 in the kernel, built in or as modules",
        ]);
        const { capabilities } = JSON.parse(folder.cryptodev([...args, "--json"]).stdout.toString());
        const missing = (capabilities as Listed[]).filter(({ available }) => !available);
        expect(missing.map(({ name }) => name)).toEqual(["aes-cfb", "sha224"]);
        expect(missing[0]?.remedy).toContain("Linux 6.8 and newer");
      } finally {
        await server.stop();
      }
    },
  );
});

describe("moduleSource()", () => {
  const build = [
    "git clone https://github.com/cryptodev-linux/cryptodev-linux",
    "sudo make -C cryptodev-linux install",
    "sudo modprobe cryptodev",
  ];
  const headers = "linux-headers-$(uname -r)";
  test.each([
    ["OpenWrt before 25.12", 'NAME="OpenWrt"\nID="openwrt"\n', ["opkg update && opkg install kmod-cryptodev"]],
    [
      "a distribution like OpenWrt",
      'ID=immortalwrt\nID_LIKE="lede openwrt"\n',
      ["opkg update && opkg install kmod-cryptodev"],
    ],
    ["Yocto", "ID=poky\nNAME=Poky\n", ['IMAGE_INSTALL:append = " cryptodev-module"']],
    ["Buildroot", "NAME=Buildroot\nID=buildroot\n", ["BR2_PACKAGE_CRYPTODEV_LINUX=y"]],
    ["Debian", 'NAME="Debian GNU/Linux"\nID=debian\n', [`sudo apt install git make gcc ${headers}`, ...build]],
    ["Raspberry Pi OS", "ID=raspbian\nID_LIKE=debian\n", [`sudo apt install git make gcc ${headers}`, ...build]],
    [
      "Rocky Linux",
      'ID="rocky"\nID_LIKE="rhel centos fedora"\n',
      ["sudo dnf install git make gcc kernel-devel-$(uname -r)", ...build],
    ],
    ["an unknown distribution", "ID=plan9\n", build],
    ["a system without os-release", undefined, build],
  ])("says how to get the module on %s", (_, text, steps) => {
    const root = new Folder();
    mkdirSync(join(root.path, "etc"));
    if (text !== undefined) root.write("etc/os-release", text);
    expect(moduleSource(root.path).steps).toEqual(steps);
  });

  test("uses apk if OpenWrt has it", () => {
    const root = new Folder();
    for (const name of ["etc", "usr/bin"]) mkdirSync(join(root.path, name), { recursive: true });
    root.write("etc/os-release", 'NAME="OpenWrt"\nID="openwrt"\n');
    root.write("usr/bin/apk", "");
    expect(moduleSource(root.path)).toEqual({
      text: "OpenWrt packages the kernel module:",
      steps: ["apk update && apk add kmod-cryptodev"],
    });
  });

  test("says that an installed module only has to be loaded, and that a container gets it from its host", () => {
    const root = new Folder();
    root.write(".dockerenv", "");
    expect(moduleSource(root.path)).toEqual({ text: expect.stringContaining("--device /dev/crypto"), steps: [] });
    const modules = join("lib/modules", release());
    mkdirSync(join(root.path, modules), { recursive: true });
    root.write(join(modules, "modules.dep"), "updates/cryptodev.ko.xz: kernel/crypto/algapi.ko.xz\n");
    expect(moduleSource(root.path).steps).toEqual(["sudo modprobe cryptodev"]);
  });
});

describe("the parameters of the kernel's module", () => {
  const root = folder.path;
  const parameter = "sys/module/cryptodev/parameters/cryptodev_verbosity";
  const sysctl = "proc/sys/ioctl/cryptodev_verbosity";
  const none = "the module cryptodev is not loaded: `modprobe cryptodev` loads it";

  test("do not exist if the module is not loaded", async () => {
    expect(await readModule(root)).toBeUndefined();
    await expect(setVerbosity(1, root)).rejects.toThrow(none);
    expect(folder.names).not.toContain("sys");
  });

  test("are read and set in /sys and in the sysctl", async () => {
    mkdirSync(join(root, "proc/sys/ioctl"), { recursive: true });
    folder.write(sysctl, "0\n");
    expect(await readModule(root)).toEqual({
      version: undefined,
      parameters: {},
      sysctls: { cryptodev_verbosity: "0" },
    });
    await setVerbosity(2, root);
    expect(folder.read(sysctl).toString()).toBe("2\n");

    mkdirSync(join(root, "sys/module/cryptodev/parameters"), { recursive: true });
    folder.write("sys/module/cryptodev/version", "1.14\n");
    folder.write(parameter, "0\n");
    await setVerbosity(1, root);
    expect(await readModule(root)).toEqual({
      version: "1.14",
      parameters: { cryptodev_verbosity: "1" },
      sysctls: { cryptodev_verbosity: "2" },
    });
  });

  test("accept only 0, 1 and 2 from cryptodev info --set-verbosity", () => {
    const { status, stderr } = folder.cryptodev(["info", "--set-verbosity", "3"]);
    expect([status, stderr]).toEqual([2, 'cryptodev: --set-verbosity: expected one of 0, 1, 2; got "3"\n']);
  });
});
