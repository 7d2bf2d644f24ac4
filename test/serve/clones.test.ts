import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ILP32, LP64 } from "@cryptodev/core/abi";
import { describe, expect, test } from "vitest";
import { DirectCalls } from "../../packages/serve/dist/clones/direct_calls.js";
import { type Instruction, instructionsFor } from "../../packages/serve/dist/clones/filter.js";
import { serverHost } from "../../packages/serve/dist/syscalls.js";
import { can } from "../needs.ts";
import { canServe, command } from "../software.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { cc, compile } from "./compile.ts";

/* CRIOGET in programs that `cryptodev serve` starts, which a seccomp filter brings to the server. */

const CRIOGET = 0xc0046365;
const [NOTIFY, ALLOW] = [0x7fc00000, 0x7fff0000];

/** Runs a filter as the kernel does, for one call. */
function outcomeOf(filter: readonly Instruction[], { arch, nr, request }: Record<"arch" | "nr" | "request", number>) {
  const data: Readonly<Record<number, number>> = { 0: nr, 4: arch, 24: request };
  let accumulator: number | undefined;
  for (let at = 0; ; at += 1) {
    const [code, skipIfEqual, skipIfNot, operand] = filter[at] as Instruction;
    if (code === 0x20) accumulator = data[operand];
    else if (code === 0x15) at += accumulator === operand ? skipIfEqual : skipIfNot;
    else if (code === 0x06) return operand;
    else throw new Error(`no instruction has the code ${code}`);
  }
}

// The numbers of ioctl(2), another call and CRIOGET, written down independently of the server's tables.
describe.each([
  ["64-bit", "x64", 0xc000003e, 16, 39],
  ["32-bit", "x64", 0x40000003, 54, 20],
  ["64-bit", "arm64", 0xc00000b7, 29, 172],
  ["32-bit", "arm64", 0x40000028, 54, 20],
])("the filter of %s programs on %s", (_width, machine, arch, ioctl, getpid) => {
  const calls = DirectCalls.on({ ...serverHost(), machine: LP64 }, machine) as DirectCalls;
  const filter = instructionsFor(calls.ioctls, CRIOGET);

  test("notifies of CRIOGET, and of nothing else", () => {
    expect(outcomeOf(filter, { arch, nr: ioctl, request: CRIOGET })).toBe(NOTIFY);
    expect(outcomeOf(filter, { arch, nr: ioctl, request: CRIOGET + 1 })).toBe(ALLOW);
    expect(outcomeOf(filter, { arch, nr: getpid, request: CRIOGET })).toBe(ALLOW);
    expect(outcomeOf(filter, { arch: arch + 1, nr: ioctl, request: CRIOGET })).toBe(ALLOW);
  });
});

test("DirectCalls does not know the numbers of other machines", () => {
  expect(DirectCalls.on({ ...serverHost(), machine: ILP32 }, "arm")).toBeUndefined();
  expect(DirectCalls.on(serverHost(), "toString")).toBeUndefined();
});

const [file, ...first] = command;
/** Runs `cryptodev serve`, from another program if that is given. */
const serve = (args: readonly string[], from: readonly string[] = []) => {
  const [program = "", ...rest] = [...from, file, ...first, "serve", ...args];
  return spawnSync(program, rest, {
    encoding: "utf8",
    timeout: 50_000,
    env: { ...process.env, NO_COLOR: "1" },
  });
};

describe.runIf(canServe)("CRIOGET in a program that `cryptodev serve` starts", () => {
  const { clone } = compile("clone");
  const folder = temporaryFolder("clones");

  const success = { status: 0, stdout: "cloned yes\n", stderr: "" };

  test("adds a descriptor of the same open file to the program, its children and its threads", () => {
    expect(serve(["--", clone, "/dev/crypto"])).toMatchObject(success);
  });

  test("adds a descriptor to a program without a dynamic linker, and to one that a shell starts", () => {
    const linked = join(folder, "static");
    cc(fileURLToPath(new URL("programs/clone.c", import.meta.url)), linked, "-static");
    expect(serve(["--", "sh", "-c", `${linked} /dev/crypto; exit $?`])).toMatchObject(success);
  });

  test.runIf(can("X64"))("adds a descriptor to a 32-bit program", () => {
    const program = join(folder, "compat");
    cc(fileURLToPath(new URL("programs/compat.c", import.meta.url)), program);
    const { status, stderr } = serve(["--", program, "/dev/crypto", "with-clones"]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  });

  test("works for a user who is not root, whose programs can still gain privileges", () => {
    // This process's user, without privileges, by the name of another one.
    const unprivileged = ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--"];
    const script = `grep NoNewPrivs /proc/self/status; ${clone} /dev/crypto`;
    const expected = { ...success, stdout: "NoNewPrivs:\t0\ncloned yes\n" };
    expect(serve(["--", "sh", "-c", script], unprivileged)).toMatchObject(expected);
  });

  test("is counted and logged by the device, and can be made to fail", () => {
    const { status, stderr } = serve(["--verbosity", "2", "--fail", "ENOMEM@CRIOGET", "--", clone, "/dev/crypto"]);
    expect(stderr).toContain("cryptodev: CRIOGET: ENOMEM, as requested\n");
    expect(stderr).toMatch(/clone\.c:\d+: ioctl\(fd, CRIOGET, &clone\) == 0 \(errno 12/);
    expect(status).toBe(1);
    expect(serve(["--verbosity", "2", "--", clone, "/dev/crypto"]).stderr).toContain("cryptodev: CRIOGET: done\n");
  });

  test("fails with EOPNOTSUPP if another program already receives notifications, of which the command reports the reason once", () => {
    const inner = join(folder, "inner");
    const { status, stdout, stderr } = serve([
      "--",
      file,
      ...first,
      "serve",
      inner,
      "--",
      "sh",
      "-c",
      `${clone} /dev/crypto; ${clone} ${inner}`,
    ]);
    expect(stdout).toBe("cloned yes\n");
    expect(stderr).toMatch(
      /^cryptodev: CRIOGET fails with EOPNOTSUPP: seccomp\(2\) cannot notify of it \(EBUSY\): [^\n]+\n[^\n]+\(errno 95, [^\n]+\n$/,
    );
    expect(status).toBe(1);
  });
});
