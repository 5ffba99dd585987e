import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { frameMessage, MAX_FRAME_BYTES, readFrames } from "./frame.ts";
import { escapeControls, formatText, parseSyslog } from "./syslog.ts";

const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => String.fromCharCode(...array));

test("parseSyslog() reads each form that senders use", () => {
  const cases: readonly [raw: string, priority: number, tag: string, pid: string, text: string][] = [
    ["<30>Nov 21 11:12:34 nginx[7]: started", 30, "nginx", "7", "started"],
    ["<30>Nov  1 11:12:34 nginx: started", 30, "nginx", "", "started"],
    ["<30>Nov 21 11:12:34 box nginx: started", 30, "nginx", "", "started"],
    ["<30>Nov 21 11:12:34 other nginx: started", 30, "", "", "other nginx: started"],
    ["<30>2026-11-21T11:12:34.123456+01:00 nginx: started", 30, "nginx", "", "started"],
    ["<191>nginx: started", 191, "nginx", "", "started"],
    ["<192>nginx: started", 13, "", "", "<192>nginx: started"],
    ["<>x: y", 13, "", "", "<>x: y"],
    ["<3a>x: y", 13, "", "", "<3a>x: y"],
    ["no header at all", 13, "", "", "no header at all"],
    ["", 13, "", "", ""],
    ["<30>http://host/ is no tag", 30, "", "", "http://host/ is no tag"],
    ["<30>tag:", 30, "tag", "", ""],
    ["<30>tag[]: text", 30, "", "", "tag[]: text"],
    ["<30>tag[7] text", 30, "", "", "tag[7] text"],
    ["<34>1 2003-10-11T22:14:15.003Z host su 77 ID47 - failed", 34, "su", "77", "failed"],
    ["<34>1 - - - - - -", 34, "", "", ""],
    ["<34>1 2003-10-11T22:14:15Z h app - - [open", 34, "", "", "1 2003-10-11T22:14:15Z h app - - [open"],
  ];
  for (const [raw, priority, tag, pid, text] of cases) {
    const { data: _, ...rest } = parseSyslog(raw, "box");
    assert.deepEqual(rest, { priority, tag, pid, text }, raw);
  }
});

test("parseSyslog() keeps structured data but for what every sender adds", () => {
  const read = (data: string) => parseSyslog(`<34>1 - h app - - ${data} text`, "box").data;
  assert.equal(read('[timeQuality tzKnown="1"]'), "");
  assert.equal(read('[a@1 x="]\\"]"][meta z="1"][b@1]'), '[a@1 x="]\\"]"][b@1]');
});

test("formatText() is one printable line that ends with the text, whatever a message holds", () => {
  fc.assert(
    fc.property(bytes, (raw) => {
      const line = formatText(parseSyslog(raw, "box"));
      for (let i = 0; i < line.length; i++) assert.ok(line.charCodeAt(i) >= 0x20 || line[i] === "\t");
      assert.ok(line.endsWith(escapeControls(parseSyslog(raw, "box").text)));
    }),
  );
});

test("escapeControls() escapes control characters but tabs, and nothing else", () => {
  const octal = (c: string) => `#${c.charCodeAt(0).toString(8).padStart(3, "0")}`;
  const naive = (text: string) =>
    [...text].map((c) => ((c < " " && c !== "\t") || c === "\x7f" ? octal(c) : c)).join("");
  for (let code = 0; code < 256; code++) {
    const text = `a\t"\\${String.fromCharCode(code)}`;
    assert.equal(escapeControls(text), naive(text));
  }
  fc.assert(fc.property(bytes, (text) => assert.equal(escapeControls(text), naive(text))));
});

test("readFrames() gives back what frameMessage() framed, however the stream is cut", () => {
  const message = fc
    .record({ priority: fc.nat(191), tag: bytes, pid: bytes, text: bytes })
    .map((m) => ({ ...m, data: "" }));
  fc.assert(
    fc.property(fc.array(message, { maxLength: 5 }), fc.nat(), (messages, cut) => {
      const framed = messages.map((m) => frameMessage(m, "2026-11-21T11:12:34+01:00", "box"));
      const stream = framed.join("");
      const { frames, broken } = readFrames(stream);
      assert.equal(broken, false);
      assert.deepEqual(
        frames.map(([from, end]) => stream.slice(from, end)),
        framed.map((f) => f.slice(f.indexOf(" ") + 1)),
      );
      const part = readFrames(stream.slice(0, cut % (stream.length + 1)));
      assert.equal(part.broken, false);
      assert.deepEqual(part.frames, frames.slice(0, part.frames.length));
    }),
  );
});

test("frameMessage() cuts what would be longer than a datagram", () => {
  const message = { priority: 30, tag: "app", pid: "7", data: "", text: "\x01".repeat(32_768) };
  const framed = frameMessage(message, "2026-11-21T11:12:34+01:00", "box");
  assert.deepEqual(readFrames(framed), { frames: [[6, 6 + MAX_FRAME_BYTES]], broken: false });
});

test("parseSyslog() takes what is too long for a tag or a pid as text", () => {
  const long = "x".repeat(129);
  for (const raw of [`1 - h ${long} - - - text`, `1 - h app ${long} - - text`, `${long}: text`])
    assert.deepEqual(parseSyslog(`<30>${raw}`, "box"), { priority: 30, tag: "", pid: "", data: "", text: raw });
});

test("readFrames() says so when the text is no frames", () => {
  for (const text of ["x", "0 ", "-1 a", "1e3 a", "65001 a", "9999999 a", "01 a"])
    assert.equal(readFrames(text).broken, true, text);
});
