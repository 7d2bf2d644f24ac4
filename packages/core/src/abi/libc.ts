/**
 * Lists where Linux systems keep libc, most likely first: the bare name, which the dynamic linker resolves, then the
 * absolute paths of Debian, Fedora, Arch and musl, for runtimes that grant permissions by path.
 *
 * @param arch - the machine's name as Linux spells it, such as `x86_64` or `aarch64`
 * @returns names for `dlopen(3)`
 */
export function libcPaths(arch: string): readonly string[] {
  return [
    "libc.so.6",
    `/lib/${arch}-linux-gnu/libc.so.6`,
    `/usr/lib/${arch}-linux-gnu/libc.so.6`,
    "/lib64/libc.so.6",
    "/usr/lib/libc.so.6",
    `/lib/ld-musl-${arch}.so.1`,
  ];
}
