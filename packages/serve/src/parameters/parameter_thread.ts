import { existsSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { errnoName, O_CLOEXEC, O_RDWR } from "@cryptodev/core/abi";
import { PollSet } from "../poll_set.ts";
import { ServeError } from "../serve_error.ts";
import { SideThread } from "../side_thread.ts";
import { MS_NODEV, MS_NOEXEC, MS_NOSUID, type ServerHost } from "../syscalls.ts";
import { type Created, created, Guard, newMark } from "../transports/guard.ts";
import { requireTrusted } from "../transports/trusted.ts";
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
    for (const [index, isReady] of areReady.entries()) {
      // It may be that only this one was unmounted.
      if (isReady && !files[index]?.answer()) set.drop(index + 1);
    }
  }
}

/**
 * Creates the file of each parameter, the folders above it, and links with its other names.
 *
 * @param all - to which everything is added that was created, the last first
 * @returns the files
 */
function createFiles(folder: string, all: Created[]): readonly string[] {
  const add = (path: string, create: (path: string) => void): string => {
    create(path);
    all.unshift(created(path));
    return path;
  };
  if (!existsSync(folder)) add(folder, mkdirSync);
  add(join(folder, "parameters"), mkdirSync);
  const files = parameters.map(({ name }) => add(join(folder, "parameters", name), (path) => writeFileSync(path, "")));
  for (const [name, target] of Object.entries(aliases)) add(join(folder, name), (path) => symlinkSync(target, path));
  return files;
}

/** The files of parameters that a server has mounted. */
export class MountedParameters {
  readonly #host: ServerHost;
  readonly #guard: Guard;
  readonly #fds: number[] = [];
  #thread: SideThread | undefined;

  private constructor(host: ServerHost, guard: Guard) {
    this.#host = host;
    this.#guard = guard;
  }

  /**
   * Mounts a file for each parameter, and adds the other names.
   *
   * @param wanted - the folder, which is created if it does not exist
   * @param worker - the module of the thread
   * @throws {ServeError} if that is not possible here
   */
  static async start(host: ServerHost, wanted: string, worker: URL, values: Int32Array): Promise<MountedParameters> {
    const mark = newMark();
    const all: Created[] = [];
    let mounted: MountedParameters | undefined;
    try {
      const folder = join(realpathSync(dirname(wanted)), basename(wanted));
      requireTrusted(dirname(folder));
      const files = createFiles(folder, all);
      mounted = new MountedParameters(host, new Guard({ path: folder, mark, created: all }));
      for (const file of files) mounted.#mount(mark, file);
      const fds = mounted.#fds;
      mounted.#thread = await SideThread.start(host, worker, (wake) => ({ parameters: { wake, fds, values } }));
      return mounted;
    } catch (cause) {
      await (mounted?.stop() ?? new Guard({ path: wanted, mark, created: all }).cleanUp());
      const reason = cause instanceof ServeError ? cause.message : (cause as NodeJS.ErrnoException).code;
      throw new ServeError(`parameters cannot be served in ${wanted}: ${reason}`, { cause });
    }
  }

  #mount(mark: string, path: string): void {
    const fd = this.#host.open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (fd < 0) throw new ServeError(`/dev/fuse cannot be opened: ${errnoName(-fd)}`);
    this.#fds.push(fd);
    const owner = `user_id=${process.getuid?.() ?? 0},group_id=${process.getgid?.() ?? 0}`;
    const options = `fd=${fd},rootmode=100644,${owner},allow_other,default_permissions`;
    const flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    const result = this.#host.mount(mark, path, "fuse.cryptodev-parameter", flags, options);
    if (result < 0) throw new ServeError(`${path} cannot be mounted: ${errnoName(-result)}`);
  }

  /** Ends the thread, and removes the files. */
  async stop(): Promise<void> {
    await this.#thread?.stop();
    for (const fd of this.#fds) this.#host.close(fd);
    await this.#guard.cleanUp();
  }
}
