import type { Bytes } from "../../sys.ts";
import {
  type Arena,
  Kind,
  NOTE_WORDS,
  Phase,
  type Range,
  SCRATCH_AT,
  SCRATCH_BYTES,
  SLOTS,
  Word,
} from "../memory/arena.ts";
import { forget } from "../memory/forget.ts";
import { type SpanList, writeSpans } from "../memory/spans.ts";
import type { ContainerLog } from "./container-log.ts";
import { type LogFile, openLog } from "./log-file.ts";

/** Lists of the arena. */
const CONTAINER = 0;
const FILES = 1;
const PARTS = 2;
const FORWARD = 3;

/**
 * Writes batches of lines: to files, each of which then holds them exactly once whatever happens, and to the container's log.
 *
 * First everything is laid out as spans of the arena, then a note is made of each file's size, then the files are written. A
 * kill in between leaves the notes: a file that is longer than its note says has that much of the batch already.
 */
export class Writer {
  readonly #arena: Arena;
  readonly #container: ContainerLog;
  /** Files of lines with a route, by its bits. */
  readonly #routed: readonly LogFile[];
  readonly #written: (files: readonly LogFile[]) => void;
  /** Route of each line of the batch. Each line is two spans of the list of files. */
  readonly #routes = new Int32Array(2 * SLOTS);
  #lines = 0;
  #allRoutes = 0;
  #uniform = true;
  #filesEnd: number;
  #filesBytes = 0;
  /** Whether the container's log has a list of its own, because a line of it differs from that of the files. */
  #apart = false;
  #containerEnd: number;
  readonly #spool: LogFile | null;
  #forwardEnd: number;
  #forwardBytes = 0;
  #forwardLines = 0;
  #scratch = SCRATCH_AT;
  #touched: LogFile[] = [];
  #resumed: () => void = () => {};
  /** Whether a batch is not written to its end. Nothing new may be laid out then. */
  busy = false;

  /** @param written called after each batch, with the files that it was written to */
  constructor(
    arena: Arena,
    container: ContainerLog,
    routed: readonly LogFile[],
    spool: LogFile | null,
    written: (files: readonly LogFile[]) => void,
  ) {
    this.#arena = arena;
    this.#container = container;
    this.#routed = routed;
    this.#written = written;
    this.#filesEnd = arena.listAt(FILES);
    this.#containerEnd = arena.listAt(CONTAINER);
    this.#spool = spool;
    this.#forwardEnd = arena.listAt(FORWARD);
  }

  /** Whether no line was added since the last batch. */
  get empty(): boolean {
    return this.#lines === 0 && !this.#apart;
  }

  /** Whether so many lines and so much text can still be added. */
  fits(lines: number, bytes: number): boolean {
    return this.#lines + lines <= this.#routes.length && this.#scratch + bytes <= SCRATCH_AT + SCRATCH_BYTES;
  }

  /** Copies a text into the arena and returns where it starts. It ends where the next one starts. */
  place(text: Bytes): number {
    const at = this.#scratch;
    if (at + text.length > SCRATCH_AT + SCRATCH_BYTES) throw new Error("a batch of the log daemon is too large");
    this.#scratch += this.#arena.poke(at, text);
    return at;
  }

  /** Adds a line that reads the same everywhere: its head, then `[from, end)`. Five numbers, because nearly every message comes here. */
  add(headAt: number, headBytes: number, from: number, end: number, route: number): void {
    const words = this.#arena.words;
    const at = this.#filesEnd;
    words[at] = headAt;
    words[at + 1] = headBytes;
    words[at + 2] = from;
    words[at + 3] = end - from;
    this.#filesEnd = at + 4;
    this.#filesBytes += headBytes + end - from;
    this.#routes[this.#lines++] = route;
    if (route !== this.#allRoutes) {
      if (this.#lines > 1) this.#uniform = false;
      this.#allRoutes |= route;
    }
    if (!this.#apart) return;
    this.span(headAt, headBytes);
    this.span(from, end - from);
  }

  /** Adds a line to the files alone. That of the container's log follows as {@link span}s. */
  addToFiles(headAt: number, headBytes: number, from: number, end: number, route: number): void {
    this.apart();
    const containerEnd = this.#containerEnd;
    this.add(headAt, headBytes, from, end, route);
    this.#containerEnd = containerEnd;
  }

  /** Begins a list of its own for the container's log. */
  apart(): void {
    if (this.#apart) return;
    this.#apart = true;
    const { words } = this.#arena;
    const files = this.#arena.listAt(FILES);
    words.copyWithin(this.#containerEnd, files, this.#filesEnd);
    this.#containerEnd += this.#filesEnd - files;
  }

  /** Adds a part of a line to the container's log alone, once it is {@link apart}. */
  span(at: number, length: number): void {
    // An empty span says nothing of where a line ends.
    if (length === 0) return;
    const { words } = this.#arena;
    words[this.#containerEnd] = at;
    words[this.#containerEnd + 1] = length;
    this.#containerEnd += 2;
  }

  /** Adds a line of two parts to the container's log alone. */
  spans(prefixAt: number, prefixBytes: number, at: number, length: number): void {
    const { words } = this.#arena;
    const end = this.#containerEnd;
    words[end] = prefixAt;
    words[end + 1] = prefixBytes;
    words[end + 2] = at;
    words[end + 3] = length;
    this.#containerEnd = end + 4;
  }

  /** Adds a frame to forward: its head, and the place of its text. */
  forward(head: Bytes, { from, end }: Range): void {
    const { words } = this.#arena;
    const at = this.#forwardEnd;
    words[at] = this.place(head);
    words[at + 1] = head.length;
    words[at + 2] = from;
    words[at + 3] = end - from;
    this.#forwardEnd = at + 4;
    this.#forwardBytes += head.length + end - from;
    this.#forwardLines++;
  }

  /** Copies parts of the arena to one place. */
  join(ranges: readonly Range[]): Range {
    const at = this.#scratch;
    for (const { from, end } of ranges) {
      this.#arena.bytes.copyWithin(this.#scratch, from, end);
      this.#scratch += end - from;
    }
    return { from: at, end: this.#scratch };
  }

  /**
   * Writes the batch.
   * @param resumed called when the batch is written, if that is not at once
   */
  commit(kind: Kind, resumed: () => void): boolean {
    this.#arena.state[Word.Notes] = 0;
    let at = this.#arena.listAt(PARTS);
    for (let bit = 0; 1 << bit <= this.#allRoutes; bit++) {
      const file = this.#routed[bit];
      if (file === undefined || (this.#allRoutes & (1 << bit)) === 0) continue;
      if (this.#uniform) this.#note(file, this.#filesList());
      else at = this.#noteSome(file, 1 << bit, at);
    }
    return this.#write(kind, resumed);
  }

  /** Makes the list of the lines that go to one file; returns where it ends. */
  #noteSome(file: LogFile, route: number, from: number): number {
    const { words } = this.#arena;
    let end = from;
    let total = 0;
    let at = this.#arena.listAt(FILES);
    for (let line = 0; line < this.#lines; line++, at += 4) {
      if (((this.#routes[line] as number) & route) === 0) continue;
      words.copyWithin(end, at, at + 4);
      total += (words[at + 1] as number) + (words[at + 3] as number);
      end += 4;
    }
    this.#note(file, { from, end, bytes: total, lines: (end - from) / 4 });
    return end;
  }

  #filesList(): SpanList {
    return {
      from: this.#arena.listAt(FILES),
      end: this.#filesEnd,
      bytes: this.#filesBytes,
      lines: this.#lines,
    };
  }

  /** Writes the container's part of the batch, and a list of spans to a service's own file, if it has one. */
  commitTo(file: LogFile | null, list: SpanList | null, resumed: () => void): boolean {
    this.#arena.state[Word.Notes] = 0;
    if (file !== null && list !== null && list.bytes > 0) this.#note(file, list);
    return this.#write(Kind.Chunk, resumed);
  }

  /** Finishes the batch of the previous instance by its notes. `true` when that is done at once. */
  recover(resumed: () => void): boolean {
    const { sys, state } = this.#arena;
    if (state[Word.Phase] === Phase.Forgetting) forget(this.#arena);
    if (state[Word.Phase] !== Phase.Writing) return true;
    for (let note = 0; note < (state[Word.Notes] as number); note++) {
      const at = Word.FirstNote + note * NOTE_WORDS;
      const fd = openLog(sys, this.#arena.path(state[at] as number));
      if (typeof fd === "string" || fd < 0) continue;
      const before = (state[at + 5] as number) * 2 ** 32 + ((state[at + 4] as number) >>> 0);
      // A file that is smaller than noted was emptied by somebody: it has nothing of the batch.
      const done = Math.max(0, sys.size(fd) - before);
      writeSpans(this.#arena, fd, this.#noted(at), done);
      sys.close(fd);
    }
    state[Word.Notes] = 0;
    this.busy = true;
    this.#resumed = resumed;
    return this.#finish();
  }

  readonly #again = () => {
    if (this.busy && this.#finish()) this.#resumed();
  };

  /** Notes a file's size and what is to be appended to it. */
  #note(file: LogFile, list: SpanList): void {
    const { state } = this.#arena;
    const before = file.prepare(list.lines);
    if (before < 0) return;
    const at = Word.FirstNote + (state[Word.Notes] as number) * NOTE_WORDS;
    state[at] = file.pathAt;
    state[at + 1] = list.from;
    state[at + 2] = list.end;
    state[at + 3] = list.bytes;
    state[at + 4] = before | 0;
    state[at + 5] = Math.floor(before / 2 ** 32);
    state[at + 6] = list.lines;
    state[Word.Notes] = (state[Word.Notes] as number) + 1;
    this.#touched.push(file);
  }

  /** The list in the note at a word of the state. */
  #noted(at: number): SpanList {
    const { state } = this.#arena;
    return {
      from: state[at + 1] as number,
      end: state[at + 2] as number,
      bytes: state[at + 3] as number,
      lines: state[at + 6] as number,
    };
  }

  #write(kind: Kind, resumed: () => void): boolean {
    const { state } = this.#arena;
    if (this.#spool !== null && this.#forwardLines > 0) {
      const [from, end] = [this.#arena.listAt(FORWARD), this.#forwardEnd];
      this.#note(this.#spool, { from, end, bytes: this.#forwardBytes, lines: this.#forwardLines });
    }
    state[Word.ContainerFrom] = this.#arena.listAt(this.#apart ? CONTAINER : FILES);
    state[Word.ContainerEnd] = this.#apart ? this.#containerEnd : this.#filesEnd;
    state[Word.Kind] = kind;
    state[Word.Phase] = Phase.Writing;
    for (let note = 0; note < this.#touched.length; note++) {
      this.#touched[note]?.write(this.#noted(Word.FirstNote + note * NOTE_WORDS));
    }
    // Notes are taken back before the container's log is written, which may take long: a file that is moved meanwhile would look unwritten.
    state[Word.Notes] = 0;
    this.busy = true;
    this.#resumed = resumed;
    return this.#finish();
  }

  #finish(): boolean {
    if (!this.#container.flush(this.#again)) return false;
    forget(this.#arena);
    this.#forwardEnd = this.#arena.listAt(FORWARD);
    this.#forwardBytes = 0;
    this.#forwardLines = 0;
    this.#lines = 0;
    this.#allRoutes = 0;
    this.#uniform = true;
    this.#filesEnd = this.#arena.listAt(FILES);
    this.#filesBytes = 0;
    this.#apart = false;
    this.#containerEnd = this.#arena.listAt(CONTAINER);
    this.#scratch = SCRATCH_AT;
    const touched = this.#touched;
    this.#touched = [];
    this.busy = false;
    if (touched.length > 0) this.#written(touched);
    return true;
  }
}
