import { readFileSync } from "node:fs";
import { CRIOGET, errnos } from "@cryptodev/core/abi";
import { Call } from "@cryptodev/core/host";
import { ProcessVm } from "../caller/process_vm.ts";
import type { ServerHost } from "../syscalls.ts";
import type { DirectCalls } from "./direct_calls.ts";
import type { Listener, NotifiedCall } from "./listener.ts";

/** A thread instead of a process (Linux 6.9). */
const PIDFD_THREAD = 0o200;

/** Returns the process of a thread; 0 if there is no such thread. */
function processOf(thread: number): number {
  try {
    return Number(/^Tgid:\s*(\d+)$/m.exec(readFileSync(`/proc/${thread}/status`, "latin1"))?.[1]);
  } catch {
    return 0;
  }
}

/**
 * Answers CRIOGET in other processes: takes the caller's descriptor, asks the device, and adds a second descriptor of
 * the same open file to the caller.
 *
 * The device is asked with the same ioctl. So it counts and logs the call, and can be made to fail, like any other.
 */
export class Cloner {
  readonly #host: ServerHost;
  readonly #calls: DirectCalls;
  readonly #listener: Listener;
  readonly #device: string;
  readonly #vm: ProcessVm;
  readonly #question: Call;
  readonly #value = new Uint8Array(new ArrayBuffer(4));

  /** @param device - the served device, as `deviceOf` identifies it; only its files are cloned */
  constructor(host: ServerHost, calls: DirectCalls, listener: Listener, device: string) {
    this.#host = host;
    this.#calls = calls;
    this.#listener = listener;
    this.#device = device;
    this.#vm = new ProcessVm(host);
    this.#question = new Call(host, CRIOGET);
  }

  /** Answers calls until the listener is to stop. */
  run(): void {
    for (let call = this.#listener.receive(); call !== undefined; call = this.#listener.receive()) this.#answer(call);
    this.#listener.close();
  }

  #answer(call: NotifiedCall): void {
    const taken = this.#take(call);
    try {
      // Until here, the number of a caller that was killed could have been reused.
      if (taken < 0 || !this.#listener.isWaiting() || this.#calls.deviceOf(taken) !== this.#device) {
        this.#listener.pass();
      } else this.#listener.send(this.#clone(taken, call));
    } finally {
      if (taken >= 0) this.#host.close(taken);
    }
  }

  /** @returns a descriptor of the caller's open file, or a negative error number */
  #take({ pid, fd }: NotifiedCall): number {
    let pidfd = this.#calls.pidfdOpen(pid, PIDFD_THREAD);
    // An older kernel knows only processes, whose threads almost always have the same descriptors.
    if (pidfd === -errnos.EINVAL) pidfd = this.#calls.pidfdOpen(processOf(pid), 0);
    if (pidfd < 0) return pidfd;
    const taken = this.#calls.pidfdGetfd(pidfd, fd);
    this.#host.close(pidfd);
    return taken;
  }

  /** @returns what `ioctl(2)` returns to the caller, or a negative error number */
  #clone(taken: number, { pid, argument }: NotifiedCall): number {
    const refusal = this.#host.ioctl(taken, this.#question.request, this.#question);
    if (refusal < 0) return refusal;
    this.#vm.pid = pid;
    // A descriptor that was added cannot be closed again, so find out before whether its number can be written.
    if (!this.#write(argument, -errnos.EMFILE)) return -errnos.EFAULT;
    const added = this.#listener.add(taken);
    if (added === -errnos.EMFILE) return 0;
    if (added < 0) return added;
    return this.#write(argument, added) ? 0 : -errnos.EFAULT;
  }

  /** @returns whether the caller's argument could be written */
  #write(argument: number, value: number): boolean {
    new DataView(this.#value.buffer).setInt32(0, value, true);
    try {
      return this.#vm.write(argument, this.#value);
    } catch {
      // The caller has been killed.
      return false;
    } finally {
      this.#vm.release();
    }
  }
}
