import { CryptodevError, type Device, type Session } from "@cryptodev/core";
import {
  type Argument,
  asReceived,
  type CallMethod,
  DEVICE,
  type Outcome,
  operate,
  type StartMethod,
} from "./protocol.ts";

/**
 * The most bytes of data that are processed inline, in the calling thread. Up to here an operation takes less of this
 * thread's time than a message to another thread and its answer: `npm run bench -- --only async` measures both.
 */
export const MOST_INLINE = 4096;

/** The methods that process a whole message and leave nothing behind in their session. */
const wholeMethods: readonly CallMethod[] = ["encrypt", "decrypt", "seal", "open", "digest"];

/** A session here, and what its counterpart in the thread is doing. */
interface Counterpart {
  readonly session: Session;
  /** Number of calls that the thread has not answered. */
  inThread: number;
  /** Whether the thread holds part of a message. */
  isBegun: boolean;
}

/**
 * The sessions of a worker thread once more, on a device of this thread, for operations that are too small to be worth a
 * message. The order of a session's operations does not change: nothing is done here while the thread has more of them.
 */
export class Inline {
  readonly #device: Device;
  readonly #counterparts = new Map<number, Counterpart>();

  constructor(device: Device) {
    this.#device = device;
  }

  /** Starts what a thread starts, unless it continues what only the thread has: copies and chunks. */
  start(object: number, of: number, method: StartMethod, args: readonly Argument[]): void {
    if (of !== DEVICE) return;
    const methods = this.#device as unknown as Record<StartMethod, (...args: readonly unknown[]) => Session>;
    const session = asReceived(args, (own) => methods[method](...own));
    this.#counterparts.set(object, { session, inThread: 0, isBegun: false });
  }

  /** Whether an operation can be done here now. */
  accepts(of: number, method: CallMethod, args: readonly Argument[]): boolean {
    const counterpart = this.#counterparts.get(of);
    if (counterpart === undefined || counterpart.inThread > 0 || counterpart.isBegun) return false;
    const [data] = args;
    return wholeMethods.includes(method) && (!(data instanceof Uint8Array) || data.length <= MOST_INLINE);
  }

  /** Does an operation that {@link Inline.accepts} accepts. */
  call(of: number, method: CallMethod, args: readonly Argument[]): Outcome {
    const { session } = this.#counterparts.get(of) as Counterpart;
    return { result: operate(session, method, args), statistics: undefined };
  }

  /** Waits for an operation of the thread, during which this session does nothing here. */
  async during<T>(of: number, method: CallMethod, operation: Promise<T>): Promise<T> {
    const counterpart = this.#counterparts.get(of);
    if (counterpart === undefined) return operation;
    counterpart.inThread += 1;
    const isPart = method === "update" || method === "digest";
    if (isPart) counterpart.isBegun = method === "update";
    try {
      return await operation;
    } catch (error) {
      // If the kernel refused part of a message, the session in the thread has ended.
      if (isPart && error instanceof CryptodevError) this.end(of);
      throw error;
    } finally {
      counterpart.inThread -= 1;
    }
  }

  /** Ends a session. */
  end(object: number): void {
    this.#counterparts.get(object)?.session.close();
    this.#counterparts.delete(object);
  }

  /** Ends all sessions. */
  close(): void {
    for (const object of [...this.#counterparts.keys()]) this.end(object);
  }
}
