import { deepEqual, equal, match } from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import { insecureKeyFiles } from "./insecure-key.ts";

/** SSH's strings of a blob: length in four bytes, then the bytes. */
function fields(blob: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at + 4 <= blob.length; ) {
    const end = at + 4 + blob.readUInt32BE(at);
    found.push(blob.subarray(at + 4, end));
    at = end;
  }
  return found;
}

const files = insecureKeyFiles();
const publicBlob = Buffer.from((files["insecure_key.pub"] ?? "").split(" ")[1] ?? "", "base64");

test("insecureKeyFiles() gives the same three files every time", () => {
  deepEqual(Object.keys(files), ["insecure_key", "insecure_key.pub", "insecure_key.ppk"]);
  deepEqual(insecureKeyFiles(), files);
});

test("insecureKeyFiles() gives a public key of 32 bytes in one line with the comment", () => {
  match(files["insecure_key.pub"] ?? "", /^ssh-ed25519 \S+ shipshape-insecure-key\n$/);
  const [type, point] = fields(publicBlob);
  deepEqual([type?.toString(), point?.length], ["ssh-ed25519", 32]);
});

test("insecureKeyFiles() gives a private key that holds the public one, padded to whole blocks", () => {
  const blob = Buffer.from((files.insecure_key ?? "").replaceAll(/-----.*-----|\n/g, ""), "base64");
  equal(blob.subarray(0, 15).toString(), "openssh-key-v1\0");
  const [cipher, kdf, options] = fields(blob.subarray(15));
  deepEqual([cipher, kdf, options].map(String), ["none", "none", ""]);
  const [held, secret = Buffer.alloc(0)] = fields(blob.subarray(15 + 8 + 8 + 4 + 4));
  deepEqual(held, publicBlob);
  equal(secret.length % 8, 0);
  const [type, point, pair, comment] = fields(secret.subarray(8));
  deepEqual([String(type), String(comment)], ["ssh-ed25519", "shipshape-insecure-key"]);
  deepEqual([pair?.length, pair?.subarray(32)], [64, point]);
});

test("insecureKeyFiles() gives PuTTY a key whose sum is right", () => {
  const lines = (files["insecure_key.ppk"] ?? "").split("\n");
  const block = (name: string): Buffer => {
    const at = lines.findIndex((line) => line.startsWith(`${name}-Lines: `));
    return Buffer.from(lines.slice(at + 1, at + 1 + Number(lines[at]?.split(" ")[1])).join(""), "base64");
  };
  deepEqual(block("Public"), publicBlob);
  const signed = ["ssh-ed25519", "none", "shipshape-insecure-key", block("Public"), block("Private")].flatMap(
    (part) => {
      const bytes = Buffer.from(part as string);
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);
      return [length, bytes];
    },
  );
  equal(lines.at(-2), `Private-MAC: ${createHmac("sha256", "").update(Buffer.concat(signed)).digest("hex")}`);
});
