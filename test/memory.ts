import { pattern } from "./bytes.ts";

/* Memory that a view can lose. */

/** Takes a view's memory away, as a transfer to another thread does. */
export function detach(view: Uint8Array<ArrayBuffer>): void {
  structuredClone(view.buffer, { transfer: [view.buffer] });
}

/** A view that had `size` bytes. */
export function detached(size: number): Uint8Array<ArrayBuffer> {
  const view = pattern(size);
  detach(view);
  return view;
}

/** A buffer that can change its size, which ES2024 has and the types here do not know. */
export function resizable(size: number, most: number): ArrayBuffer & { resize(size: number): void } {
  type Resizable = ReturnType<typeof resizable>;
  const Resizable = ArrayBuffer as unknown as new (size: number, options: { maxByteLength: number }) => Resizable;
  return new Resizable(size, { maxByteLength: most });
}
