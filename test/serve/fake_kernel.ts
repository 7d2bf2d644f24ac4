import process from "node:process";
import { Argument, bind } from "@cryptodev/core/host";
import { type ServerHost, serverHost } from "../../packages/serve/dist/syscalls.js";
import { realDialect } from "../runtime.ts";

/* Offsets and sizes of <linux/fuse.h>, written down independently of the server's tables. */

const IN_HEADER = 40;
const OUT_HEADER = 16;

/** `socketpair(2)`: AF_UNIX with SOCK_SEQPACKET, which preserves the boundaries of messages as `/dev/fuse` does. */
const [AF_UNIX, SOCK_SEQPACKET] = [1, 5];

/** Opcodes of requests. */
export const [FUSE_GETATTR, FUSE_SETATTR, FUSE_OPEN, FUSE_STATFS, FUSE_RELEASE] = [3, 4, 14, 17, 18] as const;
export const [FUSE_INIT, FUSE_INTERRUPT, FUSE_IOCTL, FUSE_POLL, CUSE_INIT] = [26, 36, 39, 40, 4096] as const;

/** A reply, or a notification if `unique` is 0. */
export interface Reply {
  readonly error: number;
  readonly unique: bigint;
  readonly body: DataView;
}

/** The kernel's end of a connection: sends requests to a server in this process, and receives its replies. */
export class FakeKernel {
  readonly host: ServerHost;
  /** The server's end. */
  readonly fd: number;
  readonly #fd: number;
  readonly #message: Argument;
  #unique = 0n;

  private constructor(host: ServerHost, [mine, servers]: readonly [number, number]) {
    this.host = host;
    this.fd = servers;
    this.#fd = mine;
    this.#message = new Argument(host, { name: "message", fields: [["bytes", "char", 2 ** 13]] });
  }

  static async start(): Promise<FakeKernel> {
    const host = serverHost();
    const { socketpair } = bind(
      { socketpair: { parameters: ["domain: int", "type: int", "protocol: int", "sv: pointer"], result: "int" } },
      await realDialect(),
    );
    const pair = new Argument(host, {
      name: "pair",
      fields: [
        ["mine", "i32"],
        ["servers", "i32"],
      ],
    } as const);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair.address) < 0) throw new Error("socketpair failed");
    return new FakeKernel(host, [pair.getUint32(pair.offset.mine), pair.getUint32(pair.offset.servers)]);
  }

  /**
   * Sends a request of this process.
   *
   * @param fill - sets members of the body, given its bytes
   * @returns the number that identifies the request
   */
  send(opcode: number, size = 0, fill: (body: DataView) => void = () => {}): bigint {
    const { bytes, address } = this.#message;
    bytes.fill(0);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    this.#unique += 2n;
    view.setUint32(0, IN_HEADER + size, true);
    view.setUint32(4, opcode, true);
    view.setBigUint64(8, this.#unique, true);
    view.setUint32(32, process.pid, true);
    fill(new DataView(bytes.buffer, bytes.byteOffset + IN_HEADER));
    if (this.host.write(this.#fd, address, IN_HEADER + size) < 0) throw new Error("the request was not sent");
    return this.#unique;
  }

  /** Receives the next reply. */
  receive(): Reply {
    const { bytes, address } = this.#message;
    const length = this.host.read(this.#fd, address, bytes.length);
    const view = new DataView(bytes.slice(0, length).buffer);
    if (length !== view.getUint32(0, true)) throw new Error(`a reply of ${length} bytes has another length in it`);
    return {
      error: view.getInt32(4, true),
      unique: view.getBigUint64(8, true),
      body: new DataView(view.buffer, OUT_HEADER),
    };
  }

  /** Closes the server's end. */
  hangUp(): void {
    this.host.close(this.fd);
  }

  /** Closes both ends. */
  end(): void {
    this.host.close(this.#fd);
    this.host.close(this.fd);
  }
}
