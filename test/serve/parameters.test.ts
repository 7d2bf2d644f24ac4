import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { errnos } from "@cryptodev/core/abi";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ParameterFile } from "../../packages/serve/dist/parameters/parameter_file.js";
import { canServe, command } from "../software.ts";
import { compile } from "./compile.ts";
import { FakeKernel, FUSE_GETATTR, FUSE_INIT, FUSE_OPEN, FUSE_SETATTR } from "./fake_kernel.ts";

/* The parameters of the module, which a program of `cryptodev serve` can read and write. */

const [FUSE_LOOKUP, FUSE_READ, FUSE_WRITE] = [1, 15, 16];

describe("ParameterFile answers", () => {
  let kernel: FakeKernel;
  let value: Int32Array;
  let file: ParameterFile;
  beforeEach(async () => {
    kernel = await FakeKernel.start();
    value = new Int32Array(new SharedArrayBuffer(4));
    file = new ParameterFile(kernel.host, kernel.fd, 2, value);
  });
  afterEach(() => kernel.end());

  function request(opcode: number, size = 0, fill?: (body: DataView) => void) {
    kernel.send(opcode, size, fill);
    expect(file.answer()).toBe(true);
    return kernel.receive();
  }
  const read = (offset: number) => {
    const { error, body } = request(FUSE_READ, 40, (fields) => {
      fields.setBigUint64(8, BigInt(offset), true);
      fields.setUint32(16, 4096, true);
    });
    return [error, new TextDecoder().decode(new Uint8Array(body.buffer, body.byteOffset))];
  };
  const write = (text: string) =>
    request(FUSE_WRITE, 40 + text.length, (fields) => {
      fields.setUint32(16, text.length, true);
      new TextEncoder().encodeInto(text, new Uint8Array(fields.buffer, fields.byteOffset + 40));
    });

  test("FUSE_READ with the value and a line feed, and with nothing after that", () => {
    value[0] = 2;
    expect(read(0)).toEqual([0, "2\n"]);
    expect(read(1)).toEqual([0, "\n"]);
    expect(read(2)).toEqual([0, ""]);
  });

  test("FUSE_WRITE by setting the value, before it replies", () => {
    const { error, body } = write("1\n");
    expect([error, body.getUint32(0, true), value[0]]).toEqual([0, 2, 1]);
    expect(write(" 2 ").error).toBe(0);
    expect(value[0]).toBe(2);
  });

  test.each(["3", "-1", "", "x", "1 1", "0x1"])("FUSE_WRITE of %j with EINVAL", (text) => {
    value[0] = 1;
    expect(write(text).error).toBe(-errnos.EINVAL);
    expect(value[0]).toBe(1);
  });

  test("FUSE_GETATTR and FUSE_SETATTR with a file that only its owner may write", () => {
    for (const opcode of [FUSE_GETATTR, FUSE_SETATTR]) {
      const { error, body } = request(opcode, 88);
      expect([error, body.getUint32(16 + 60, true)]).toEqual([0, 0o100644]);
    }
  });

  test("FUSE_INIT and FUSE_OPEN, and what it does not know with ENOSYS", () => {
    expect(request(FUSE_INIT, 16).body.getUint32(0, true)).toBe(7);
    expect(request(FUSE_OPEN, 8).error).toBe(0);
    expect(request(FUSE_LOOKUP, 8).error).toBe(-errnos.ENOSYS);
  });
});

describe.runIf(canServe)("a program that `cryptodev serve` starts", () => {
  const { gcm } = compile("gcm");
  const module = "/sys/module/cryptodev";
  const [file, ...first] = command;
  const serve = (script: string, ...flags: string[]) =>
    spawnSync(file, [...first, "serve", ...flags, "--", "sh", "-c", script], {
      encoding: "utf8",
      timeout: 50_000,
      env: { ...process.env, NO_COLOR: "1" },
    });

  test("reads the parameters under all of their names", () => {
    const names = ["verbosity", "enable_stats", "parameters/verbosity", "parameters/enable_stats"];
    const script = `cd ${module} && cat ${names.join(" ")} parameters/cryptodev_verbosity`;
    expect(serve(script, "--verbosity", "1", "--stats")).toMatchObject({ status: 0, stdout: "1\n1\n1\n1\n1\n" });
    // Other modules are still visible, and this one is not outside.
    expect(serve("ls /sys/module").stdout).toMatch(/\bfuse\b/);
    expect(existsSync(module)).toBe(existsSync(`${module}/version`));
  });

  test("writes the verbosity, which changes what is logged at once", () => {
    const script = `cd ${module} || exit; ${gcm} /dev/crypto; echo 2 > parameters/cryptodev_verbosity; ${gcm} /dev/crypto; echo 0 > verbosity; ${gcm} /dev/crypto`;
    const { status, stderr } = serve(script);
    expect(status).toBe(0);
    expect(stderr.match(/CIOCGSESSION: done/g)).toHaveLength(1);
  });

  test("writes enable_stats, so that the end of a session is logged", () => {
    const script = `cd ${module} || exit; echo 2 > verbosity; echo 1 > enable_stats; ${gcm} /dev/crypto`;
    expect(serve(script).stderr).toMatch(/Usage in Bytes: enc=100, dec=116, max=116,/);
  });
});

describe.runIf(canServe)("`cryptodev serve --parameters` without a program", () => {
  const [file, ...first] = command;
  const { gcm } = compile("gcm");
  let folder: string;
  let children: ChildProcess[];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "cryptodev-parameters-"));
    children = [];
  });
  afterEach(async () => {
    for (const child of children) {
      const closed = once(child, "close");
      if (child.kill("SIGKILL")) await closed;
    }
    await isEmpty();
    rmdirSync(folder);
  });

  /** Starts a server, and waits until it is ready. */
  async function start(name: string, parameters: string) {
    const args = ["serve", join(folder, name), "--parameters", parameters];
    const child = spawn(file, [...first, ...args], { env: { ...process.env, NO_COLOR: "1" } });
    children.push(child);
    const read = { log: "" };
    child.stderr.setEncoding("utf8").on("data", (text) => {
      read.log += text;
    });
    await once(child.stdout, "data");
    return { child, read };
  }
  /** Waits until everything is gone from the folder. */
  async function isEmpty(): Promise<void> {
    while (readdirSync(folder).length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(folder);
  }

  test("serves the parameters in that folder, and removes it when it ends", async () => {
    // The kernel escapes spaces; a digit after one is not a part of that.
    const parameters = join(folder, "parameters of 1 %s device");
    const { child, read } = await start("crypto", parameters);
    expect(readFileSync(join(parameters, "parameters/cryptodev_verbosity"), "utf8")).toBe("0\n");
    expect(statSync(join(parameters, "verbosity")).mode & 0o777).toBe(0o644);
    writeFileSync(join(parameters, "verbosity"), "2");
    spawnSync(gcm, [join(folder, "crypto")]);
    writeFileSync(join(parameters, "verbosity"), "0");
    spawnSync(gcm, [join(folder, "crypto")]);
    expect(() => writeFileSync(join(parameters, "verbosity"), "3")).toThrow("EINVAL");
    const closed = once(child, "close");
    child.kill();
    await closed;
    expect(read.log.match(/CIOCGSESSION: done/g)).toHaveLength(1);
    await isEmpty();
  });

  test("continues to serve one parameter if another one is unmounted", async () => {
    const { child } = await start("crypto", join(folder, "one"));
    expect(spawnSync("umount", [join(folder, "one/parameters/verbosity")]).status).toBe(0);
    const { status, stdout } = spawnSync("cat", [join(folder, "one/enable_stats")], { timeout: 5000 });
    expect([status, String(stdout)]).toEqual([0, "0\n"]);
    const closed = once(child, "close");
    child.kill();
    await closed;
    await isEmpty();
  });

  test("removes it even if it is killed", async () => {
    const { child } = await start("crypto", join(folder, "one"));
    expect(existsSync(join(folder, "one/enable_stats"))).toBe(true);
    child.kill("SIGKILL");
    await isEmpty();
  });

  test("reports that it cannot, and serves the device", async () => {
    await start("crypto", join(folder, "one"));
    const { read } = await start("other", join(folder, "one"));
    expect(read.log).toBe(`cryptodev: parameters cannot be served in ${join(folder, "one")}: EEXIST\n`);
    expect(readFileSync(join(folder, "one/verbosity"), "utf8")).toBe("0\n");
    const { read: again } = await start("third", join(folder, "missing/one"));
    expect(again.log).toBe(`cryptodev: parameters cannot be served in ${join(folder, "missing/one")}: ENOENT\n`);
  });
});
