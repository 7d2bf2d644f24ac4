import process from "node:process";
import { errnos } from "@cryptodev/core/abi";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { operationOf } from "../../packages/serve/dist/wire/fuse.js";
import { Messages } from "../../packages/serve/dist/wire/messages.js";
import { FakeKernel, FUSE_OPEN } from "./fake_kernel.ts";

/* How messages of FUSE are received and sent, with this process in the place of the kernel. */

const pair = {
  name: "pair",
  fields: [
    ["small", "u32"],
    ["large", "u64"],
  ],
} as const;

let kernel: FakeKernel;
let messages: Messages;
beforeEach(async () => {
  kernel = await FakeKernel.start();
  messages = new Messages(kernel.host, kernel.fd);
});
afterEach(() => kernel.end());

test("operationOf() names the opcodes that the server knows", () => {
  expect([26, 39, 4096, 1, 0].map(operationOf)).toEqual(["FUSE_INIT", "FUSE_IOCTL", "CUSE_INIT", undefined, undefined]);
});

describe("Messages", () => {
  test("receive() returns the length of a request, whose header and body can then be read", () => {
    kernel.send(FUSE_OPEN, 16, (body) => {
      body.setUint32(0, 7, true);
      body.setBigUint64(8, 2n ** 40n, true);
    });
    expect(messages.receive()).toBe(56);
    expect([messages.operation, messages.pid]).toEqual(["FUSE_OPEN", process.pid]);
    const { at, end } = messages.requestBody(pair);
    expect([messages.request.getUint32(at.small), messages.request.getUint64(at.large), end]).toEqual([7, 2 ** 40, 56]);
  });

  test("operation is undefined for a request that the server does not know", () => {
    kernel.send(999);
    messages.receive();
    expect(messages.operation).toBeUndefined();
  });

  test("send() replies to the request that was received last, with an error or a body", () => {
    const unique = kernel.send(FUSE_OPEN);
    messages.receive();
    const { at, end } = messages.start(messages.replyBody(pair));
    messages.reply.setUint32(at.small, 7);
    messages.reply.setUint64(at.large, 2 ** 40);
    messages.send(0, end);
    const { body, ...header } = kernel.receive();
    expect(header).toEqual({ error: 0, unique });
    expect([body.getUint32(0, true), body.getBigUint64(8, true)]).toEqual([7, 2n ** 40n]);
    messages.send(-errnos.EPERM);
    const refusal = kernel.receive();
    expect([refusal.error, refusal.body.byteLength]).toEqual([-errnos.EPERM, 0]);
  });

  test("start() clears what an earlier reply left in the body", () => {
    const body = messages.replyBody(pair);
    messages.start(body);
    messages.reply.setUint64(body.at.large, 2 ** 40);
    messages.start(body);
    expect(messages.reply.getUint64(body.at.large)).toBe(0);
  });

  test("notify() sends a message that is not a reply", () => {
    kernel.send(FUSE_OPEN);
    messages.receive();
    messages.notify(1, messages.start(messages.replyBody(pair)).end);
    expect(kernel.receive()).toMatchObject({ error: 1, unique: 0n });
  });

  test("send() throws an error that names the request if the reply cannot be sent", () => {
    kernel.send(FUSE_OPEN);
    messages.receive();
    kernel.hangUp();
    expect(messages.receive()).toBe(-errnos.EBADF);
    expect(() => messages.send(0)).toThrow("replying to FUSE_OPEN: EBADF");
  });
});
