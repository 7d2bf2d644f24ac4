/**
 * Where Linux systems keep libc, the likeliest first: by its name alone, for the dynamic linker to find, and by the
 * absolute paths of Debian, Fedora, Arch and musl, for runtimes whose permissions are given by path.
 *
 * @param arch - the machine's name as Linux spells it, such as `x86_64` or `aarch64`
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
