/*
 * Runs part of the tests on a real character device: boots a Debian kernel with CUSE in a virtual machine. `node
 * vm/run.mjs`; prints which packages are missing, and `REQUIRE_VM=1` makes that a failure.
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
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const PACKAGES = "qemu-system-x86 linux-image-amd64 busybox-static cpio kmod";
/** A virtual machine that is still running after so many milliseconds is stopped. */
const PATIENCE = 35 * 60 * 1000;
/** Kernel modules for access to the host's files, and for the device. */
const MODULES = ["virtio_pci", "9pnet_virtio", "9p", "overlay", "fuse", "cuse"];

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
/** Sorts 6.1.0-9 before 6.1.0-56. */
const byNumber = (one, other) => one.localeCompare(other, "en", { numeric: true });
const versions = existsSync("/lib/modules") ? readdirSync("/lib/modules").sort(byNumber) : [];
const version = versions.findLast((name) => existsSync(`/boot/vmlinuz-${name}`));

function has(command) {
  try {
    execFileSync("sh", ["-c", `command -v ${command}`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

const missing = [
  ...["qemu-system-x86_64", "busybox", "cpio", "modprobe"].filter((command) => !has(command)),
  ...(version === undefined ? ["a kernel in /boot with its modules"] : []),
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
  const busybox = execFileSync("sh", ["-c", "command -v busybox"], { encoding: "utf8" }).trim();
  copyFileSync(busybox, join(tree, "bin/busybox"));
  const files = MODULES.flatMap((name) => {
    const depends = execFileSync("modprobe", ["-S", version, "--show-depends", name], { encoding: "utf8" });
    return [...depends.matchAll(/^insmod (\S+)/gm)].map(([, file]) => file);
  });
  const order = [...new Set(files)];
  for (const file of order) copyFileSync(file, join(tree, "modules", basename(file)));
  writeFileSync(join(tree, "modules/order"), order.map((file) => `${basename(file)}\n`).join(""));
  copyFileSync(here("init.sh"), join(tree, "init"));
  writeFileSync(join(tree, "guest.sh"), guestScript());
  const archive = join(work, "initramfs");
  execFileSync("sh", ["-c", `chmod 755 init && find . | cpio -o -H newc --quiet > '${archive}'`], { cwd: tree });
  return archive;
}

/** @returns the test files of a folder that reach the device in each way; loading the others would take minutes here */
const onEveryDevice = (folder) =>
  readdirSync(here(`../${folder}`))
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => `${folder}/${name}`)
    .filter((path) => readFileSync(here(`../${path}`), "utf8").includes('from "../software.ts"'));

/**
 * The guest runs the tests on a character device in this version of Node.js, and a part of them in the other runtimes,
 * which are slow in emulation. So are many small modules: where that is possible, the tests use npm's bundle.
 */
function guestScript() {
  const test = here("..");
  const run = (runtimes, ...files) =>
    `RUNTIMES=${runtimes} node run.mjs -t 'character device' ${files.join(" ")} || status=1`;
  const files = [...onEveryDevice("session"), ...onEveryDevice("soft"), "serve/character_device.test.ts"];
  // As needModules() of sources.ts finds them, which not every Node.js can import here.
  const needsModules = (path) => readFileSync(here(`../${path}`), "utf8").includes("/dist/");
  return `
export PATH=${join(process.execPath, "..")}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin HOME=/tmp
export REQUIRE_CUSE=1 WAYS=character TEST_PATIENCE=20 LANG=C.UTF-8 NO_COLOR=1 CI=true
cd '${test}'
status=0
${run("node", ...files.filter(needsModules))}
export BUNDLE=1
${run("node", ...files.filter((path) => !needsModules(path)))}
${run("deno,bun", "soft/transcripts", "serve/character_device")}
exit $status
`;
}

const args = [
  ...["--accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "4096", "-nographic", "-no-reboot"],
  ...["-kernel", `/boot/vmlinuz-${version}`, "-initrd", makeInitramfs()],
  // Without no_timer_check the kernel panics if the host is too busy to emulate its timer for a moment.
  ...["-append", "console=ttyS0 quiet panic=-1 oops=panic no_timer_check"],
  ...["-virtfs", "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap"],
];
console.log(`=== Linux ${version} under QEMU, with CUSE ===`);
const machine = spawn("qemu-system-x86_64", args, { stdio: ["ignore", "pipe", "inherit"] });
// The virtual machine ends with this process.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => machine.kill("SIGKILL"));
const late = setTimeout(() => {
  console.log("guest: stopped, because it took too long");
  machine.kill("SIGKILL");
}, PATIENCE);

let status = 1;
const total = { passed: 0, failed: 0 };
for await (const line of createInterface({ input: machine.stdout })) {
  console.log(line);
  const ended = /^guest: exit status (\d+)/.exec(line);
  if (ended !== null) status = Number(ended[1]);
  // The sum of each run has a line of its own.
  const sum = /^(\d+) passed, (\d+) failed(, \d+ skipped)?\s*$/.exec(line);
  if (sum !== null) {
    total.passed += Number(sum[1]);
    total.failed += Number(sum[2]);
  }
}
clearTimeout(late);
if (status === 0 && (total.passed === 0 || total.failed > 0)) status = 1;
if (status !== 0 && total.failed === 0) total.failed = 1;
console.log(`\nOn a character device: ${total.passed} passed, ${total.failed} failed`);
process.exit(status);
