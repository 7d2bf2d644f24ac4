/*
 * The minimal file server, which returns 0 for every ioctl. A round trip to it costs what the transport costs, which
 * every server has to pay. For a CIOCCRYPT it copies iv and data here, and the data back: that is the cost of the
 * payload.
 */

import { writeFileSync } from "node:fs";
import process from "node:process";
import { CIOCCRYPT, crypt_op, errnos, iovec, layout, requestNumber } from "@cryptodev/core/abi";
import { Argument, bind, libcHost } from "@cryptodev/core/host";
import { dialect } from "#libc";

const path = process.argv[2] as string;
const host = libcHost(dialect());
const vmTransfer = {
  parameters: ["pid: int", "local: pointer", "locals: ulong", "remote: pointer", "remotes: ulong", "flags: ulong"],
  result: "ssize_t",
} as const;
const calls = bind(
  {
    read: { parameters: ["fd: int", "buf: pointer", "count: size_t"], result: "ssize_t" },
    write: { parameters: ["fd: int", "buf: pointer", "count: size_t"], result: "ssize_t" },
    mount: {
      parameters: ["source: string", "target: string", "type: string", "flags: ulong", "data: string"],
      result: "int",
    },
    process_vm_readv: vmTransfer,
    process_vm_writev: vmTransfer,
  },
  dialect(),
);
const buffer = (size: number) => new Argument(host, { name: "message", fields: [["bytes", "char", size]] });
const [request, reply] = [buffer(2 ** 16), buffer(256)];

writeFileSync(path, "");
const fd = host.open("/dev/fuse", 2);
const mounted = calls.mount("empty", path, "fuse.cryptodev-bench", 0, `fd=${fd},rootmode=100666,user_id=0,group_id=0`);
if (mounted < 0) throw new Error(`mount: ${-mounted}`);
process.stdout.write("ready\n");

const scratch = new Uint8Array(2 ** 20);
const local = new Argument(host, iovec);
const remote = new Argument(host, { name: "iovec", fields: [["pieces", "char", 2 * local.bytes.length]] });
const { iov_base, iov_len } = local.offset;
local.point(iov_base, scratch);

/** The offsets of an ioctl's struct, process id and request number in a FUSE request. */
const [STRUCT, PID, COMMAND] = [72, 32, 52];
const cioccrypt = requestNumber(CIOCCRYPT, host.machine);
const { src, dst, iv, len } = layout(crypt_op, host.machine).offset;
const [IV, SECOND] = [16, local.bytes.length];

function carry(): void {
  const size = request.getUint32(STRUCT + len);
  const pid = request.getUint32(PID);
  remote.setAddress(iov_base, request.getPointer(STRUCT + iv));
  remote.setAddress(iov_len, IV);
  remote.setAddress(SECOND + iov_base, request.getPointer(STRUCT + src));
  remote.setAddress(SECOND + iov_len, size);
  local.setAddress(iov_len, IV + size);
  calls.process_vm_readv(pid, local.address, 1, remote.address, 2, 0);
  remote.setAddress(iov_base, request.getPointer(STRUCT + dst));
  remote.setAddress(iov_len, size);
  local.setAddress(iov_len, size);
  calls.process_vm_writev(pid, local.address, 1, remote.address, 1, 0);
}

const [INIT, GETATTR, OPEN, FLUSH, RELEASE, IOCTL, DESTROY] = [26, 3, 14, 25, 18, 39, 38];
for (;;) {
  const length = calls.read(fd, request.address, request.bytes.length);
  if (length === -errnos.ENODEV) break;
  const opcode = request.getUint32(4);
  let size = 0;
  reply.bytes.fill(0, 0, 128);
  if (opcode === INIT) {
    size = 64;
    reply.setUint32(16, 7);
    reply.setUint32(20, 31);
    reply.setUint32(36, 4096);
  } else if (opcode === GETATTR) {
    size = 104;
    reply.setUint32(16 + 16 + 60, 0o100666);
  } else if (opcode === OPEN || opcode === IOCTL) {
    size = 16;
    if (opcode === IOCTL && request.getUint32(COMMAND) === cioccrypt) carry();
  } else if (opcode !== FLUSH && opcode !== RELEASE && opcode !== DESTROY) reply.setUint32(4, -errnos.ENOSYS);
  reply.setUint32(0, 16 + size);
  reply.setUint32(8, request.getUint32(8));
  reply.setUint32(12, request.getUint32(12));
  calls.write(fd, reply.address, 16 + size);
}
process.exit(0);
