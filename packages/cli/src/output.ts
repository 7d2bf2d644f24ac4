import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsync,
  linkSync,
  lstatSync,
  open,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  write,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { PAUSE, writeTo } from "./descriptor.ts";
import { FileError, fileError } from "./file_error.ts";
import { decode, pathOf } from "./file_name.ts";
import { quoteName } from "./quote.ts";
import { fatalSignals } from "./signals.ts";
import { UsageError } from "./usage_error.ts";

/** Receives the result. It is either finished or abandoned. */
export interface Output {
  write(bytes: Uint8Array): Promise<void>;
  finish(): Promise<void>;
  /** Removes what was written, as far as that is still possible. */
  abandon(): Promise<void>;
}

/**
 * Standard output, a pipe, or a device such as `/dev/null`: it cannot be replaced as a whole, and writes cannot be
 * undone.
 */
class Stream implements Output {
  readonly #shown: string;
  readonly #descriptor: number;

  constructor(shown: string, descriptor: number) {
    this.#shown = shown;
    this.#descriptor = descriptor;
  }

  async write(bytes: Uint8Array): Promise<void> {
    try {
      await writeAll(this.#descriptor, bytes);
    } catch (error) {
      throw new FileError(this.#shown, error);
    }
  }

  async finish(): Promise<void> {
    await this.abandon();
  }

  async abandon(): Promise<void> {
    if (this.#descriptor !== STANDARD_OUTPUT) closeSync(this.#descriptor);
  }
}

const STANDARD_OUTPUT = 1;

/** A regular file. It is written under another name next to it, and renamed when it is complete. */
class NewFile implements Output {
  /** The name that the user gave. */
  readonly #name: string;
  /** The final path: that of the target if the name is a link. */
  readonly #path: string;
  readonly #part: string;
  /** The file that it replaces. */
  readonly #old: Stats | undefined;
  readonly #force: boolean;
  #isBeside = false;
  #descriptor = -1;
  readonly #remove = (): void => {
    if (this.#isBeside) rmSync(pathOf(this.#part), { force: true });
  };
  readonly #end = (signal: NodeJS.Signals): void => {
    this.#remove();
    // Our listener is gone after the first signal, so this one ends the process, as its sender expects.
    process.kill(process.pid, signal);
  };

  private constructor(name: string, path: string, part: string, old: Stats | undefined, force: boolean) {
    this.#name = name;
    this.#path = path;
    this.#part = part;
    this.#old = old;
    this.#force = force;
    process.once("exit", this.#remove);
    for (const signal of fatalSignals) process.once(signal, this.#end);
  }

  static create(name: string, path: string, old: Stats | undefined, force: boolean): NewFile {
    const mark = `${randomBytes(4).toString("hex")}.part`;
    // If the name has the maximum length, a suffix does not fit.
    for (const part of [`${path}.${mark}`, join(dirname(path), mark)]) {
      const file = new NewFile(name, path, part, old, force);
      try {
        file.#open();
        return file;
      } catch (error) {
        file.#forget();
        if ((error as NodeJS.ErrnoException).code !== "ENAMETOOLONG") throw error;
      }
    }
    throw fileError(name, { code: "ENAMETOOLONG" });
  }

  #open(): void {
    const old = this.#old;
    try {
      // A process that opens the file now can read everything that is written later. The mode is therefore never wider
      // than the final one: that of the umask, or of the replaced file. Until the owner is set, only this user has
      // access.
      this.#descriptor = openSync(pathOf(this.#part), "wx", old === undefined ? 0o666 : old.mode & 0o700);
      this.#isBeside = true;
      if (old === undefined) return;
      keepOwner(this.#name, this.#descriptor, old);
      fchmodSync(this.#descriptor, old.mode & 0o777);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EACCES") throw this.#named(error);
      // It is the folder that cannot be written, and not the file that is to be replaced.
      throw new FileError(`${quoteName(this.#name)}: the folder ${quoteName(resolve(dirname(this.#part)))}`, error);
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    try {
      await writeAll(this.#descriptor, bytes);
    } catch (error) {
      throw this.#named(error);
    }
  }

  async finish(): Promise<void> {
    try {
      // After a power failure, the name must not exist without the contents.
      await promisify(fsync)(this.#descriptor);
      this.#close();
      const move = this.#force ? renameSync : takeName;
      move(pathOf(this.#part), pathOf(this.#path));
    } catch (error) {
      throw (error as NodeJS.ErrnoException).code === "EEXIST" ? existsAlready(this.#name) : this.#named(error);
    } finally {
      this.#forget();
    }
  }

  async abandon(): Promise<void> {
    this.#forget();
  }

  #named(error: unknown): unknown {
    return (error as NodeJS.ErrnoException).code === undefined ? error : fileError(this.#name, error);
  }

  #forget(): void {
    this.#remove();
    process.off("exit", this.#remove);
    for (const signal of fatalSignals) process.off(signal, this.#end);
    this.#close();
  }

  #close(): void {
    const descriptor = this.#descriptor;
    this.#descriptor = -1;
    if (descriptor >= 0) closeSync(descriptor);
  }
}

async function writeSome(descriptor: number, bytes: Uint8Array): Promise<number> {
  // Only standard output was opened by another process, and may therefore be non-blocking.
  if (descriptor === STANDARD_OUTPUT && "Deno" in globalThis) return writeTo(descriptor, bytes);
  return new Promise((resolve, reject) => {
    write(descriptor, bytes, 0, bytes.length, null, (error, count) => (error ? reject(error) : resolve(count)));
  });
}

/** Writes all bytes, and waits for room even if the descriptor is non-blocking. */
async function writeAll(descriptor: number, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    try {
      done += await writeSome(descriptor, bytes.subarray(done));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }
}

/** Sets the owner of a new file to that of the file that it replaces. */
function keepOwner(name: string, descriptor: number, { uid, gid }: Stats): void {
  const own = fstatSync(descriptor);
  if (own.uid === uid && own.gid === gid) return;
  try {
    fchownSync(descriptor, uid, gid);
  } catch (error) {
    const file = quoteName(name);
    throw new Error(
      `${file}: belongs to user ${uid} and group ${gid}, and this user cannot create such a file; choose another output, or remove this file`,
      { cause: error },
    );
  }
}

/**
 * Renames a file unless the new name exists.
 *
 * @throws {Error} with the code `EEXIST` if the new name exists
 */
function takeName(part: string | Buffer, path: string | Buffer): void {
  try {
    linkSync(part, path);
  } catch (error) {
    // Some file systems, such as FAT, do not support links.
    if (!["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"].includes((error as NodeJS.ErrnoException).code ?? ""))
      throw error;
    // The exclusive open ensures that the file to be replaced is our own.
    closeSync(openSync(path, "wx", 0o600));
    renameSync(part, path);
  }
}

function existsAlready(file: string): Error {
  return new Error(`${quoteName(file)} already exists; use --force to overwrite it`);
}

/** Returns the status of a file, or `undefined` if it does not exist. */
function statusOf(file: string): Stats | undefined {
  try {
    const path = pathOf(file);
    const link = lstatSync(path, { throwIfNoEntry: false });
    if (!link?.isSymbolicLink()) return link;
    const status = statSync(path, { throwIfNoEntry: false });
    if (status !== undefined) return status;
  } catch (error) {
    throw fileError(file, error);
  }
  throw new Error(
    `${quoteName(file)}: is a link to a file that does not exist; remove the link, or name that file itself`,
  );
}

/** Opens something other than a regular file, such as a pipe. Nothing is created or truncated. */
async function openStream(file: string): Promise<Output> {
  try {
    const descriptor = await promisify(open)(pathOf(file), constants.O_WRONLY | constants.O_NOCTTY);
    return new Stream(quoteName(file), descriptor);
  } catch (error) {
    throw fileError(file, error);
  }
}

/**
 * Opens a file, or standard output if its name is `-`.
 *
 * @param force - whether an existing file may be replaced
 */
export async function openOutput(file: string, force: boolean): Promise<Output> {
  if (file === "-") return new Stream("standard output", STANDARD_OUTPUT);
  if (file === "") throw new UsageError("the output: expected the name of a file, got an empty one");
  const status = statusOf(file);
  if (status === undefined) return NewFile.create(file, file, undefined, force);
  if (status.isDirectory()) throw fileError(file, { code: "EISDIR" });
  if (!status.isFile()) return await openStream(file);
  if (!force) throw existsAlready(file);
  // Replace the target, so that the link remains.
  const path = decode(realpathSync(pathOf(file), { encoding: "buffer" }));
  return NewFile.create(file, path, status, force);
}
