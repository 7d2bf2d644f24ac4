import type { Field, Struct } from "@cryptodev/core/abi";
import * as abi from "@cryptodev/core/abi";
import { ioctls } from "../ioctls.ts";

/* The interface as a header for C programs, generated from the tables of the abi. */

const scalars = {
  char: "char ",
  i16: "int16_t ",
  u16: "uint16_t ",
  i32: "int32_t ",
  u32: "uint32_t ",
  u64: "uint64_t ",
};
const types = { ...scalars, pointer: "uint8_t *" } as const;

/** Lists a struct after the structs that it contains. */
const withMembers = (struct: Struct): Struct[] => [
  ...struct.fields.flatMap(([, type]) => (typeof type === "object" ? withMembers(type) : [])),
  struct,
];

const declaration = ([name, type, count]: Field): string =>
  `  ${typeof type === "object" ? `struct ${type.name} ` : types[type]}${name}${count === undefined ? "" : `[${count}]`};`;

// A struct of one number is a plain number in C.
const isNumber = (struct: Struct): boolean => struct === abi.u32;
const structs = new Set(Object.values(ioctls).flatMap(({ argument }) => withMembers(argument)));

const constants = [
  // Sorted, so that the order does not depend on how modules are loaded.
  ...Object.entries(abi)
    // Those of open(2) and poll(2) are in other headers.
    .filter(([name, value]) => typeof value === "number" && !/^(O_|POLL)/.test(name))
    .sort(([one], [other]) => (one < other ? -1 : 1)),
  ...Object.entries({ ...abi.ciphers, ...abi.macs }).map(([name, { id }]) => [name, id] as const),
];

/** The text of `<crypto/cryptodev.h>`, as far as the abi implements it. */
export const cHeader: string = `/*
 * The interface of /dev/crypto under the names of its own header, which this machine may not have. The tests generate
 * this from the tables in packages/core/src/abi; \`npm test -- abi -u\` updates it.
 */
#ifndef CRYPTO_CRYPTODEV_H
#define CRYPTO_CRYPTODEV_H

#include <stdint.h>
#include <sys/ioctl.h>

enum {
${constants.map(([name, value]) => `  ${name} = ${value},`).join("\n")}
};
${[...structs]
  .filter((struct) => !isNumber(struct))
  .map(({ name, fields }) => `\nstruct ${name} {\n${fields.map(declaration).join("\n")}\n};\n`)
  .join("")}
${Object.values(ioctls)
  .map(({ name, direction, type, number, argument }) => {
    const carried = isNumber(argument) ? "uint32_t" : `struct ${argument.name}`;
    return `#define ${name} _${direction}('${type}', ${number}, ${carried})\n`;
  })
  .join("")}
#endif
`;
