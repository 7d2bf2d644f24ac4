/*
 * Encrypts values in an SQLite database: a copy of the file shows nothing, rows are found by the mac of a value, and a
 * value that was changed, or moved from another row, is noticed.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AuthenticationError, open } from "cryptodev";

/** What the databases of the three runtimes have in common. */
interface Database {
  exec(sql: string): void;
  prepare(sql: string): { run(...values: unknown[]): unknown; get(...values: unknown[]): unknown };
  close(): void;
}

/** Opens a database with the runtime's own SQLite, which Node.js has from version 22.5 on. */
async function openDatabase(file: string): Promise<Database | undefined> {
  const [module, name] = "Bun" in globalThis ? ["bun:sqlite", "Database"] : ["node:sqlite", "DatabaseSync"];
  const classes = (await import(module).catch(() => ({}))) as Record<string, new (file: string) => Database>;
  return classes[name] && new classes[name](file);
}

const folder = mkdtempSync(join(tmpdir(), "cryptodev-sqlite-"));
const file = join(folder, "members.db");
const database = await openDatabase(file);

if (database === undefined) {
  console.log("This runtime does not have SQLite: Node.js 22.5 and newer, Deno and Bun do");
} else {
  const device = open({ backend: "auto" });
  // One key for each purpose. The kernel keeps both; a real program reads them from where it keeps its secrets.
  const values = device.aead("aes-gcm", crypto.getRandomValues(new Uint8Array(32)), { managedNonce: true });
  const search = device.hmac("sha256", crypto.getRandomValues(new Uint8Array(32)));

  const [encoder, decoder] = [new TextEncoder(), new TextDecoder()];
  /** Equal values have equal macs, so that the database can find them: only for what is looked up. */
  const macOf = (email: string) => search.digest(encoder.encode(email));
  /** Authenticated with a value, so that it opens only where it was written. */
  const place = (id: number, column: string) => encoder.encode(`members.${column}, row ${id}`);
  const seal = (text: string, id: number, column: string) =>
    values.seal(encoder.encode(text), { aad: place(id, column) });
  const unseal = (sealed: Uint8Array, id: number, column: string) =>
    decoder.decode(values.open(sealed, { aad: place(id, column) }));

  database.exec("CREATE TABLE members (id INTEGER PRIMARY KEY, email_mac BLOB UNIQUE, email BLOB, note BLOB)");
  const insert = database.prepare("INSERT INTO members VALUES (?, ?, ?, ?)");
  const members = [
    ["ada@example.org", "pays by invoice"],
    ["grace@example.org", "has a key to the lab"],
  ] as const;
  for (const [index, [email, note]] of members.entries()) {
    const id = index + 1;
    insert.run(id, macOf(email), seal(email, id, "email"), seal(note, id, "note"));
  }

  const byEmail = database.prepare("SELECT id, note FROM members WHERE email_mac = ?");
  const noteOf = (email: string) => {
    const { id, note } = byEmail.get(macOf(email)) as { id: number; note: Uint8Array };
    return unseal(note, id, "note");
  };
  console.log(`grace@example.org ${noteOf("grace@example.org")}`);
  const isReadable = members.flat().some((text) => readFileSync(file).includes(text));
  console.log(`The file ${isReadable ? "contains" : "does not contain"} the text of a value`);

  // Somebody who can write the database, but does not have the keys, gives a member the note of another.
  database.exec("UPDATE members SET note = (SELECT note FROM members WHERE id = 2) WHERE id = 1");
  try {
    console.log(`ada@example.org ${noteOf("ada@example.org")}`);
  } catch (error) {
    if (!(error instanceof AuthenticationError)) throw error;
    console.log("ada@example.org has the note of another row: AuthenticationError");
  }

  database.close();
  device.close();
}
rmSync(folder, { recursive: true });
