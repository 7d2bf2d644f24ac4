/*
 * Runs part of the tests on a real character device, which needs a kernel with CUSE: boots Debian's user-mode Linux, a kernel
 * that is an ordinary program and runs at the speed of the machine. `node vm/run.mjs`; prints which packages are missing, and
 * `REQUIRE_VM=1` makes that a failure.
 */
import { execFileSync, spawn } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const PACKAGES = "user-mode-linux busybox-static cpio";
/** A kernel that is still running after so many milliseconds is stopped. */
const PATIENCE = 20 * 60 * 1000;
/** The memory of the guest, which is a file in /dev/shm, in MiB. */
const MEMORY = 3072;
/** Where the package has a folder of kernel modules for its version. */
const VERSIONS = "/usr/lib/uml/modules";
/** The kernel modules for the device, and for changes to files that stay in memory. */
const MODULES = ["fuse/fuse", "fuse/cuse", "overlayfs/overlay"];

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

function pathOf(command) {
  try {
    return execFileSync("sh", ["-c", `command -v ${command}`], { encoding: "utf8" }).trim();
  } catch {
    return undefined;
  }
}

function hasMemory() {
  if (!existsSync("/dev/shm")) return false;
  const { bavail, bsize } = statfsSync("/dev/shm");
  return bavail * bsize >= MEMORY * 2 ** 20;
}

const [version] = existsSync(VERSIONS) ? readdirSync(VERSIONS) : [];
const missing = [
  ...["linux.uml", "busybox", "cpio", "taskset"].filter((command) => pathOf(command) === undefined),
  ...(version === undefined ? [`modules in ${VERSIONS}`] : []),
  ...(hasMemory() ? [] : [`${MEMORY} MiB in /dev/shm`]),
  ...(process.arch === "x64" ? [] : [`an x86-64 machine, this is ${process.arch}`]),
];
if (missing.length > 0) {
  console.log(`\n*** SKIPPED: the tests on a character device, because these are missing: ${missing.join(", ")}`);
  console.log(`*** On Debian: apt-get install ${PACKAGES}. REQUIRE_VM=1 makes this a failure.\n`);
  process.exit(process.env.REQUIRE_VM ? 1 : 0);
}

const work = mkdtempSync(join(tmpdir(), "cryptodev-vm-"));
process.on("exit", () => rmSync(work, { recursive: true, force: true }));

/** Builds the file system with which the kernel starts. @returns its path */
function makeInitramfs() {
  const tree = join(work, "tree");
  for (const folder of ["bin", "modules"]) mkdirSync(join(tree, folder), { recursive: true });
  copyFileSync(pathOf("busybox"), join(tree, "bin/busybox"));
  for (const name of MODULES) {
    copyFileSync(join(VERSIONS, version, `kernel/fs/${name}.ko`), join(tree, `modules/${basename(name)}.ko`));
  }
  const order = MODULES.map((name) => `${basename(name)}.ko\n`);
  writeFileSync(join(tree, "modules/order"), order.join(""));
  copyFileSync(here("init.sh"), join(tree, "init"));
  writeFileSync(join(tree, "guest.sh"), guestScript());
  const archive = join(work, "initramfs");
  execFileSync("sh", ["-c", `chmod 755 init && find . | cpio -o -H newc --quiet > '${archive}'`], { cwd: tree });
  return archive;
}

/** @returns the test files of a folder that reach the device in each way */
const onEveryDevice = (folder) =>
  readdirSync(here(`../${folder}`))
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => `${folder}/${name}`)
    .filter((path) => readFileSync(here(`../${path}`), "utf8").includes('from "../software.ts"'));

/** The guest runs the tests in this version of Node.js, and in Deno and Bun those of the device's own answers. */
function guestScript() {
  const test = here("..");
  const run = (runtimes, ...files) =>
    `RUNTIMES=${runtimes} node run.mjs -t 'character device' ${files.join(" ")} || status=1`;
  return `
export PATH=${join(process.execPath, "..")}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin HOME=/tmp
export REQUIRE_CUSE=1 WAYS=character TEST_PATIENCE=5 LANG=C.UTF-8 NO_COLOR=1 CI=true
cd '${test}'
status=0
${run("node", ...onEveryDevice("session"), ...onEveryDevice("soft"), "serve/character_device.test.ts")}
${run("deno,bun", "soft/transcripts", "serve/character_device")}
exit $status
`;
}

const args = [
  `mem=${MEMORY}M`,
  `initrd=${makeInitramfs()}`,
  `uml_dir=${work}`,
  "con=null",
  "con0=null,fd:1",
  "quiet",
  "panic=-1",
];
console.log(`=== Linux ${version} as a program, with CUSE ===`);
// On one processor, because its processes always wait for each other, and another processor takes long to wake. A group of
// its own, so that all of them can be stopped.
const [, processor = "0"] = /^Cpus_allowed_list:\s*(\d+)/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
const machine = spawn("taskset", ["--cpu-list", processor, "linux.uml", ...args], {
  stdio: ["ignore", "pipe", "inherit"],
  detached: true,
});
const stop = () => {
  try {
    process.kill(-machine.pid, "SIGKILL");
  } catch {
    // It has ended already.
  }
};
process.on("exit", stop);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => process.exit(1));
const late = setTimeout(() => {
  console.log("guest: stopped, because it took too long");
  stop();
}, PATIENCE);

let status = 1;
let [passed, failed] = [0, 0];
for await (const line of createInterface({ input: machine.stdout })) {
  console.log(line);
  const ended = /^guest: exit status (\d+)/.exec(line);
  if (ended !== null) status = Number(ended[1]);
  // The sum of each run has a line of its own.
  const sum = /^(\d+) passed, (\d+) failed(, \d+ skipped)?\s*$/.exec(line);
  if (sum !== null) {
    passed += Number(sum[1]);
    failed += Number(sum[2]);
  }
}
clearTimeout(late);
if (status === 0 && passed === 0) status = 1;
if (status !== 0 && failed === 0) failed = 1;
console.log(`\nOn a character device: ${passed} passed, ${failed} failed`);
process.exit(status);
