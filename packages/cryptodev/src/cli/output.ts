import { randomBytes } from "node:crypto";
import { createWriteStream, rmSync, type Stats } from "node:fs";
import { type FileHandle, open, realpath, rename, stat } from "node:fs/promises";
import process from "node:process";
import type { Writable } from "node:stream";
import { promisify } from "node:util";
import { endingSignals } from "./run_program.ts";

/** Where results go. It is either finished or abandoned. */
export interface Output {
  write(bytes: Uint8Array): Promise<void>;
  finish(): Promise<void>;
  /** Leaves nothing behind, as far as that is still possible. */
  abandon(): Promise<void>;
}

/** Standard output, a pipe, `/dev/null`: what cannot be half a file. What it was given is gone. */
class Stream implements Output {
  readonly #stream: Writable;

  constructor(stream: Writable) {
    this.#stream = stream;
    // The write that failed tells.
    stream.on("error", () => {});
  }

  write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#stream.write(bytes, (error) => (error ? reject(error) : resolve()));
    });
  }

  async finish(): Promise<void> {
    if (this.#stream !== process.stdout) await promisify(this.#stream.end.bind(this.#stream))();
  }

  async abandon(): Promise<void> {}
}

/** A file that appears under its name when it is whole: it is written beside, and renamed. */
class NewFile implements Output {
  readonly #path: string;
  readonly #part: string;
  readonly #force: boolean;
  #handle: FileHandle | undefined;
  readonly #remove = (signal: NodeJS.Signals): void => {
    rmSync(this.#part, { force: true });
    // It was listened to once: now it ends us, as whoever sent it expects.
    process.kill(process.pid, signal);
  };

  private constructor(path: string, force: boolean) {
    this.#path = path;
    this.#part = `${path}.${randomBytes(4).toString("hex")}.part`;
    this.#force = force;
    for (const signal of endingSignals) process.once(signal, this.#remove);
  }

  static async create(path: string, mode: number | undefined, force: boolean): Promise<NewFile> {
    const file = new NewFile(path, force);
    // Who may read it the umask decides, or the file that it replaces.
    file.#handle = await open(file.#part, "wx", 0o666);
    if (mode !== undefined) await file.#handle.chmod(mode & 0o777);
    return file;
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      done += (await (this.#handle as FileHandle).write(bytes, done, bytes.length - done)).bytesWritten;
    }
  }

  async finish(): Promise<void> {
    try {
      // A name must not survive a power failure that its contents do not.
      await this.#handle?.sync();
      if (!this.#force && (await statusOf(this.#path)) !== undefined) throw existsAlready(this.#path);
      await rename(this.#part, this.#path);
    } catch (error) {
      await this.abandon();
      throw error;
    }
    await this.#end();
  }

  async abandon(): Promise<void> {
    rmSync(this.#part, { force: true });
    await this.#end();
  }

  async #end(): Promise<void> {
    for (const signal of endingSignals) process.off(signal, this.#remove);
    await this.#handle?.close();
  }
}

async function statusOf(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function existsAlready(path: string): Error {
  return new Error(`${path} is there already; --force replaces it`);
}

/**
 * Opens a file, or standard output under the name `-`.
 *
 * @param force - whether a file that is there may be replaced
 */
export async function openOutput(file: string, force: boolean): Promise<Output> {
  if (file === "-") return new Stream(process.stdout);
  const status = await statusOf(file);
  if (status === undefined) return NewFile.create(file, undefined, force);
  if (!status.isFile()) return new Stream(createWriteStream(file));
  if (!force) throw existsAlready(file);
  // A link goes on naming the file that it names.
  return NewFile.create(await realpath(file), status.mode, force);
}
