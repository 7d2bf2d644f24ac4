import { createHash } from "node:crypto";
import { CIOCASYMFEAT, CIOCCRYPT, CIOCGSESSION, CRIOGET, errnos, macs, POLLIN, POLLOUT } from "@cryptodev/core/abi";
import { Call } from "@cryptodev/core/host";
import { SoftwareDevice } from "@cryptodev/soft";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Connection } from "../../packages/serve/dist/connection.js";
import { Counters } from "../../packages/serve/dist/counters.js";
import { Event } from "../../packages/serve/dist/event.js";
import { type SharedHelper, states } from "../../packages/serve/dist/helpers/helper.js";
import { Helpers } from "../../packages/serve/dist/helpers/helpers.js";
import { Mailbox } from "../../packages/serve/dist/helpers/mailbox.js";
import { Progress } from "../../packages/serve/dist/progress.js";
import { fromText, toHex } from "../bytes.ts";
import {
  CUSE_INIT,
  FakeKernel,
  FUSE_GETATTR,
  FUSE_INIT,
  FUSE_INTERRUPT,
  FUSE_IOCTL,
  FUSE_OPEN,
  FUSE_POLL,
  FUSE_RELEASE,
  FUSE_SETATTR,
  FUSE_STATFS,
  type Reply,
} from "./fake_kernel.ts";

/* The server's side of the protocol, spoken with this process in the place of the kernel. */

const [FUSE_READ, FUSE_WRITE, FUSE_FSYNC, FUSE_FORGET, FUSE_BATCH_FORGET, FUSE_LOOKUP] = [15, 16, 20, 2, 42, 1];

let kernel: FakeKernel;
let connection: Connection;
let counters: Counters;
let events: string[];
/** What the connection shares with a helper, in whose place a test works. */
let helper: SharedHelper;
let done: Event;
let started: Event;
beforeEach(async () => {
  kernel = await FakeKernel.start();
  counters = new Counters();
  events = [];
  done = new Event(kernel.host);
  started = new Event(kernel.host);
  helper = {
    state: new Int32Array(new SharedArrayBuffer(4)),
    mailbox: new Mailbox().shared,
    progress: new Progress().shared,
    start: started.fd,
  };
  connection = new Connection({
    host: kernel.host,
    fd: kernel.fd,
    device: new SoftwareDevice(),
    files: 2,
    counters,
    progress: new Progress(),
    helpers: new Helpers({
      host: kernel.host,
      fd: kernel.fd,
      done: done.fd,
      shared: [helper],
      onMissing: () => events.push("help"),
    }),
    deviceName: "crypto7",
    onCrash: "refuse",
    cloner: () => 0,
    onCall: () => {},
    log: (line) => events.push(line),
    onReady: () => events.push("ready"),
  });
});
afterEach(() => {
  kernel.end();
  done.close();
  started.close();
});

/**
 * Serves until all steps are done. Each runs before the server reads a request: it receives the reply to the last
 * request, and sends the next one; if it returns `false`, it is run again. The server then closes all files.
 */
function serve(...steps: readonly (() => unknown)[]): boolean {
  const left = [...steps];
  return connection.serve(() => {
    if (left[0]?.() !== false) left.shift();
    return left.length === 0;
  });
}

/** Sends a request, and returns the reply. */
function request(opcode: number, size?: number, fill?: (body: DataView) => void): Reply {
  let [unique, reply] = [0n, undefined as Reply | undefined];
  serve(
    () => {
      unique = kernel.send(opcode, size, fill);
    },
    () => {
      reply = kernel.receive();
    },
  );
  expect(reply?.unique).toBe(unique);
  return reply as Reply;
}

/** Receives the number of a file that was opened. */
const opened = (): bigint => kernel.receive().body.getBigUint64(0, true);

/** Sends an ioctl of this process. */
function sendIoctl(file: bigint, call: Call): void {
  kernel.send(FUSE_IOCTL, 32 + call.bytes.length, (body) => {
    body.setBigUint64(0, file, true);
    body.setUint32(12, call.request, true);
    body.setBigUint64(16, BigInt(call.address), true);
    body.setUint32(24, call.bytes.length, true);
    body.setUint32(28, call.bytes.length, true);
    new Uint8Array(body.buffer, body.byteOffset + 32).set(call.bytes);
  });
}

/** Receives the result of an ioctl. */
function result(): number {
  const { error, body } = kernel.receive();
  expect(error).toBe(0);
  return body.getInt32(0, true);
}

type Step = () => void;

/**
 * The steps that open the device, start a session of SHA-1, and hash data.
 *
 * @param onOpen - receives the number of the file
 */
function hashing(
  data: Uint8Array,
  digest: Uint8Array,
  onOpen: (file: bigint) => void = () => {},
): readonly [open: Step, start: Step, hash: Step] {
  const [start, hash] = [new Call(kernel.host, CIOCGSESSION), new Call(kernel.host, CIOCCRYPT)];
  start.setUint32(start.offset.mac, macs.CRYPTO_SHA1.id);
  hash.setUint32(hash.offset.len, data.length);
  hash.point(hash.offset.src, data);
  hash.point(hash.offset.mac, digest);
  let file = 0n;
  return [
    () => kernel.send(FUSE_OPEN, 8),
    () => {
      file = opened();
      onOpen(file);
      sendIoctl(file, start);
    },
    () => {
      expect(result()).toBe(0);
      hash.setUint32(hash.offset.ses, start.getUint32(start.offset.ses));
      sendIoctl(file, hash);
    },
  ];
}

describe("Connection answers", () => {
  test.each([
    ["FUSE_READ with EINVAL, which the driver does not implement", FUSE_READ, -errnos.EINVAL],
    ["FUSE_WRITE with EINVAL, which the driver does not implement", FUSE_WRITE, -errnos.EINVAL],
    ["FUSE_FSYNC with EINVAL, which the driver does not implement", FUSE_FSYNC, -errnos.EINVAL],
    ["FUSE_LOOKUP with ENOSYS, as every request that it does not know", FUSE_LOOKUP, -errnos.ENOSYS],
    ["FUSE_IOCTL of a file that is not open with EBADF", FUSE_IOCTL, -errnos.EBADF],
    ["FUSE_POLL of a file that is not open with EBADF", FUSE_POLL, -errnos.EBADF],
    ["FUSE_RELEASE of a file that is not open with success", FUSE_RELEASE, 0],
  ])("%s", (_what, opcode, expected) => {
    const { error, body } = request(opcode, 64);
    expect([error, body.byteLength]).toEqual([expected, 0]);
  });

  test("FUSE_INIT with its version and limits, and reports that it is ready", () => {
    const { error, body } = request(FUSE_INIT, 16);
    expect([error, body.byteLength]).toEqual([0, 64]);
    expect([body.getUint32(0, true), body.getUint32(4, true), body.getUint32(20, true)]).toEqual([7, 31, 4096]);
    expect(events).toEqual(["ready"]);
  });

  test("CUSE_INIT with the name of the device", () => {
    const { error, body } = request(CUSE_INIT, 16);
    expect([error, body.getUint32(0, true), body.getUint32(4, true)]).toEqual([0, 7, 31]);
    expect(new TextDecoder().decode(new Uint8Array(body.buffer, body.byteOffset + 72))).toBe("DEVNAME=crypto7\0");
    expect(events).toEqual(["ready"]);
  });

  test("FUSE_GETATTR with a regular file that everybody may use", () => {
    const { error, body } = request(FUSE_GETATTR, 16);
    expect([error, body.byteLength, body.getUint32(16 + 60, true)]).toEqual([0, 104, 0o100666]);
  });

  test.each([
    ["with EPERM if the mode changes", 1, -errnos.EPERM],
    ["with EPERM if the owner changes", 2, -errnos.EPERM],
    ["with EINVAL for ftruncate(2)", 0x48, -errnos.EINVAL],
    ["with success for O_TRUNC", 8, 0],
  ])("FUSE_SETATTR %s", (_what, valid, error) => {
    expect(request(FUSE_SETATTR, 88, (body) => body.setUint32(0, valid, true)).error).toBe(error);
  });

  test("FUSE_STATFS with a file system without blocks", () => {
    const { error, body } = request(FUSE_STATFS);
    expect([error, body.byteLength, body.getBigUint64(0, true)]).toEqual([0, 80, 0n]);
    expect([body.getUint32(40, true), body.getUint32(44, true)]).toEqual([4096, 255]);
  });

  test("FUSE_OPEN with a number of its own for each file, which counts until FUSE_RELEASE", () => {
    let one = 0n;
    serve(
      () => kernel.send(FUSE_OPEN, 8),
      () => {
        one = opened();
        kernel.send(FUSE_OPEN, 8);
      },
      () => {
        expect(opened()).not.toBe(one);
        expect(counters.read().files).toBe(2);
        kernel.send(FUSE_RELEASE, 24, (body) => body.setBigUint64(0, one, true));
      },
      () => {
        expect(kernel.receive().error).toBe(0);
        expect(counters.read().files).toBe(1);
      },
    );
  });

  test("FUSE_OPEN with ENFILE if as many files are open as may be", () => {
    let one = 0n;
    serve(
      () => kernel.send(FUSE_OPEN, 8),
      () => {
        one = opened();
        kernel.send(FUSE_OPEN, 8);
      },
      () => {
        opened();
        kernel.send(FUSE_OPEN, 8);
      },
      () => {
        expect(kernel.receive().error).toBe(-errnos.ENFILE);
        kernel.send(FUSE_RELEASE, 24, (body) => body.setBigUint64(0, one, true));
      },
      () => {
        kernel.receive();
        kernel.send(FUSE_OPEN, 8);
      },
      () => expect(kernel.receive().error).toBe(0),
    );
  });

  test("FUSE_POLL with the events of the file", () => {
    serve(
      () => kernel.send(FUSE_OPEN, 8),
      () => {
        const file = opened();
        kernel.send(FUSE_POLL, 24, (body) => body.setBigUint64(0, file, true));
      },
      () => {
        const { error, body } = kernel.receive();
        expect([error, body.getUint32(0, true) & (POLLIN | POLLOUT)]).toEqual([0, POLLOUT]);
      },
    );
  });

  test("FUSE_IOCTL with the result, and accesses the memory to which the struct points", () => {
    const digest = new Uint8Array(new ArrayBuffer(20));
    const [open, start, hash] = hashing(fromText("abc"), digest);
    serve(
      open,
      start,
      () => {
        expect(counters.read()).toMatchObject({ calls: 1, sessions: 1 });
        hash();
      },
      () => {
        expect(result()).toBe(0);
        expect(toHex(digest)).toBe("a9993e364706816aba3e25717850c26c9cd0d89d");
        expect(counters.read()).toMatchObject({ calls: 2, refused: 0 });
      },
    );
  });

  test("FUSE_IOCTL with the error of a call that is refused", () => {
    serve(
      () => kernel.send(FUSE_OPEN, 8),
      () => sendIoctl(opened(), new Call(kernel.host, CIOCCRYPT)),
      () => expect(result()).toBe(-errnos.EINVAL),
    );
    expect(counters.read()).toMatchObject({ calls: 1, refused: 1 });
  });

  test("FUSE_IOCTL with EACCES if the caller is not visible from here", () => {
    serve(
      () => kernel.send(FUSE_OPEN, 8),
      () => {
        const file = opened();
        kernel.send(FUSE_IOCTL, 32, (body) => {
          body.setBigUint64(0, file, true);
          // The process id is at the end of the header, before this body.
          new DataView(body.buffer, body.byteOffset - 8).setUint32(0, 0, true);
        });
      },
      () => expect(result()).toBe(-errnos.EACCES),
    );
    expect(events.join()).toContain("the memory of thread 0 cannot be accessed");
    expect(counters.read()).toMatchObject({ calls: 1, refused: 1 });
  });
});

describe("Connection has the data of a long call processed by a helper", () => {
  const data = new Uint8Array(new ArrayBuffer(2 ** 18));
  const [given, digest] = [new Uint8Array(20).fill(7), new Uint8Array(new ArrayBuffer(20))];

  /** Whether the helper has something to do. */
  const isBusy = () => Atomics.load(helper.state, 0) === states.busy;

  /** Ends what the helper works on. */
  function finish(size: number): void {
    new Mailbox(helper.mailbox).put({ numbers: [size], pieces: [new Uint8Array(), given] });
    Atomics.store(helper.state, 0, states.done);
    done.raise();
  }

  test("and answers other requests meanwhile", () => {
    Atomics.store(helper.state, 0, states.free);
    serve(
      ...hashing(data, digest.fill(0)),
      () => isBusy() && kernel.send(FUSE_GETATTR, 16),
      () => {
        expect(kernel.receive().body.byteLength).toBe(104);
        const { numbers } = new Mailbox(helper.mailbox).take();
        expect(numbers.slice(3, 6)).toEqual([kernel.host.addressOf(data), 0, data.length].map(Number));
        finish(data.length);
      },
      () => {
        expect(result()).toBe(0);
        expect(digest).toEqual(given);
        expect(Atomics.load(helper.state, 0)).toBe(states.free);
      },
    );
  });

  test("and answers calls of the same file meanwhile that do not use a session", () => {
    Atomics.store(helper.state, 0, states.free);
    let file = 0n;
    serve(
      ...hashing(data, digest.fill(0), (number) => {
        file = number;
      }),
      () => isBusy() && sendIoctl(file, new Call(kernel.host, CRIOGET)),
      () => {
        // The thread that clones descriptors is not this one.
        expect(result()).toBe(-errnos.EOPNOTSUPP);
        sendIoctl(file, new Call(kernel.host, CIOCASYMFEAT));
      },
      () => {
        expect(result()).toBe(0);
        finish(data.length);
      },
      () => {
        expect(result()).toBe(0);
        expect(digest).toEqual(given);
      },
    );
  });

  test("and fails with EFAULT if the helper could not access all of a message", () => {
    Atomics.store(helper.state, 0, states.free);
    serve(
      ...hashing(data, digest.fill(0)),
      () => isBusy() && finish(data.length - 1),
      () => expect(result()).toBe(-errnos.EFAULT),
    );
  });

  test("or processes it itself, and asks for a helper, if there is none", () => {
    const steps = [...hashing(data, digest.fill(0))];
    connection.serve(() => {
      steps.shift()?.();
      return digest.some((byte) => byte !== 0);
    });
    expect(result()).toBe(0);
    expect(toHex(digest)).toBe(createHash("sha1").update(data).digest("hex"));
    expect(events).toEqual(["help"]);
  });
});

test.each([
  ["FUSE_FORGET", FUSE_FORGET],
  ["FUSE_BATCH_FORGET", FUSE_BATCH_FORGET],
  ["FUSE_INTERRUPT", FUSE_INTERRUPT],
])("Connection does not reply to %s", (_name, opcode) => {
  let next = 0n;
  const send = () => {
    next = kernel.send(FUSE_GETATTR, 16);
  };
  serve(
    () => kernel.send(opcode, 16),
    send,
    () => expect(kernel.receive().unique).toBe(next),
  );
});
