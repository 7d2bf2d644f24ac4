/** Returns the XOR of `data` and the first bytes of `mask`, in new memory. */
export function xor(data: Uint8Array, mask: Uint8Array): Uint8Array {
  const result = new Uint8Array(data.length);
  for (let index = 0; index < data.length; index += 1)
    result[index] = (data[index] as number) ^ (mask[index] as number);
  return result;
}
