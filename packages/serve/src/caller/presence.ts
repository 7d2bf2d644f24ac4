import { closeSync, openSync, readdirSync, readlinkSync, readSync } from "node:fs";
import type { MemoryRange } from "@cryptodev/soft";
import type { Mappings } from "./mappings.ts";

/** An entry of `/proc/pid/pagemap` has 8 bytes. The highest bit of the last one says whether the page is in memory. */
const [ENTRY, LAST, IS_PRESENT] = [8, 7, 0x80];

/** The most pages that are looked up: more are treated as missing. */
const MAX_PAGES = 256;

/**
 * For so many milliseconds a page that was in memory is assumed to be there still, because to look it up costs a tenth
 * of a short call. So many pages are remembered.
 */
const [TRUST, MAX_TRUSTED] = [50, 4096];

/** The number of callers whose files are kept open. */
const MAX_CALLERS = 64;

/** What is known of a caller. */
interface Known {
  /** The descriptor of its `/proc/pid/pagemap`; -1 if the kernel does not have that file. */
  readonly pagemap: number;
  /** The pages that have been found in memory since a time. */
  readonly present: Set<number>;
  since: number;
  /** The ranges that have been found in memory last. Most calls have the same. */
  last: readonly MemoryRange[];
  /** The names of its descriptors, and whether one of them is a userfaultfd. */
  descriptors: string;
  hasUserfaultfd: boolean;
}

/**
 * Finds out whether access to a caller's memory may have to wait for another program, which may never provide it: for
 * one that handles the page faults of the caller (userfaultfd(2)), or for one that serves the file that the caller has
 * mapped. Everything else the kernel provides itself.
 *
 * A program that closes its userfaultfd after it has passed it to another one is not recognized. To use one in this
 * way, it has to be privileged, unless the administrator allows it to all (`vm.unprivileged_userfaultfd`).
 */
export class Presence {
  readonly #mappings: Mappings;
  readonly #pageSize: number;
  readonly #callers = new Map<number, Known>();
  readonly #entries = new Uint8Array(MAX_PAGES * ENTRY);

  constructor(mappings: Mappings, pageSize: number) {
    this.#mappings = mappings;
    this.#pageSize = pageSize;
  }

  /** Whether access to any of these ranges may have to wait. */
  mayWait(pid: number, ranges: readonly MemoryRange[]): boolean {
    if (ranges.length === 0) return false;
    const known = this.#of(pid);
    this.#forgetOldPages(known);
    if (areSame(known.last, ranges)) return false;
    let isMissing = false;
    for (const { address, length } of ranges) {
      if (this.#isPresent(pid, address, length)) continue;
      if (!this.#mappings.include("plain", pid, address, length)) return true;
      isMissing = true;
    }
    if (isMissing) return this.#hasUserfaultfd(pid);
    known.last = ranges;
    return false;
  }

  /** Closes the files of all callers, some of which may have ended. They are opened again for the next calls. */
  close(): void {
    for (const pid of this.#callers.keys()) this.#forget(pid);
  }

  #forgetOldPages(known: Known): void {
    const now = performance.now();
    if (now - known.since <= TRUST && known.present.size <= MAX_TRUSTED) return;
    known.present.clear();
    known.last = [];
    known.since = now;
  }

  /** Whether all pages are in memory (proc_pid_pagemap(5)), or that cannot be found out. */
  #isPresent(pid: number, address: number, length: number): boolean {
    const first = Math.floor(address / this.#pageSize);
    const count = Math.floor((address + length - 1) / this.#pageSize) - first + 1;
    const { pagemap, present } = this.#of(pid);
    if (pagemap < 0) return true;
    if (count > MAX_PAGES) return false;
    let page = 0;
    while (page < count && present.has(first + page)) page += 1;
    if (page === count) return true;
    if (!this.#lookUp(pid, first, count)) {
      // The process may have started another program since the file was opened.
      this.#forget(pid);
      if (!this.#lookUp(pid, first, count)) return false;
    }
    for (; page < count; page += 1) {
      if (((this.#entries[page * ENTRY + LAST] as number) & IS_PRESENT) === 0) return false;
      present.add(first + page);
    }
    return true;
  }

  /** Reads the entries of pages. */
  #lookUp(pid: number, first: number, count: number): boolean {
    try {
      return readSync(this.#of(pid).pagemap, this.#entries, 0, count * ENTRY, first * ENTRY) === count * ENTRY;
    } catch {
      return false;
    }
  }

  #of(pid: number): Known {
    let known = this.#callers.get(pid);
    if (known !== undefined) return known;
    if (this.#callers.size === MAX_CALLERS) this.close();
    let pagemap = -1;
    try {
      pagemap = openSync(`/proc/${pid}/pagemap`, "r");
    } catch {}
    known = { pagemap, present: new Set(), since: 0, last: [], descriptors: "", hasUserfaultfd: false };
    this.#callers.set(pid, known);
    return known;
  }

  #forget(pid: number): void {
    const pagemap = this.#callers.get(pid)?.pagemap ?? -1;
    if (pagemap >= 0) closeSync(pagemap);
    this.#callers.delete(pid);
  }

  #hasUserfaultfd(pid: number): boolean {
    const known = this.#of(pid);
    try {
      const folder = `/proc/${pid}/fd`;
      const names = readdirSync(folder);
      const descriptors = names.join();
      if (descriptors !== known.descriptors) {
        known.hasUserfaultfd = names.some((name) => isUserfaultfd(`${folder}/${name}`));
        known.descriptors = descriptors;
      }
      return known.hasUserfaultfd;
    } catch {
      return true;
    }
  }
}

function areSame(some: readonly MemoryRange[], others: readonly MemoryRange[]): boolean {
  if (some.length !== others.length) return false;
  for (let index = 0; index < some.length; index += 1) {
    const [one, other] = [some[index] as MemoryRange, others[index] as MemoryRange];
    if (one.address !== other.address || one.length !== other.length) return false;
  }
  return true;
}

function isUserfaultfd(link: string): boolean {
  try {
    return readlinkSync(link) === "anon_inode:[userfaultfd]";
  } catch {
    // It was closed meanwhile.
    return false;
  }
}
