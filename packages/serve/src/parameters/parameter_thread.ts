import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { errnoName, O_CLOEXEC, O_RDWR } from "@cryptodev/core/abi";
import { PollSet } from "../poll_set.ts";
import { ServeError } from "../serve_error.ts";
import { SideThread } from "../side_thread.ts";
import { MNT_DETACH, MS_NODEV, MS_NOEXEC, MS_NOSUID, type ServerHost, UMOUNT_NOFOLLOW } from "../syscalls.ts";
import { ParameterFile } from "./parameter_file.ts";
import { aliases, parameters } from "./parameters.ts";

/** The parameters of the thread. */
export interface ParameterTask {
  /** A descriptor that becomes readable when the thread is to end. */
  readonly wake: number;
  /** The descriptor of `/dev/fuse` of each parameter. */
  readonly fds: readonly number[];
  /** The values, in the same order. */
  readonly values: Int32Array;
}

/** Answers the requests of all parameters. This is the thread. */
export function answerParameters(host: ServerHost, { wake, fds, values }: ParameterTask): void {
  const files = parameters.map(
    ({ most }, index) => new ParameterFile(host, fds[index] as number, most, values.subarray(index, index + 1)),
  );
  const set = new PollSet(host, [wake, ...fds]);
  for (;;) {
    const [isStopped, ...areReady] = set.wait();
    if (isStopped) return;
    for (const [index, isReady] of areReady.entries()) if (isReady && !files[index]?.answer()) return;
  }
}

/** The files of parameters that a server has mounted. */
export class MountedParameters {
  readonly #host: ServerHost;
  readonly #paths: string[] = [];
  readonly #fds: number[] = [];
  #thread: SideThread | undefined;

  private constructor(host: ServerHost) {
    this.#host = host;
  }

  /**
   * Mounts a file for each parameter, and adds the other names.
   *
   * @param folder - that of the module
   * @param worker - the module of the thread
   * @throws {ServeError} if that is not possible here
   */
  static async start(host: ServerHost, folder: string, worker: URL, values: Int32Array): Promise<MountedParameters> {
    const mounted = new MountedParameters(host);
    try {
      mkdirSync(join(folder, "parameters"));
      for (const { name } of parameters) mounted.#mount(join(folder, "parameters", name));
      for (const [name, target] of Object.entries(aliases)) symlinkSync(target, join(folder, name));
      const fds = mounted.#fds;
      mounted.#thread = await SideThread.start(host, worker, (wake) => ({ parameters: { wake, fds, values } }));
      return mounted;
    } catch (error) {
      await mounted.stop();
      throw error;
    }
  }

  #mount(path: string): void {
    writeFileSync(path, "");
    const fd = this.#host.open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (fd < 0) throw new ServeError(`/dev/fuse cannot be opened: ${errnoName(-fd)}`);
    this.#fds.push(fd);
    const owner = `user_id=${process.getuid?.() ?? 0},group_id=${process.getgid?.() ?? 0}`;
    const options = `fd=${fd},rootmode=100644,${owner},allow_other,default_permissions`;
    const flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    const result = this.#host.mount("cryptodev", path, "fuse.cryptodev-parameter", flags, options);
    if (result < 0) throw new ServeError(`${path} cannot be mounted: ${errnoName(-result)}`);
    this.#paths.push(path);
  }

  /** Ends the thread, and unmounts the files. */
  async stop(): Promise<void> {
    await this.#thread?.stop();
    for (const fd of this.#fds) this.#host.close(fd);
    for (const path of this.#paths) this.#host.umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
  }
}
