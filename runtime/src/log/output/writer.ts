import type { Bytes } from "../../sys.ts";
import { type Arena, Kind, NOTE_WORDS, Phase, SCRATCH_AT, SCRATCH_BYTES, SLOTS, Word } from "../memory/arena.ts";
import { forget } from "../memory/forget.ts";
import { writeSpans } from "../memory/spans.ts";
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
  /** Which files each line of the batch goes to; all lines are spans of the list of files, two each. */
  readonly #routes = new Int32Array(2 * SLOTS);
  #lines = 0;
  #allRoutes = 0;
  #uniform = true;
  #filesEnd: number;
  #filesBytes = 0;
  /** The container's log has a list of its own: a line of it differs from that of the files. */
  #apart = false;
  #containerEnd: number;
  readonly #spool: LogFile | null;
  #forwardEnd: number;
  #forwardBytes = 0;
  #forwardLines = 0;
  #scratch = SCRATCH_AT;
  #touched: LogFile[] = [];
  #resumed: () => void = () => {};
  /** A batch is not written to its end: nothing new may be laid out. */
  busy = false;

  /** @param written called when a batch is done with, with the files that it was written to */
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

  /** Whether as many lines and as much text can be added still. */
  fits(lines: number, bytes: number): boolean {
    return this.#lines + lines <= this.#routes.length && this.#scratch + bytes <= SCRATCH_AT + SCRATCH_BYTES;
  }

  /** Lays a text out in the arena; where it starts. It ends where the next one starts. */
  place(text: Bytes): number {
    const at = this.#scratch;
    if (at + text.length > SCRATCH_AT + SCRATCH_BYTES) throw new Error("a batch of the log daemon is too large");
    this.#scratch += this.#arena.poke(at, text);
    return at;
  }

  /** A line that reads the same everywhere: `head` (offset and bytes) and `[from, end)`. */
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

  /** A line of the files alone; what the container's log has instead follows as {@link span}s. */
  addToFiles(headAt: number, headBytes: number, from: number, end: number, route: number): void {
    this.apart();
    const containerEnd = this.#containerEnd;
    this.add(headAt, headBytes, from, end, route);
    this.#containerEnd = containerEnd;
  }

  /** From here on the container's log has a list of its own. */
  apart(): void {
    if (this.#apart) return;
    this.#apart = true;
    const { words } = this.#arena;
    const files = this.#arena.listAt(FILES);
    words.copyWithin(this.#containerEnd, files, this.#filesEnd);
    this.#containerEnd += this.#filesEnd - files;
  }

  /** A part of the container's log alone, once it is {@link apart}. */
  span(at: number, length: number): void {
    const { words } = this.#arena;
    words[this.#containerEnd] = at;
    words[this.#containerEnd + 1] = length;
    this.#containerEnd += 2;
  }

  /** A line of the container's log alone, of two parts. */
  spans(prefixAt: number, prefixBytes: number, at: number, length: number): void {
    const { words } = this.#arena;
    const end = this.#containerEnd;
    words[end] = prefixAt;
    words[end + 1] = prefixBytes;
    words[end + 2] = at;
    words[end + 3] = length;
    this.#containerEnd = end + 4;
  }

  /** A frame to forward. */
  forward(frame: Bytes): void {
    const { words } = this.#arena;
    words[this.#forwardEnd] = this.place(frame);
    words[this.#forwardEnd + 1] = frame.length;
    this.#forwardEnd += 2;
    this.#forwardBytes += frame.length;
    this.#forwardLines++;
  }

  /**
   * Writes the batch.
   * @param resumed called when the batch is done with, if that is not at once
   */
  commit(kind: Kind, resumed: () => void): boolean {
    this.#arena.state[Word.Notes] = 0;
    let at = this.#arena.listAt(PARTS);
    for (let bit = 0; 1 << bit <= this.#allRoutes; bit++) {
      const file = this.#routed[bit];
      if (file === undefined || (this.#allRoutes & (1 << bit)) === 0) continue;
      if (this.#uniform) this.#note(file, this.#arena.listAt(FILES), this.#filesEnd, this.#filesBytes, this.#lines);
      else at = this.#noteSome(file, 1 << bit, at);
    }
    return this.#write(kind, resumed);
  }

  /** Makes the list of those lines that go to a file; where it ends. */
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
    this.#note(file, from, end, total, (end - from) / 4);
    return end;
  }

  /** Writes the container's part of the batch, and a list of spans to a file of its own (or none). */
  commitTo(
    file: LogFile | null,
    from: number,
    end: number,
    total: number,
    lines: number,
    resumed: () => void,
  ): boolean {
    this.#arena.state[Word.Notes] = 0;
    if (file !== null && total > 0) this.#note(file, from, end, total, lines);
    return this.#write(Kind.Chunk, resumed);
  }

  /** Finishes what an earlier incarnation began, by its notes. `true` when that is done at once. */
  recover(resumed: () => void): boolean {
    const { sys, state } = this.#arena;
    if (state[Word.Phase] === Phase.Forgetting) forget(this.#arena);
    if (state[Word.Phase] !== Phase.Writing) return true;
    for (let note = 0; note < (state[Word.Notes] as number); note++) {
      const at = Word.FirstNote + note * NOTE_WORDS;
      const fd = openLog(sys, this.#arena.path(state[at] as number));
      if (fd < 0) continue;
      const before = (state[at + 5] as number) * 2 ** 32 + ((state[at + 4] as number) >>> 0);
      // Smaller than noted: somebody has emptied it, and nothing of the batch is in it.
      const done = Math.max(0, sys.size(fd) - before);
      writeSpans(this.#arena, fd, state[at + 1] as number, state[at + 2] as number, done, state[at + 3] as number);
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

  #note(file: LogFile, from: number, end: number, total: number, lines: number): void {
    const { state } = this.#arena;
    const before = file.prepare(lines);
    if (before < 0) return;
    const at = Word.FirstNote + (state[Word.Notes] as number) * NOTE_WORDS;
    state[at] = file.pathAt;
    state[at + 1] = from;
    state[at + 2] = end;
    state[at + 3] = total;
    state[at + 4] = before | 0;
    state[at + 5] = Math.floor(before / 2 ** 32);
    state[at + 6] = lines;
    state[Word.Notes] = (state[Word.Notes] as number) + 1;
    this.#touched.push(file);
  }

  #write(kind: Kind, resumed: () => void): boolean {
    const { state } = this.#arena;
    if (this.#spool !== null && this.#forwardLines > 0)
      this.#note(this.#spool, this.#arena.listAt(FORWARD), this.#forwardEnd, this.#forwardBytes, this.#forwardLines);
    state[Word.ContainerFrom] = this.#arena.listAt(this.#apart ? CONTAINER : FILES);
    state[Word.ContainerEnd] = this.#apart ? this.#containerEnd : this.#filesEnd;
    state[Word.Kind] = kind;
    state[Word.Phase] = Phase.Writing;
    for (let note = 0; note < this.#touched.length; note++) {
      const at = Word.FirstNote + note * NOTE_WORDS;
      const [from, end, total] = [state[at + 1] as number, state[at + 2] as number, state[at + 3] as number];
      this.#touched[note]?.write(from, end, total, state[at + 6] as number);
    }
    // The container's log can take its time: whoever moves a file meanwhile must not make one who comes after us write it again.
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
