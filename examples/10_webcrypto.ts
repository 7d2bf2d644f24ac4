/*
 * Stores records with envelope encryption, by WebCrypto on the device: each record has a key of its own, which a master
 * key wraps. To change the master key, only these keys are wrapped again. Records are found by an HMAC of their name, so
 * the store does not contain names. The functions also run in a browser, with its own `subtle`.
 */
import { open } from "cryptodev";
import { subtleOf } from "cryptodev/webcrypto";

const device = open({ backend: "auto" });
const subtle = subtleOf(device);

const encoder = new TextEncoder();
const random = (size: number) => crypto.getRandomValues(new Uint8Array(size));
const makeMasterKey = () => subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["wrapKey", "unwrapKey"]);
type Key = Awaited<ReturnType<typeof makeMasterKey>>;

interface StoredKey {
  readonly iv: Uint8Array<ArrayBuffer>;
  readonly wrapped: ArrayBuffer;
}

interface Stored {
  readonly key: StoredKey;
  readonly iv: Uint8Array<ArrayBuffer>;
  readonly ciphertext: ArrayBuffer;
}

async function wrap(key: Key, master: Key): Promise<StoredKey> {
  const iv = random(12);
  return { iv, wrapped: await subtle.wrapKey("raw", key, master, { name: "AES-GCM", iv }) };
}

function unwrap({ iv, wrapped }: StoredKey, master: Key, isExtractable: boolean): Promise<Key> {
  return subtle.unwrapKey("raw", wrapped, master, { name: "AES-GCM", iv }, "AES-GCM", isExtractable, ["decrypt"]);
}

async function store(name: string, text: string, master: Key): Promise<Stored> {
  const key = await subtle.generateKey({ name: "AES-GCM", length: 128 }, true, ["encrypt", "decrypt"]);
  const iv = random(12);
  const algorithm = { name: "AES-GCM", iv, additionalData: encoder.encode(name) };
  const ciphertext = await subtle.encrypt(algorithm, key, encoder.encode(text));
  return { key: await wrap(key, master), iv, ciphertext };
}

async function load(name: string, { key, iv, ciphertext }: Stored, master: Key): Promise<string> {
  const algorithm = { name: "AES-GCM", iv, additionalData: encoder.encode(name) };
  return new TextDecoder().decode(await subtle.decrypt(algorithm, await unwrap(key, master, false), ciphertext));
}

const indexKey = await subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
const indexOf = async (name: string) =>
  new Uint8Array(await subtle.sign("HMAC", indexKey, encoder.encode(name))).join();

const oldMaster = await makeMasterKey();
const records = new Map<string, Stored>();
for (const [name, text] of Object.entries({ alice: "100 euros", bob: "250 euros", carol: "75 euros" })) {
  records.set(await indexOf(name), await store(name, text, oldMaster));
}
const find = async (name: string) => records.get(await indexOf(name)) as Stored;
console.log(`${records.size} records, each with a key of its own`);
console.log(`bob: ${await load("bob", await find("bob"), oldMaster)}`);

const newMaster = await makeMasterKey();
for (const [index, record] of records) {
  records.set(index, { ...record, key: await wrap(await unwrap(record.key, oldMaster, true), newMaster) });
}
console.log(`bob, with a new master key: ${await load("bob", await find("bob"), newMaster)}`);

const errorOf = (loading: Promise<string>) => loading.catch((error: Error) => error.name);
console.log(`with the old master key: ${await errorOf(load("bob", await find("bob"), oldMaster))}`);
console.log(`carol's record in place of bob's: ${await errorOf(load("bob", await find("carol"), newMaster))}`);
device.close();
