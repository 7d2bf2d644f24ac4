/**
 * Freezes a table deeply and removes the prototypes of its records, so that no program can change the values that calls
 * are checked against, not even by extending `Object.prototype`.
 */
export function freezeTable(table: object): void {
  if (Object.isFrozen(table)) return;
  if (!Array.isArray(table)) Object.setPrototypeOf(table, null);
  Object.freeze(table);
  for (const member of Object.values(table)) if (typeof member === "object" && member !== null) freezeTable(member);
}
