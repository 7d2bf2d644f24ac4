import { readFileSync } from "node:fs";

/** Bytes in the notation of a script: hex digits, a counting pattern, or a repeated piece. */
export type ScriptBytes = string | { readonly count: number } | { readonly repeat: string; readonly len: number };

/** One ioctl that was sent to a real driver, and its result. */
export interface Step {
  readonly ioctl: string;
  readonly in?: Readonly<Record<string, unknown>>;
  /** The request that a NULLARG sends. */
  readonly of?: string;
  /** The number that a RAW sends. */
  readonly req?: number;
  readonly ret: number;
  readonly errno?: string;
  readonly out?: Readonly<Record<string, unknown>>;
  readonly as?: string;
  readonly fd?: string;
  /** The call crashed the kernel. */
  readonly oops?: unknown;
  readonly retries?: number;
}

/** A sequence of ioctls on a fresh descriptor. */
export interface Script {
  readonly name: string;
  readonly build?: "async-off" | "async-on";
  readonly steps: readonly Step[];
}

const read = (name: string): readonly Script[] => JSON.parse(readFileSync(new URL(name, import.meta.url), "utf8"));

/** All recorded scripts; see `README.md`. */
export const scripts: readonly Script[] = [...read("transcripts.json"), ...read("random.json")];
