/*
 * The least that a file server can do: answers every ioctl with 0, and looks at nothing. What a round trip to it costs is
 * the price of the carrier, which no server of devices can do without.
 */
import { writeFileSync } from "node:fs";
import process from "node:process";
import { Argument, errnos, type LibcHost } from "@cryptodev/core";
import { libcHost } from "@cryptodev/serve";

const path = process.argv[2] as string;
const host: LibcHost = await libcHost();
const buffer = (size: number) => new Argument(host, { name: "message", fields: [["bytes", "char", size]] });
const [request, reply] = [buffer(2 ** 16), buffer(256)];

writeFileSync(path, "");
const fd = host.open("/dev/fuse", 2);
const mounted = host.mount("empty", path, "fuse.cryptodev-bench", 0, `fd=${fd},rootmode=100666,user_id=0,group_id=0`);
if (mounted < 0) throw new Error(`mount: ${-mounted}`);
process.stdout.write("ready\n");

const [INIT, GETATTR, OPEN, FLUSH, RELEASE, IOCTL, DESTROY] = [26, 3, 14, 25, 18, 39, 38];
for (;;) {
  const length = host.read(fd, request);
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
  } else if (opcode === OPEN || opcode === IOCTL) size = 16;
  else if (opcode !== FLUSH && opcode !== RELEASE && opcode !== DESTROY) reply.setUint32(4, -errnos.ENOSYS);
  reply.setUint32(0, 16 + size);
  reply.setUint32(8, request.getUint32(8));
  reply.setUint32(12, request.getUint32(12));
  host.write(fd, reply, 16 + size);
}
process.exit(0);
