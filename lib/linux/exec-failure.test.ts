import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import { explainExec } from "./exec-failure.ts";

const { ENOENT, EACCES, ENOEXEC, ETXTBSY, E2BIG, EMFILE, ENOTDIR } = constants.errno;
const directory = mkdtempSync(join(tmpdir(), "exec-failure-"));
after(() => rmSync(directory, { recursive: true }));

/** An ELF header of 64 bits for this machine with one PT_INTERP, as a linker lays it out. */
function elf(machine: number, loader: string, order: "little" | "big" = "little"): string {
  const head = Buffer.alloc(256);
  const big = order === "big";
  const put16 = (value: number, at: number) => (big ? head.writeUInt16BE(value, at) : head.writeUInt16LE(value, at));
  const put32 = (value: number, at: number) => (big ? head.writeUInt32BE(value, at) : head.writeUInt32LE(value, at));
  const put64 = (value: number, at: number) => put32(value, big ? at + 4 : at);
  head.write("\x7fELF\x02", "latin1");
  head[5] = big ? 2 : 1;
  put16(machine, 18);
  put64(64, 32);
  put16(56, 54);
  put16(2, 56);
  put32(6, 64);
  put32(3, 120);
  put64(200, 128);
  put64(loader.length + 1, 152);
  head.write(`${loader}\0`, 200, "latin1");
  return head.toString("latin1");
}

function explain(errno: number, head: string, mode: number | null = 0o100755, exists = false): string {
  return explainExec("/svc/run", errno, head, mode, () => (exists ? 0 : ENOENT), "x86_64");
}

test("explainExec() names the cause and the cure for every kind of file", () => {
  const cases: readonly (readonly [reason: string, got: string])[] = [
    ["no such file", explain(ENOENT, "", null)],
    ["a part of the path is not a directory", explain(ENOTDIR, "", null)],
    [
      "has Windows line ends: its interpreter is read as \"/bin/sh\\r\"; convert it with sed -i 's/\\r$//'",
      explain(ENOENT, "#!/bin/sh\r\necho"),
    ],
    ['its interpreter "/opt/python" does not exist', explain(ENOENT, "#! /opt/python -u\n")],
    [
      'its interpreter "/opt/python" is there but lacks its own loader or interpreter',
      explain(ENOENT, "#!/opt/python", 0o100755, true),
    ],
    [
      'its loader "/lib64/ld-linux-x86-64.so.2" does not exist: the program was built for glibc',
      explain(ENOENT, elf(62, "/lib64/ld-linux-x86-64.so.2")),
    ],
    [
      'its loader "/lib/ld-musl-x86_64.so.1" does not exist: the program was built for musl',
      explain(ENOENT, elf(62, "/lib/ld-musl-x86_64.so.1")),
    ],
    [
      "its loader does not exist: link it statically, or use an image with its C library",
      explain(ENOENT, elf(62, "/lib/ld").slice(0, 100)),
    ],
    ["is not executable: chmod +x /svc/run", explain(EACCES, "#!/bin/sh\n", 0o100644)],
    ["is a directory", explain(EACCES, "", 0o040755)],
    ["is not a regular file", explain(EACCES, "", 0o010755)],
    ["no permission to reach it: a directory of its path may not be searched", explain(EACCES, "", null)],
    ["is empty or cannot be read", explain(ENOEXEC, "")],
    ["has no #! line: begin it with #!/bin/sh", explain(ENOEXEC, "echo hello\n")],
    ["has blanks or empty lines before #!: it must be the first two bytes", explain(ENOEXEC, "\n#!/bin/sh\n")],
    ["has a byte order mark before #!: remove the first three bytes", explain(ENOEXEC, "\xef\xbb\xbf#!/bin/sh\n")],
    ["names no interpreter after #!", explain(ENOEXEC, "#!\n")],
    [
      "is built for aarch64, this machine is x86_64: build it for the right architecture",
      explain(ENOEXEC, elf(183, "/lib/ld")),
    ],
    [
      "is built for s390x, this machine is x86_64: build it for the right architecture",
      explain(ENOEXEC, elf(22, "/lib/ld", "big")),
    ],
    [
      "is built for machine number 9999, this machine is x86_64: build it for the right architecture",
      explain(ENOEXEC, elf(9999, "/lib/ld")),
    ],
    ["is a damaged program for x86_64", explain(ENOEXEC, elf(62, "/lib/ld"))],
    ["is a Windows program", explain(ENOEXEC, "MZ\x90")],
    ["is a macOS program", explain(ENOEXEC, "\xcf\xfa\xed\xfe")],
    ["the file is open for writing: finish copying it first", explain(ETXTBSY, "")],
    ["the arguments and the environment together are too long", explain(E2BIG, "")],
    ["error 4095", explain(4095, "")],
  ];
  for (const [reason, got] of cases) assert.equal(got, reason);
});

test("explainExec() names the limit on open files, and has the given words for what it does not know", () => {
  assert.match(explain(EMFILE, ""), /^too many open files: .*ulimit -n/);
  assert.equal(
    explainExec("/x", 5, "", 0o100755, () => 0, "x86_64", "I/O error"),
    "I/O error",
  );
});

test("explainExec() finds the loader in the other byte order", () => {
  assert.match(explain(ENOENT, elf(22, "/lib/ld64.so.1", "big")), /^its loader "\/lib\/ld64.so.1" does not exist/);
});

test("explainExec() agrees with the kernel about real files", () => {
  const files: Readonly<Record<string, readonly [content: string, mode: number, reason: RegExp]>> = {
    crlf: ["#!/bin/sh\r\necho\r\n", 0o755, /^has Windows line ends/],
    interpreter: ["#!/nosuch/interpreter\n", 0o755, /^its interpreter "\/nosuch\/interpreter" does not exist$/],
    mode: ["#!/bin/sh\n", 0o644, /^is not executable: chmod \+x \//],
    loader: [
      readFileSync(process.execPath, "latin1")
        .slice(0, 4096)
        .replace(/\/lib[^\0]*/, (path) => path.replace(/.$/, "X")),
      0o755,
      /^its loader "\/lib.*X" does not exist/,
    ],
  };
  for (const [name, [content, mode, reason]] of Object.entries(files)) {
    const path = join(directory, name);
    writeFileSync(path, content, "latin1");
    chmodSync(path, mode);
    assert.match(explainReal(path), reason, name);
  }
  mkdirSync(join(directory, "folder"));
  assert.equal(explainReal(join(directory, "folder")), "is a directory");
});

function explainReal(path: string): string {
  const code = (spawnSync(path).error as NodeJS.ErrnoException | undefined)?.errno ?? 0;
  const stat = statSync(path);
  const head = stat.isFile() ? readFileSync(path, "latin1").slice(0, 4096) : "";
  return explainExec(path, -code, head, stat.mode, () => ENOENT, "x86_64");
}

test("explainExec() finds words for any file and any error", () => {
  const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array).toString("latin1"));
  const head = fc.oneof(
    bytes,
    bytes.map((text) => `#!${text}`),
    bytes.map((text) => `\x7fELF${text}`),
  );
  fc.assert(
    fc.property(
      fc.constantFrom(ENOENT, EACCES, ENOEXEC, 0, 200),
      head,
      fc.option(fc.nat(0o177777)),
      (errno, text, mode) => {
        assert.notEqual(
          explainExec("/x", errno, text, mode, () => ENOENT, "x86_64"),
          "",
        );
      },
    ),
    { numRuns: 1000 },
  );
});

test("explainExec() blames a loop of links on the interpreter when the file itself can be reached", () => {
  const explain = (mode: number | null, errno: number) =>
    explainExec("/x", 40, "#!/bin/loop\n", mode, () => errno, "x86_64");
  assert.equal(
    explain(0o100755, 40),
    'its interpreter "/bin/loop" is a symbolic link that leads back to itself: repair the link',
  );
  assert.equal(explain(0o100755, 0), 'its interpreter "/bin/loop" is a script, and so on, more than five deep');
  assert.equal(explain(null, 40), "too many symbolic links");
});
