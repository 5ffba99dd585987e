import type { Bytes } from "../sys.ts";
import { type Arena, Kind, NOTE_WORDS, Phase, SCRATCH_AT, SCRATCH_BYTES, SLOTS, Word } from "./arena.ts";
import type { ContainerLog } from "./container-log.ts";
import { forget } from "./forget.ts";
import { type LogFile, openLog } from "./log-file.ts";
import { writeSpans } from "./spans.ts";

/** Lists of the arena. */
const CONTAINER = 0;
const FILES = 1;

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
  /** Lines of the batch: where each starts and ends, and the files that it goes to. */
  readonly #from = new Int32Array(2 * SLOTS);
  readonly #end = new Int32Array(2 * SLOTS);
  readonly #route = new Int32Array(2 * SLOTS);
  #lines = 0;
  #routes = 0;
  /** All lines so far go to the same files, and are in the container's log as they are in these. */
  #uniform = true;
  #containerEnd: number;
  #containerBytes = 0;
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
    written: (files: readonly LogFile[]) => void,
  ) {
    this.#arena = arena;
    this.#container = container;
    this.#routed = routed;
    this.#written = written;
    this.#containerEnd = arena.listAt(CONTAINER);
  }

  /** Whether no line was added since the last batch. */
  get empty(): boolean {
    return this.#lines === 0 && this.#containerBytes === 0;
  }

  /** Whether as many lines and as much text can be added still. */
  fits(lines: number, bytes: number): boolean {
    return this.#lines + lines <= this.#from.length && this.#scratch + bytes <= SCRATCH_AT + SCRATCH_BYTES;
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
    this.#addRoute(from, end, route);
    this.span(headAt, headBytes);
    this.span(from, end - from);
  }

  /** A line of the files alone. */
  addToFiles(from: number, end: number, route: number): void {
    this.#addRoute(from, end, route);
    this.#uniform = false;
  }

  /** A part of the container's log alone. */
  span(at: number, length: number): void {
    const { words } = this.#arena;
    words[this.#containerEnd] = at;
    words[this.#containerEnd + 1] = length;
    this.#containerEnd += 2;
    this.#containerBytes += length;
  }

  #addRoute(from: number, end: number, route: number): void {
    const line = this.#lines++;
    this.#from[line] = from;
    this.#end[line] = end;
    this.#route[line] = route;
    if (line > 0 && route !== this.#routes) this.#uniform = false;
    this.#routes |= route;
  }

  /**
   * Writes the batch.
   * @param headAt what each line of the files starts with
   * @param resumed called when the batch is done with, if that is not at once
   */
  commit(kind: Kind, headAt: number, headBytes: number, resumed: () => void): boolean {
    const { words, state } = this.#arena;
    state[Word.Notes] = 0;
    let listEnd = this.#arena.listAt(FILES);
    for (let bit = 0; 1 << bit <= this.#routes; bit++) {
      const file = this.#routed[bit];
      if (file === undefined || (this.#routes & (1 << bit)) === 0) continue;
      if (this.#uniform) {
        this.#note(file, this.#arena.listAt(CONTAINER), this.#containerEnd, this.#containerBytes, this.#lines);
        continue;
      }
      const from = listEnd;
      let total = 0;
      for (let line = 0; line < this.#lines; line++) {
        if (((this.#route[line] as number) & (1 << bit)) === 0) continue;
        const start = this.#from[line] as number;
        const length = (this.#end[line] as number) - start;
        words[listEnd] = headAt;
        words[listEnd + 1] = headBytes;
        words[listEnd + 2] = start;
        words[listEnd + 3] = length;
        listEnd += 4;
        total += headBytes + length;
      }
      this.#note(file, from, listEnd, total, (listEnd - from) / 4);
    }
    return this.#write(kind, resumed);
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
    state[Word.ContainerFrom] = this.#arena.listAt(CONTAINER);
    state[Word.ContainerEnd] = this.#containerEnd;
    state[Word.Kind] = kind;
    state[Word.Phase] = Phase.Writing;
    for (let note = 0; note < this.#touched.length; note++) {
      const at = Word.FirstNote + note * NOTE_WORDS;
      const [from, end, total] = [state[at + 1] as number, state[at + 2] as number, state[at + 3] as number];
      this.#touched[note]?.write(from, end, total, state[at + 6] as number);
    }
    this.busy = true;
    this.#resumed = resumed;
    return this.#finish();
  }

  #finish(): boolean {
    if (!this.#container.flush(this.#again)) return false;
    forget(this.#arena);
    this.#lines = 0;
    this.#routes = 0;
    this.#uniform = true;
    this.#containerEnd = this.#arena.listAt(CONTAINER);
    this.#containerBytes = 0;
    this.#scratch = SCRATCH_AT;
    const touched = this.#touched;
    this.#touched = [];
    this.busy = false;
    if (touched.length > 0) this.#written(touched);
    return true;
  }
}
