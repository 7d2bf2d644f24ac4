import { chmodSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { runForJson, runProgram } from "../child.ts";
import { runtimeName } from "../runtime.ts";
import { temporaryFolder } from "../temporary_folder.ts";

const hasDevice = existsSync("/dev/crypto");

/** A program that opens a device and prints the outcome. */
const attempt = (options: string, before = "") => `
  import { open, runtime } from "cryptodev";
  ${before}
  try {
    const device = open(${options});
    const sha1 = device.hash("sha1").digest(new TextEncoder().encode("abc"));
    console.log(JSON.stringify({ runtime, backend: device.backend, path: device.path, first: sha1[0] }));
    device.close();
  } catch (error) {
    console.log(JSON.stringify({ name: error.name, code: error.code, message: error.message }));
  }
`;

interface Outcome {
  readonly runtime?: string;
  readonly backend?: string;
  readonly path?: string;
  readonly first?: number;
  readonly name?: string;
  readonly code?: string;
  readonly message?: string;
}

describe("open()", () => {
  test("uses the host of the runtime", () => {
    const { runtime, backend, first } = runForJson<Outcome>(attempt('{ backend: "auto" }'));
    expect(runtime).toMatch(new RegExp(`^${runtimeName} \\d+\\.`));
    expect(backend).toBe(hasDevice ? "kernel" : "software");
    expect(first).toBe(0xa9);
  });

  test.runIf(runtimeName === "Node.js")("loads koffi and the software device only on first use", () => {
    const loaded = runForJson<Record<string, boolean>>(`
      import { open } from "cryptodev";
      const isLoaded = () => ({
        koffi: process.report.getReport().sharedObjects.some((path) => path.includes("koffi")),
        crypto: process.moduleLoadList.includes("NativeModule internal/crypto/cipher"),
      });
      const before = isLoaded();
      try {
        open({ path: "/dev/no-crypto" });
      } catch {}
      const { koffi } = isLoaded();
      open({ backend: "software" }).close();
      console.log(JSON.stringify({ before: before.koffi || before.crypto, koffi, after: isLoaded().crypto }));
    `);
    const hasOwnFfi = builtinModules.includes("node:ffi");
    expect(loaded).toEqual({ before: false, koffi: !hasOwnFfi, after: true });
  });

  test("defaults to the kernel, and says what to do if there is no device", () => {
    const { name, code, message } = runForJson<Outcome>(attempt('{ path: "/dev/no-crypto" }'));
    expect(name).toBe("CryptodevError");
    expect(code).toBe("ENOENT");
    expect(message).toBe(
      "open /dev/no-crypto: ENOENT, there is no such device. Load the kernel module with `modprobe cryptodev`, or " +
        'use the software device: open({ backend: "software" }), or CRYPTODEV_BACKEND=software, in Deno with --allow-env',
    );
  });

  test('opens the software device at the given path for "software", and for "auto" if the kernel does not have a device', () => {
    for (const backend of ["software", "auto"]) {
      const outcome = runForJson<Outcome>(attempt(`{ backend: "${backend}", path: "/dev/no-crypto" }`));
      expect(outcome).toMatchObject({ backend: "software", path: "/dev/no-crypto", first: 0xa9 });
    }
  });

  test('throws for the backend "auto" if a device exists and fails', () => {
    const { code } = runForJson<Outcome>(attempt('{ backend: "auto", path: "/tmp" }'));
    expect(code).toBe("EISDIR");
  });

  test("uses the environment's backend if the program does not set one", () => {
    const env = { CRYPTODEV_BACKEND: "software" };
    expect(runForJson<Outcome>(attempt(""), { env }).backend).toBe("software");
    expect(runForJson<Outcome>(attempt('{ backend: "kernel", path: "/dev/no-crypto" }'), { env }).code).toBe("ENOENT");
    expect(runForJson<Outcome>(attempt('{ path: "/dev/no-crypto" }'), { env: { CRYPTODEV_BACKEND: "" } }).code).toBe(
      "ENOENT",
    );
  });

  test("refuses an option of the wrong type, and reads only own properties", () => {
    const wrong = [
      ["null", "options of open(): expected an object, got null"],
      ["5", "options of open(): expected an object, got 5"],
      ["{ backend: 5n }", 'backend: expected "kernel", "software" or "auto", got a bigint'],
      ["{ backend: null }", 'backend: expected "kernel", "software" or "auto", got null'],
      ["{ path: 5 }", "path: expected a string, got 5"],
      ["{ trace: {} }", "trace: expected a function, got an Object"],
    ];
    for (const [options, message] of wrong) {
      expect(runForJson<Outcome>(attempt(options as string))).toMatchObject({ name: "TypeError", message });
    }
    // Loading a device also reads such properties, so load it first.
    const pollute = `open({ backend: "software" }).close(); try { open({ path: "/dev/no-crypto" }); } catch {}
      Object.prototype.backend = "nonsense"; Object.prototype.trace = () => { throw new Error("traced"); };
      Object.prototype.CRYPTODEV_BACKEND = "nonsense"; Object.prototype.CRYPTODEV_TRACE = "/nowhere/trace";`;
    expect(runForJson<Outcome>(attempt('{ path: "/dev/no-crypto" }', pollute)).code).toBe("ENOENT");
    const outcome = runForJson<Outcome>(attempt("", `${pollute} Object.prototype.path = "/dev/other";`), {
      env: { CRYPTODEV_BACKEND: "software" },
    });
    expect(outcome).toMatchObject({ backend: "software", path: "/dev/crypto" });
  });

  test("refuses a CRYPTODEV_TRACE that cannot be written, before it opens a device", () => {
    const env = { CRYPTODEV_TRACE: "/nowhere/trace", CRYPTODEV_BACKEND: "software" };
    expect(runForJson<Outcome>(attempt(""), { env }).message).toBe(
      "CRYPTODEV_TRACE: cannot write to /nowhere/trace; set it to 1 for standard error",
    );
  });

  describe('with the backend "auto"', () => {
    const twice = (path: string, before = "") => `
      import { open } from "cryptodev";
      import process from "node:process";
      ${before}
      for (let turn = 0; turn < 2; turn += 1) {
        const device = open({ backend: "auto", path: "${path}" });
        console.log(device.backend);
        device.close();
      }
    `;
    const expectWarning = (ending: ReturnType<typeof runProgram>, path: string, reason: string): void => {
      expect(ending.stdout, ending.stderr).toBe("software\nsoftware\n");
      const warning = `CryptodevWarning: backend "auto" uses the software device, and not ${path}: ${reason}`;
      expect(ending.stderr.split(warning)).toHaveLength(2);
    };

    test("warns once of a device that this user may not open", () => {
      const folder = temporaryFolder("forbidden");
      const path = join(folder, "crypto");
      writeFileSync(path, "", { mode: 0o000 });
      // Root may open everything, so drop that first, after the software device is resolved.
      const become = "await import('@cryptodev/soft'); if (process.getuid() === 0) process.setuid(65534);";
      chmodSync(folder, 0o755);
      expectWarning(
        runProgram(twice(path, become)),
        path,
        `open ${path}: EACCES, this user is not permitted to open the device.`,
      );
    });

    test("does not warn if there is no device, or on another system", () => {
      const { stdout, stderr } = runProgram(twice("/dev/no-crypto"));
      expect([stdout, stderr]).toEqual(["software\nsoftware\n", ""]);
    });

    // Bun does not have permissions, and newer versions of Node.js call libc without koffi.
    const isForbidding = runtimeName !== "Bun" && !builtinModules.includes("node:ffi");
    test.runIf(isForbidding)("warns once of a device that this program is not permitted to call or to see", () => {
      const flag = process.allowedNodeEnvironmentFlags.has("--permission")
        ? "--permission"
        : "--experimental-permission";
      const forbid = (read: string) => ({
        permissions: ["--no-prompt", `--allow-read=${read}`],
        env: runtimeName === "Node.js" ? { NODE_OPTIONS: `${flag} --allow-fs-read=${read}` } : {},
      });
      const reason = {
        "Node.js": "Node.js is not permitted to load koffi",
        Deno: "Deno is not permitted to call libc",
        Bun: "",
      }[runtimeName];
      expectWarning(runProgram(twice("/dev/null"), forbid("/")), "/dev/null", reason);
      if (runtimeName === "Deno") {
        expectWarning(runProgram(twice("/dev/no-crypto"), forbid("/nowhere")), "/dev/no-crypto", reason);
      } else {
        expect(runProgram(twice("/dev/no-crypto"), forbid("/")).stderr).not.toContain("CryptodevWarning");
      }
    });

    test("returns a device even if the warning fails", () => {
      const folder = temporaryFolder("forbidden");
      const path = join(folder, "crypto");
      writeFileSync(path, "", { mode: 0o000 });
      chmodSync(folder, 0o755);
      const become = `
        await import('@cryptodev/soft');
        if (process.getuid() === 0) process.setuid(65534);
        globalThis.process.emitWarning = () => {
          open({ backend: "auto", path: "${path}" }).close();
          throw new Error("from the warning");
        };
      `;
      // The other user may not write a coverage file.
      const { stdout, stderr } = runProgram(twice(path, become), { env: { NODE_V8_COVERAGE: "" } });
      expect([stdout, stderr]).toEqual(["software\nsoftware\n", ""]);
    });
  });

  test("refuses an unknown backend, and lists the known ones", () => {
    const expected = 'expected "kernel", "software" or "auto", got "sofware"';
    expect(runForJson<Outcome>(attempt('{ backend: "sofware" }')).message).toBe(`backend: ${expected}`);
    const { message } = runForJson<Outcome>(attempt(""), { env: { CRYPTODEV_BACKEND: "sofware" } });
    expect(message).toBe(`CRYPTODEV_BACKEND: ${expected}`);
  });
});

describe("a session that is dropped without close()", () => {
  test("is reported on standard error, and nothing else is", () => {
    const { status, stderr } = runProgram(
      `
      import { open } from "cryptodev";
      import v8 from "node:v8";
      import vm from "node:vm";
      const device = open({ backend: "software" });
      (() => device.hash("sha1"))();
      const collect = globalThis.Bun ? () => Bun.gc(true) : (globalThis.gc ?? (v8.setFlagsFromString("--expose-gc"), vm.runInNewContext("gc")));
      for (let round = 0; round < 20; round += 1) {
        collect();
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      device.close();
    `,
      { env: { DENO_V8_FLAGS: "--expose-gc" } },
    );
    expect(status).toBe(0);
    expect(stderr).toMatch(/CryptodevWarning: a session of sha1 on \/dev\/crypto was dropped without close\(\)/);
    expect(stderr.match(/was dropped/g)).toHaveLength(1);
  });
});

describe("open() and the hosts", () => {
  test.each(["darwin", runtimeName === "Deno" ? "windows" : "win32"])(
    "throw UnsupportedError on %s, which is not Linux",
    (system) => {
      const pretend =
        runtimeName === "Deno"
          ? `Object.defineProperty(Deno, "build", { value: { ...Deno.build, os: "${system}" } });`
          : `import process from "node:process"; Object.defineProperty(process, "platform", { value: "${system}" });`;
      const { name, message } = runForJson<Outcome>(attempt("", pretend));
      expect(name).toBe("UnsupportedError");
      expect(message).toMatch(
        new RegExp(`^/dev/crypto exists only on Linux, and this is ${system}; .*software device`),
      );
      expect(runForJson<Outcome>(attempt('{ backend: "auto" }', pretend))).toMatchObject({
        backend: "software",
        first: 0xa9,
      });
    },
  );

  // Newer versions of Node.js have a second way to reach libc.
  test.skipIf(builtinModules.includes("node:ffi"))("throw UnsupportedError without libc", () => {
    const refuse = {
      "Node.js": 'createRequire(import.meta.url)("koffi").load',
      Deno: "Deno.dlopen",
      Bun: 'createRequire(import.meta.url)("bun:ffi").dlopen',
    }[runtimeName];
    const hide = `import { createRequire } from "node:module"; ${refuse} = () => { throw new Error("no libc here"); };`;
    const { name, message } = runForJson<Outcome>(attempt("", hide));
    expect(name).toBe("UnsupportedError");
    expect(message).toMatch(
      /^(koffi finds no libc in this process|libc was not found as libc\.so\.6, .*); .*software device/,
    );
    expect(runForJson<Outcome>(attempt('{ backend: "auto" }', hide))).toMatchObject({
      backend: "software",
      first: 0xa9,
    });
    // The warning does not advise what "auto" has just done.
    const { stderr } = runProgram(attempt('{ backend: "auto", path: "/dev/null" }', hide));
    expect(stderr).toMatch(/CryptodevWarning: .* and not \/dev\/null: (koffi finds no libc|libc was not found)/);
    expect(stderr).not.toContain("use the software device");
  });

  const others = ["node", "deno", "bun"].filter((name) => !runtimeName.toLowerCase().startsWith(name));
  test.each(others)("throw UnsupportedError outside the runtime of %s's host, unless koffi loads there", (other) => {
    // koffi also loads in Bun and Deno, so Node's host works there.
    const { name, message } = runForJson<Outcome>(`
      import { ${other}Host } from "@cryptodev/${other}";
      try {
        console.log(JSON.stringify({ name: ${other}Host().backend }));
      } catch (error) {
        console.log(JSON.stringify({ name: error.name, message: error.message }));
      }
    `);
    if (other === "node") expect(name).toBe("kernel");
    else
      expect([name, message]).toEqual([
        "UnsupportedError",
        expect.stringMatching(/needs (Deno|Bun), and this is another runtime/),
      ]);
  });

  if (runtimeName === "Node.js") {
    test.runIf("require_module" in process.features)("open the software device without require() of ES modules", () => {
      // Like Node.js before 20.19 and 22.12.
      const env = { NODE_OPTIONS: "--no-experimental-require-module" };
      for (const before of ["", 'import "cryptodev/crypto";']) {
        const outcome = runForJson<Outcome>(attempt('{ backend: "software" }', before), { env });
        expect(outcome).toMatchObject({ backend: "software", first: 0xa9 });
      }
    });

    test("throw UnsupportedError without koffi", () => {
      const folder = temporaryFolder("bare");
      const packages = fileURLToPath(new URL("../../packages/", import.meta.url));
      mkdirSync(join(folder, "node_modules/@cryptodev"), { recursive: true });
      // Links that are not followed: koffi is found from the workspace, but not from the folder of the links.
      for (const name of ["core", "node"])
        symlinkSync(join(packages, name), join(folder, "node_modules/@cryptodev", name));
      const { name, message } = runForJson<Outcome>(
        `
        import { nodeHost } from "@cryptodev/node";
        try {
          console.log(JSON.stringify({ name: nodeHost().backend }));
        } catch (error) {
          console.log(JSON.stringify({ name: error.name, message: error.message }));
        }
      `,
        { folder, env: { NODE_OPTIONS: "--preserve-symlinks --preserve-symlinks-main" } },
      );
      // Newer versions of Node.js do not need koffi.
      if (builtinModules.includes("node:ffi")) {
        expect(name).toBe("kernel");
        return;
      }
      expect(name).toBe("UnsupportedError");
      expect(message).toMatch(/^koffi, which reaches libc from Node\.js, was not found; install it/);
    });

    const permission = process.allowedNodeEnvironmentFlags.has("--permission")
      ? "--permission"
      : "--experimental-permission";
    const allow = (...flags: readonly string[]) => ({
      env: { NODE_OPTIONS: [permission, "--allow-fs-read=*", ...flags].join(" "), NODE_NO_WARNINGS: "1" },
    });

    test("throw UnsupportedError without permission to load koffi", () => {
      const { name, message } = runForJson<Outcome>(attempt(""), allow());
      expect(name).toBe("UnsupportedError");
      expect(message).toBe("Node.js is not permitted to load koffi, which reaches libc; run it with --allow-addons");
      expect(runForJson<Outcome>(attempt('{ backend: "auto" }'), allow())).toMatchObject({ backend: "software" });
      const { code } = runForJson<Outcome>(attempt('{ path: "/dev/no-crypto" }'), allow("--allow-addons"));
      expect(code).toBe("ENOENT");
    });
  }

  if (runtimeName === "Deno") {
    const libc = `/lib/${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux-gnu/libc.so.6`;

    // A Deno that Deno starts has all permissions unless it gets a permission flag.
    const nothing = ["--allow-env=NO_SUCH_VARIABLE"];

    test("throw UnsupportedError that names the flag, without permission to call libc", () => {
      const { name, message } = runForJson<Outcome>(attempt(""), { permissions: nothing });
      expect(name).toBe("UnsupportedError");
      expect(message).toBe(
        `Deno is not permitted to call libc; run it with --allow-ffi, or --allow-ffi=${libc} for libc only`,
      );
      expect(runForJson<Outcome>(attempt('{ backend: "auto" }'), { permissions: nothing })).toMatchObject({
        backend: "software",
      });
    });

    test("reach the kernel without any permission but the one for libc", () => {
      const { code } = runForJson<Outcome>(attempt('{ path: "/dev/no-crypto" }'), {
        permissions: [`--allow-ffi=${libc}`],
      });
      expect(code).toBe("ENOENT");
    });

    test("ignore CRYPTODEV_BACKEND without permission to read that variable", () => {
      const env = { CRYPTODEV_BACKEND: "software" };
      const withFfi = { env, permissions: ["--allow-ffi"] };
      expect(runForJson<Outcome>(attempt('{ path: "/dev/no-crypto" }'), withFfi).code).toBe("ENOENT");
      const withBoth = { env, permissions: ["--allow-ffi", "--allow-env=CRYPTODEV_BACKEND"] };
      expect(runForJson<Outcome>(attempt(""), withBoth).backend).toBe("software");
    });
  }
});
