import { CRIOGET, errnoName, errnos, requestNumber } from "@cryptodev/core/abi";
import { Argument } from "@cryptodev/core/host";
import { ServeError } from "../serve_error.ts";
import type { ServerHost } from "../syscalls.ts";
import {
  BPF_JMP_JEQ_K,
  BPF_LD_W_ABS,
  BPF_RET_K,
  SECCOMP_FILTER_FLAG_NEW_LISTENER,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_USER_NOTIF,
  SECCOMP_SET_MODE_FILTER,
  seccomp_data,
  sock_fprog,
} from "../wire/seccomp.ts";
import type { DirectCalls } from "./direct_calls.ts";

/** An instruction: its code, how many to skip if a comparison holds and if it does not, and its operand. */
export type Instruction = readonly [code: number, skipIfEqual: number, skipIfNot: number, operand: number];

/**
 * Returns the filter that notifies of CRIOGET, called by 64-bit and 32-bit programs, and allows everything else. The
 * kernel finds out once that calls other than ioctl(2) are always allowed, and does not run the filter for them.
 */
export function instructionsFor(ioctls: DirectCalls["ioctls"], request: number): readonly Instruction[] {
  const byArchitecture = ioctls.flatMap(({ arch, nr }, index): Instruction[] => {
    const following = (ioctls.length - index - 1) * 4;
    return [
      [BPF_LD_W_ABS, 0, 0, seccomp_data.arch],
      [BPF_JMP_JEQ_K, 0, 2, arch],
      [BPF_LD_W_ABS, 0, 0, seccomp_data.nr],
      [BPF_JMP_JEQ_K, following + 1, following, nr],
    ];
  });
  return [
    ...byArchitecture,
    [BPF_RET_K, 0, 0, SECCOMP_RET_ALLOW],
    [BPF_LD_W_ABS, 0, 0, seccomp_data.request],
    [BPF_JMP_JEQ_K, 0, 1, request],
    [BPF_RET_K, 0, 0, SECCOMP_RET_USER_NOTIF],
    [BPF_RET_K, 0, 0, SECCOMP_RET_ALLOW],
  ];
}

/** Places a filter in memory, as seccomp(2) accepts it. */
function placed(host: ServerHost, instructions: readonly Instruction[]): Argument<typeof sock_fprog> {
  const memory = new Argument(host, { name: "sock_filter", fields: [["words", "u32", instructions.length * 2]] });
  for (const [index, [code, skipIfEqual, skipIfNot, operand]] of instructions.entries()) {
    // Two bytes, one, and one: all machines whose numbers we know are little-endian.
    memory.setUint32(index * 8, code | (skipIfEqual << 16) | (skipIfNot << 24));
    memory.setUint32(index * 8 + 4, operand);
  }
  const program = new Argument(host, sock_fprog);
  program.setUint16(program.offset.len, instructions.length);
  program.point(program.offset.filter, memory.bytes);
  return program;
}

/** Why the kernel does not install the filter, by error number. */
const reasons: Readonly<Record<number, string>> = {
  [errnos.EBUSY]: "a filter of another program already receives notifications of these programs",
  [errnos.EACCES]: "it requires CAP_SYS_ADMIN, in the namespace of the program",
  [errnos.EINVAL]: "it requires Linux 5.9 or newer",
  [errnos.ENOSYS]: "it requires Linux 5.9 or newer",
};

/**
 * Makes the kernel notify a listener of each CRIOGET of this thread, and of all threads and programs that it starts
 * from now on. The filter cannot be removed.
 *
 * @returns the descriptor of the listener
 * @throws {ServeError} if that is not possible here
 */
export function installFilter(host: ServerHost, calls: DirectCalls): number {
  // A filter stays even if nobody can answer, so the rest that this needs is looked for first.
  const missing = calls.pidfdGetfd(-1, 0);
  const program = placed(host, instructionsFor(calls.ioctls, requestNumber(CRIOGET, host.machine)));
  const flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_SPEC_ALLOW;
  const install = (more: number): number => calls.seccomp(SECCOMP_SET_MODE_FILTER, flags | more, program);
  let listener = missing === -errnos.EBADF ? install(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) : missing;
  if (listener === -errnos.EINVAL) listener = install(0);
  if (listener >= 0) return listener;
  throw new ServeError(
    `CRIOGET fails with EOPNOTSUPP: seccomp(2) cannot notify of it (${errnoName(-listener)}): ${reasons[-listener] ?? "see seccomp_unotify(2)"}`,
  );
}
