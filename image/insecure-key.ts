/**
 * The insecure key: an SSH key pair for a first try, whose private half everybody knows. It is no secret, so it is computed from a
 * sentence: no key lies in the repository, and the same image comes out of every build.
 */
import { createHash, createHmac, createPrivateKey, createPublicKey } from "node:crypto";

const SENTENCE = "shipshape: the insecure key, which everybody knows";
const TYPE = "ssh-ed25519";
const COMMENT = "shipshape-insecure-key";
/** What precedes the 32 bytes of a private Ed25519 key in PKCS #8, RFC 8410. */
const PKCS8_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");
const OPENSSH_MAGIC = Buffer.from("openssh-key-v1\0");
const OPENSSH_BLOCK_BYTES = 8;

/** The three files by their names: private key as OpenSSH has it, public key, private key as PuTTY 0.75 and later have it. */
export function insecureKeyFiles(): Record<string, string> {
  const seed = createHash("sha256").update(SENTENCE).digest();
  const pkcs8 = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: "der", type: "pkcs8" });
  const point = Buffer.from(createPublicKey(pkcs8).export({ format: "jwk" }).x ?? "", "base64url");
  const publicBlob = strings(TYPE, point);
  return {
    insecure_key: openSshKey(publicBlob, seed, point),
    "insecure_key.pub": `${TYPE} ${publicBlob.toString("base64")} ${COMMENT}\n`,
    "insecure_key.ppk": puttyKey(publicBlob, seed),
  };
}

/** @see PROTOCOL.key of OpenSSH */
function openSshKey(publicBlob: Buffer, seed: Buffer, point: Buffer): string {
  // Twice the same number: a wrong passphrase shows by their difference, and here is none.
  const check = Buffer.alloc(8);
  const secret = Buffer.concat([check, strings(TYPE, point, Buffer.concat([seed, point]), COMMENT)]);
  const padding = Buffer.from(
    Array.from(
      { length: (OPENSSH_BLOCK_BYTES - (secret.length % OPENSSH_BLOCK_BYTES)) % OPENSSH_BLOCK_BYTES },
      (_, i) => i + 1,
    ),
  );
  const count = Buffer.from([0, 0, 0, 1]);
  const key = [
    OPENSSH_MAGIC,
    strings("none", "none", ""),
    count,
    strings(publicBlob, Buffer.concat([secret, padding])),
  ];
  const lines = base64Lines(Buffer.concat(key), 70);
  return ["-----BEGIN OPENSSH PRIVATE KEY-----", ...lines, "-----END OPENSSH PRIVATE KEY-----", ""].join("\n");
}

/** @see PuTTY's manual, appendix C: PPK file format, version 3 */
function puttyKey(publicBlob: Buffer, seed: Buffer): string {
  const privateBlob = strings(seed);
  const signed = strings(TYPE, "none", COMMENT, publicBlob, privateBlob);
  // Without a passphrase the key of the sum is empty.
  const sum = createHmac("sha256", "").update(signed).digest("hex");
  const [publicLines, privateLines] = [base64Lines(publicBlob, 64), base64Lines(privateBlob, 64)];
  return [
    `PuTTY-User-Key-File-3: ${TYPE}`,
    "Encryption: none",
    `Comment: ${COMMENT}`,
    `Public-Lines: ${publicLines.length}`,
    ...publicLines,
    `Private-Lines: ${privateLines.length}`,
    ...privateLines,
    `Private-MAC: ${sum}`,
    "",
  ].join("\n");
}

/** SSH's strings, one after another: length in four bytes, then the bytes. RFC 4251, section 5 */
function strings(...values: readonly (string | Buffer)[]): Buffer {
  return Buffer.concat(
    values.flatMap((value) => {
      const bytes = Buffer.from(value as string);
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);
      return [length, bytes];
    }),
  );
}

function base64Lines(bytes: Buffer, width: number): string[] {
  return bytes.toString("base64").match(new RegExp(`.{1,${width}}`, "g")) ?? [];
}
