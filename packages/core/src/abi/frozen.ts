/**
 * Makes a table constant all the way down, so that no program can change what calls are checked against, not even by what it
 * adds to `Object.prototype`: records have no prototype.
 */
export function freezeTable(table: object): void {
  if (Object.isFrozen(table)) return;
  if (!Array.isArray(table)) Object.setPrototypeOf(table, null);
  Object.freeze(table);
  for (const member of Object.values(table)) if (typeof member === "object" && member !== null) freezeTable(member);
}
