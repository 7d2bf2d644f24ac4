import { skipped } from "./needs.ts";

/** Prints what is skipped on this machine, and why, once before all tests. */
export default function listSkipped(): void {
  for (const line of skipped()) console.log(line);
}
