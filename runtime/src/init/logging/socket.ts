import { JOURNAL_SOCKET, SYSLOG_SOCKET } from "../../../../lib/log/sockets.ts";
import type { Journal } from "../../base/journal.ts";
import type { Loop } from "../../base/loop.ts";
import type { Messages } from "../../base/messages.ts";
import { occupantOf } from "../../base/socket-place.ts";
import { distrust } from "../../base/trusted-directory.ts";
import { type Bytes, Errno, type Sys } from "../../sys.ts";

const EVERYBODY = 0o666;
/** @see shutdown(2) SHUT_RD */
const RECEIVING = 0;
/** Another log daemon that restarts takes the old socket away and binds a new one within this time. */
const REPLACE_MS = 1000;

/** What the next incarnation of the init takes over of one socket. */
export interface SocketRecord {
  readonly socket: Bytes;
  /** -1 while the name belongs to another log daemon. */
  readonly fd: number;
  /** Inode of the name: of ours, or of the other daemon's that took it; 0 when the name was never ours. */
  readonly ino: number;
  /** The name belongs to another socket now; a daemon has still to read what waits in this one. */
  readonly retired: boolean;
}

/** A socket and its slot in the journal. */
interface Entry {
  readonly slot: number;
  record: SocketRecord;
}

/** The names that programs send messages to, and who has them. */
export class LogSockets {
  readonly #sys: Sys;
  readonly #loop: Loop;
  readonly #messages: Messages;
  readonly #journal: Journal;
  readonly #changed: () => void;
  #entries: Entry[];
  /** Sockets that the running daemon was started with; `null` when an earlier incarnation started it. */
  #given: readonly Entry[] | null = null;
  /** Retired sockets that the running daemon was told to read to their end. */
  #draining: readonly Entry[] = [];
  /** Further sockets that cannot be bound, which was said. */
  readonly #refused = new Set<Bytes>();
  #looking = false;
  #withdrawn = false;

  /**
   * @param resumed what an earlier incarnation noted, by slot
   * @param changed called when the daemon has to be given other sockets than it has
   */
  constructor(
    parts: { sys: Sys; loop: Loop; messages: Messages; journal: Journal },
    resumed: ReadonlyMap<number, SocketRecord>,
    changed: () => void,
  ) {
    this.#sys = parts.sys;
    this.#loop = parts.loop;
    this.#messages = parts.messages;
    this.#journal = parts.journal;
    this.#changed = changed;
    this.#entries = [...resumed].map(([slot, record]) => ({ slot, record }));
  }

  /** Whether there is a socket to read. */
  get any(): boolean {
    return this.#entries.some(({ record }) => record.fd >= 0);
  }

  /** Whether a daemon has still to read what waits in a retired socket. */
  get pending(): boolean {
    return this.#entries.some(({ record }) => record.retired);
  }

  /** For a daemon that starts: descriptors of the two usual sockets, -1 for none, and of all others with their paths. */
  handedOver(): { syslog: number; journal: number; paths: Bytes[]; others: number[] } {
    const usual = [this.#live(SYSLOG_SOCKET), this.#live(JOURNAL_SOCKET)];
    this.#given = this.#entries.filter(({ record }) => record.fd >= 0);
    const others = this.#given.filter((entry) => !usual.includes(entry));
    return {
      syslog: usual[0]?.record.fd ?? -1,
      journal: usual[1]?.record.fd ?? -1,
      paths: others.map(({ record }) => record.socket),
      others: others.map(({ record }) => record.fd),
    };
  }

  /** Binds the usual sockets, where they belong to nobody else. */
  bind(): void {
    this.#withdrawn = false;
    this.#bindSyslog();
    this.#bindJournal();
  }

  /** From now on another daemon that takes /dev/log gets it. */
  watch(): void {
    this.#loop.watchDirectory("/dev", () => this.#look());
  }

  /**
   * Binds a further socket, for a program in a chroot.
   * @param from who asks for it @param optional whether it is left out without a word when its directory is not there
   * @returns whether it is new
   */
  add(path: Bytes, from: Bytes, optional: boolean): boolean {
    if (this.#withdrawn || this.#live(path) !== undefined) return false;
    const why = distrust(this.#sys, path.slice(0, path.lastIndexOf("/")) || "/");
    const missing = why === -Errno.ENOENT || why === -Errno.ENOTDIR;
    if (missing && optional) return false;
    const refused = typeof why === "number" ? this.#sys.strerror(-why) : (why ?? this.#bindAt(path));
    if (refused === null) return true;
    if (!this.#refused.has(path)) this.#messages.warn(`cannot bind ${path}, which ${from} asks for: ${refused}`);
    this.#refused.add(path);
    return false;
  }

  /** A child has ended: perhaps the log daemon that ours stepped aside for, and not each of them takes its socket away. */
  childEnded(): void {
    const aside = this.#live(SYSLOG_SOCKET)?.record;
    if (this.#looking || this.#withdrawn || aside === undefined || aside.fd >= 0 || aside.ino === 0) return;
    this.#looking = true;
    this.#loop.after(REPLACE_MS, () => {
      this.#looking = false;
      const there = this.#sys.lstat(SYSLOG_SOCKET);
      if (typeof there !== "number" && there.ino === aside.ino && occupantOf(this.#sys, SYSLOG_SOCKET) === "left")
        this.#takePlace("was left behind by a log daemon that has ended");
    });
  }

  /** Takes away the names that are ours, so that nobody sends to sockets that nobody reads. What waits in them can still be read. */
  withdraw(): void {
    this.#withdrawn = true;
    for (const { record } of this.#entries) if (record.fd >= 0 && !record.retired) this.#unlinkOwn(record);
  }

  /** {@link withdraw}, and drops what waits in the sockets. */
  giveUp(): void {
    this.withdraw();
    for (const { slot, record } of this.#entries) {
      if (record.fd >= 0) this.#sys.close(record.fd);
      this.#journal.release(slot);
    }
    this.#entries = [];
  }

  /** The running daemon is told to read retired sockets to their end. */
  drain(): void {
    this.#draining = this.#entries.filter((entry) => entry.record.retired && (this.#given?.includes(entry) ?? true));
  }

  /** The daemon has done what {@link drain} announced. */
  drained(): void {
    for (const { slot, record } of this.#draining) {
      this.#sys.close(record.fd);
      this.#journal.release(slot);
    }
    this.#entries = this.#entries.filter((entry) => !this.#draining.includes(entry));
    this.#draining = [];
  }

  #live(path: Bytes): Entry | undefined {
    return this.#entries.find(({ record }) => record.socket === path && !record.retired);
  }

  #note(path: Bytes, change: Partial<SocketRecord>, entry = this.#live(path)): void {
    const noted = entry ?? {
      slot: this.#journal.allocate(),
      record: { socket: path, fd: -1, ino: 0, retired: false },
    };
    if (entry === undefined) this.#entries.push(noted);
    noted.record = { ...noted.record, ...change };
    this.#journal.write(noted.slot, JSON.stringify(noted.record));
  }

  #bindSyslog(): boolean {
    const refused = this.#bindAt(SYSLOG_SOCKET);
    if (refused === null) return true;
    if (occupantOf(this.#sys, SYSLOG_SOCKET) === "alive")
      this.#messages.info(`${SYSLOG_SOCKET} belongs to another log daemon, which gets what programs send to syslog`);
    else this.#messages.warn(`cannot bind ${SYSLOG_SOCKET}: ${refused}; what programs send to syslog is lost`);
    this.#note(SYSLOG_SOCKET, { fd: -1, ino: 0 });
    return false;
  }

  /** Nobody misses it where it cannot be. */
  #bindJournal(): void {
    if (this.#live(JOURNAL_SOCKET) !== undefined) return;
    for (const directory of ["/run/systemd", "/run/systemd/journal"]) this.#sys.mkdir(directory, 0o755);
    const refused = this.#bindAt(JOURNAL_SOCKET);
    if (refused !== null && occupantOf(this.#sys, JOURNAL_SOCKET) === "alive")
      this.#messages.info(
        `${JOURNAL_SOCKET} belongs to another log daemon, which gets what programs send to the journal`,
      );
  }

  /** Binds a socket that everybody may send to, in place of a dead one of this container. `null`, or why that cannot be. */
  #bindAt(path: Bytes): string | null {
    const sys = this.#sys;
    const occupant = occupantOf(sys, path);
    if (occupant === "alive") return "another log daemon has it";
    if (occupant === "foreign")
      return "it was there before the container and nobody answers at it; start its log daemon, or do not mount it";
    if (occupant === "left") sys.unlink(path);
    const fd = sys.unixBindDatagram(path);
    if (fd === -Errno.EADDRINUSE && occupant === "other")
      return `there is something else than a socket (${sys.strerror(Errno.EADDRINUSE)})`;
    if (fd === -Errno.EADDRINUSE) return "it is mounted from elsewhere and nobody answers at it";
    if (fd < 0) return sys.strerror(-fd);
    sys.chmod(path, EVERYBODY);
    sys.passCredentials(fd);
    const bound = sys.lstat(path);
    this.#note(path, { fd, ino: typeof bound === "number" ? 0 : bound.ino });
    return null;
  }

  #unlinkOwn(record: SocketRecord): void {
    const there = this.#sys.lstat(record.socket);
    if (typeof there !== "number" && there.ino === record.ino) this.#sys.unlink(record.socket);
  }

  /** Something in /dev has changed: is the socket still ours? */
  #look(): void {
    const own = this.#live(SYSLOG_SOCKET)?.record;
    // One that was another's from the start stays the other's.
    if (this.#withdrawn || own === undefined || (own.fd < 0 && own.ino === 0)) return;
    const there = this.#sys.lstat(SYSLOG_SOCKET);
    if (typeof there === "number") {
      this.#loop.after(REPLACE_MS, () => {
        if (typeof this.#sys.lstat(SYSLOG_SOCKET) === "number") this.#takePlace("was gone");
      });
    } else if (own.fd >= 0 && there.ino !== own.ino) this.#stepAside(there.ino);
    // The other daemon has restarted.
    else if (own.fd < 0 && there.ino !== own.ino) this.#note(SYSLOG_SOCKET, { ino: there.ino });
  }

  /** @param why completes the sentence that begins with the socket's name */
  #takePlace(why: Bytes): void {
    if (this.#withdrawn) return;
    this.#retire(SYSLOG_SOCKET);
    // One that cannot be bound is not tried again for each child that ends.
    const bound = this.#bindSyslog();
    if (bound) {
      this.#bindJournal();
      this.#messages.warn(`${SYSLOG_SOCKET} ${why}: it is bound again`);
    }
    this.#changed();
  }

  #stepAside(ino: number): void {
    this.#messages.warn(`${SYSLOG_SOCKET} belongs to another log daemon now: ours steps aside`);
    this.#retire(SYSLOG_SOCKET);
    this.#note(SYSLOG_SOCKET, { fd: -1, ino });
    // Its clients would send messages that the other daemon does not get; without it they do without.
    const journal = this.#live(JOURNAL_SOCKET);
    if (journal !== undefined) this.#unlinkOwn(journal.record);
    this.#retire(JOURNAL_SOCKET);
    this.#changed();
  }

  /** From now on senders are refused, and connect to the socket that has the name. */
  #retire(path: Bytes): void {
    const entry = this.#live(path);
    if (entry === undefined || entry.record.fd < 0) return;
    this.#sys.shutdown(entry.record.fd, RECEIVING);
    this.#note(path, { retired: true }, entry);
  }
}
