import type { crypt_op } from "@cryptodev/core";
import type { CryptOperation } from "./crypt.ts";
import type { Errno } from "./errno.ts";
import type { UserStruct } from "./user_struct.ts";

/** An asynchronous operation that has run, and waits to be fetched. */
export interface Job {
  readonly argument: UserStruct<typeof crypt_op>;
  readonly operation: CryptOperation;
  /** Why it failed; the fetch fails with the same error. */
  readonly failure: Errno | undefined;
}
