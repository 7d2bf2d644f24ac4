/*
 * Our side of the benchmarks, in each runtime: speaks the protocol of `programs/client.c`, and does the same work with
 * the library.
 */

import { Buffer } from "node:buffer";
import { spawnSync } from "node:child_process";
import { createCipheriv, createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { Worker } from "node:worker_threads";
import { type Cipher, Device } from "@cryptodev/core";
import { CIOCCRYPT, O_RDWR } from "@cryptodev/core/abi";
import { Call, type Host, libcHost } from "@cryptodev/core/host";
import { SoftwareHost } from "@cryptodev/soft";
import { openAsync } from "cryptodev";
import { cryptoOf } from "cryptodev/crypto";
import { subtleOf } from "cryptodev/webcrypto";
import { dialect } from "#libc";

const MOST = 2 ** 20;
/** `<asm-generic/ioctls.h>`. */
const FIONREAD = 0x541b;

const host = libcHost(dialect());
const pattern = (size: number, seed: number) => Uint8Array.from({ length: size }, (_, index) => index * 7 + seed);
const [source, destination, key, iv] = [pattern(MOST, 3), new Uint8Array(MOST), pattern(16, 5), pattern(16, 11)];

/**
 * Creates a host whose every ioctl is one that costs the kernel next to nothing, so that the rest of the time is ours.
 */
function onPipe(real: Host): Host {
  const folder = mkdtempSync(join(tmpdir(), "cryptodev-bench-"));
  const path = join(folder, "pipe");
  spawnSync("mkfifo", [path]);
  const fd = real.open(path, O_RDWR);
  rmSync(folder, { recursive: true });
  const { addressOf, close, poll, machine, ioctl } = real;
  return {
    backend: "kernel",
    machine,
    open: () => fd,
    close,
    poll,
    addressOf,
    ioctl: (descriptor, _request, argument) => ioctl(descriptor, FIONREAD, argument),
    warn: () => {},
  };
}

/** Views of each size, created once, as a program does. */
const views = new Map<number, readonly [Uint8Array, Uint8Array]>();
function viewsOf(size: number): readonly [Uint8Array, Uint8Array] {
  const known = views.get(size);
  if (known !== undefined) return known;
  const made = [source.subarray(0, size), destination.subarray(0, size)] as const;
  views.set(size, made);
  return made;
}

type Round = (size: number, count: number) => void | Promise<void>;

/*
 * Operations run in batches of this size, so counts have to be multiples of it: runtimes optimize a function that is
 * called again and again better than one long loop.
 */
const BATCH = 10;

function encrypting(device: Device): Round {
  const session = device.cipher("aes-128-cbc", key);
  const some = (from: Uint8Array, to: Uint8Array): void => {
    for (let index = 0; index < BATCH; index += 1) session.encryptInto(from, to, iv);
  };
  return (size, count) => {
    const [from, to] = viewsOf(size);
    for (let done = 0; done < count; done += BATCH) some(from, to);
  };
}

const path = process.argv[2];
const software = Device.open(new SoftwareHost());
const softGcm = software.aead("aes-128-gcm", key);
const softHash = software.hash("sha256");
const nonce = pattern(12, 1);
const sealed = new Uint8Array(MOST + 16);
const digest = new Uint8Array(32);
const pipeHost = onPipe(host);
const pipe = Device.open(pipeHost);
const pipeCipher = pipe.cipher("aes-128-cbc", key);
const device = path === undefined ? undefined : Device.open(host, { path });

/** What a call needs without the library: an open file, a struct, and memory that is copied through. */
const pipeFd = pipeHost.open("", O_RDWR);
const bareCall = new Call(pipeHost, CIOCCRYPT);
const [bareIv, bareData] = [new Uint8Array(new ArrayBuffer(16)), new Uint8Array(new ArrayBuffer(4096))];
const [bare16, bare1024] = [bareData.subarray(0, 16), bareData.subarray(0, 1024)];

const pipeGcm = pipe.aead("aes-128-gcm", key);
const pipeHash = pipe.hash("sha256");
const aad = pattern(13, 7);
/** Keeps results in use, so that no compiler removes their computation. */
let result: Uint8Array = digest;

/** Operations over views that are created for each one, as programs do for packets, rows and tokens. */
const freshly: Record<string, (size: number) => void> = {
  fresh: (size) => void pipeCipher.encryptInto(source.subarray(0, size), destination.subarray(0, size), iv),
  // The part of it that no library can save: two views, three copies, and the call.
  bare(size) {
    const [from, to] = [source.subarray(0, size), destination.subarray(0, size)];
    bareIv.set(iv);
    bareData.set(from);
    pipeHost.ioctl(pipeFd, bareCall.request, bareCall);
    to.set(size === 16 ? bare16 : bare1024);
  },
  seal(size) {
    const message = { nonce: nonce.subarray(0), aad: aad.subarray(0) };
    pipeGcm.sealInto(source.subarray(0, size), sealed.subarray(0, size + 16), message);
  },
  open(size) {
    const message = { nonce: nonce.subarray(0), aad: aad.subarray(0) };
    pipeGcm.openInto(source.subarray(0, size), sealed.subarray(0, size), message);
  },
  digest(size) {
    result = pipeHash.digest(source.subarray(0, size));
  },
  encrypt(size) {
    result = pipeCipher.encrypt(source.subarray(0, size), iv);
  },
  // The part of the previous case that is not our code.
  allocate(size) {
    result = new Uint8Array(size);
  },
  "allocate-digest"() {
    result = new Uint8Array(32);
  },
  // As the drop-in allocates its results.
  "allocate-buffer"(size) {
    result = Buffer.allocUnsafeSlow(size);
  },
};
/** Runs operations in batches, each in a loop of its own, which is compiled only for that operation. */
function inBatches(operate: (size: number) => void): Round {
  return new Function(
    "operate",
    "BATCH",
    "return (size, count) => { for (let done = 0; done < count; done += BATCH) for (let index = 0; index < BATCH; index += 1) operate(size); }",
  )(operate, BATCH) as Round;
}

function someNodeCbc(from: Uint8Array): void {
  for (let index = 0; index < BATCH; index += 1) {
    createCipheriv("aes-128-cbc", key, iv).setAutoPadding(false).update(from);
  }
}
function someGcm(from: Uint8Array, to: Uint8Array): void {
  for (let index = 0; index < BATCH; index += 1) softGcm.sealInto(from, to, { nonce });
}
function someNodeGcm(from: Uint8Array): void {
  for (let index = 0; index < BATCH; index += 1) {
    const cipher = createCipheriv("aes-128-gcm", key, nonce);
    cipher.update(from);
    cipher.final();
    cipher.getAuthTag();
  }
}
function someSha256(from: Uint8Array): void {
  for (let index = 0; index < BATCH; index += 1) softHash.digestInto(digest, from);
}
function someNodeSha256(from: Uint8Array): void {
  for (let index = 0; index < BATCH; index += 1) createHash("sha256").update(from).digest();
}

const rounds: Record<string, Round> = {
  call: encrypting(pipe),
  "soft-cbc": encrypting(software),
  "node-cbc"(size, count) {
    const [from] = viewsOf(size);
    for (let done = 0; done < count; done += BATCH) someNodeCbc(from);
  },
  "soft-gcm"(size, count) {
    const [from] = viewsOf(size);
    const to = sealed.subarray(0, size + 16);
    for (let done = 0; done < count; done += BATCH) someGcm(from, to);
  },
  "node-gcm"(size, count) {
    const [from] = viewsOf(size);
    for (let done = 0; done < count; done += BATCH) someNodeGcm(from);
  },
  "soft-sha256"(size, count) {
    const [from] = viewsOf(size);
    for (let done = 0; done < count; done += BATCH) someSha256(from);
  },
  "node-sha256"(size, count) {
    const [from] = viewsOf(size);
    for (let done = 0; done < count; done += BATCH) someNodeSha256(from);
  },
};
for (const [name, operate] of Object.entries(freshly)) rounds[`new-${name}`] = inBatches(operate);
/** Creates one cipher of the drop-in, and updates it again and again. */
const updating =
  (create: typeof createCipheriv): Round =>
  (size, count) => {
    const [from] = viewsOf(size);
    const cipher = create("aes-128-cbc", key, iv);
    for (let index = 0; index < count; index += 1) cipher.update(from);
    cipher.final();
  };
rounds["drop-in-node"] = updating(createCipheriv);
rounds["drop-in-pipe"] = updating(cryptoOf(pipe).createCipheriv);
rounds["drop-in-software"] = updating(cryptoOf(software).createCipheriv);
if (device !== undefined) {
  rounds["drop-in-served"] = updating(cryptoOf(device).createCipheriv);
  rounds.encrypt = encrypting(device);
  rounds.session = (_size, count) => {
    for (let index = 0; index < count; index += 1) device.cipher("aes-128-cbc", key).close();
  };
}

type Subtle = typeof crypto.subtle;

/** Encrypts one message after the other with WebCrypto. */
async function subtleRound(subtle: Subtle): Promise<Round> {
  const algorithm = { name: "AES-GCM", iv: nonce };
  const made = await subtle.importKey("raw", key, "AES-GCM", false, ["encrypt"]);
  return async (size, count) => {
    const [from] = viewsOf(size);
    for (let index = 0; index < count; index += 1) await subtle.encrypt(algorithm, made, from);
  };
}
const subtles: Record<string, () => Promise<Subtle>> = {
  "subtle-native": async () => crypto.subtle,
  "subtle-pipe": async () => subtleOf(pipe),
  "subtle-software": async () => subtleOf(software, { threads: await openAsync({ backend: "software" }) }),
};

const sessions: Cipher[] = [];
/** Uses so many sessions in turn. */
function inTurn(open: Device, many: number): Round {
  while (sessions.length < many) sessions.push(open.cipher("aes-128-cbc", key));
  return (size, count) => {
    const [from, to] = viewsOf(size);
    for (let index = 0; index < count; index += 1) sessions[index % many]?.encryptInto(from, to, iv);
  };
}

const threads: Worker[] = [];
/** Runs so many threads at once. @returns nanoseconds for one operation of any of them */
async function atOnce(many: number, size: number, count: number): Promise<number> {
  while (threads.length < many) {
    const thread = new Worker(new URL("./client_thread.js", import.meta.url), { workerData: { path, key } });
    threads.push(thread);
    await once(thread, "message");
  }
  const begin = performance.now();
  const working = threads.slice(0, many).map((thread) => {
    thread.postMessage({ size, count });
    return once(thread, "message");
  });
  await Promise.all(working);
  return ((performance.now() - begin) * 1e6) / (count * many);
}

console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  const [name = "", size = "0", count = "0"] = line.split(" ");
  if (name === "verify") {
    rounds.encrypt?.(Number(size), 1);
    let sum = 0;
    for (const byte of destination.subarray(0, Number(size))) sum = (sum * 31 + byte) % 1_000_000_007;
    console.log(sum);
  } else if (name === "heap") {
    // Measures what the runtime still holds after many operations.
    const { gc } = globalThis as { gc?: () => void };
    gc?.();
    const before = process.memoryUsage().heapUsed;
    for (const operation of ["call", "new-fresh", "new-seal"]) rounds[operation]?.(Number(size), Number(count));
    gc?.();
    if (result.length > MOST) throw new Error("no result is that long");
    console.log(process.memoryUsage().heapUsed - before);
  } else if (name.startsWith("threads-")) {
    console.log(await atOnce(Number(name.slice("threads-".length)), Number(size), Number(count)));
  } else {
    if (device !== undefined && name.startsWith("sessions-")) {
      rounds[name] ??= inTurn(device, Number(name.slice("sessions-".length)));
    }
    const subtle = subtles[name];
    if (subtle !== undefined) rounds[name] ??= await subtleRound(await subtle());
    const round = rounds[name];
    if (round === undefined) console.log("unknown");
    else {
      const begin = performance.now();
      await round(Number(size), Number(count));
      console.log((((performance.now() - begin) * 1e6) / Number(count)).toFixed(3));
    }
  }
}
process.exit(0);
