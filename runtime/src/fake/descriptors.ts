import { type Bytes, Errno, Open, Poll } from "../sys.ts";
import type { FakeFiles, Inode } from "./files.ts";
import type { Datagram } from "./shared-memory.ts";

/** An open file, shared by the descriptors that are duplicates of each other. */
export interface Description {
  references: number;
  readonly survivesRestart: boolean;
  readonly read?: (max: number) => Bytes | number;
  readonly write?: (data: Bytes) => number;
  /** {@link Poll} bits. */
  readonly ready?: () => number;
  readonly closed?: () => void;
  readonly file?: { readonly inode: Inode; offset: number; readonly flags: number };
  readonly listener?: { readonly connections: Connection[] };
  /** What waits in a bound datagram socket. */
  readonly datagrams?: Datagram[];
  /** Nothing can be sent to it any more. */
  shut?: boolean;
  readonly connection?: Connection;
  readonly alarm?: Alarm;
  readonly watched?: Map<number, { description: Description; events: number }>;
}

/** One end of a stream. */
export interface Connection {
  inbox: Bytes;
  open: boolean;
  /** Whether a read without data waits, which the fake cannot. */
  blocking: boolean;
  peer: Connection;
}

/** A timer of the wall clock; `at` is milliseconds since the Epoch. */
export interface Alarm {
  at: number;
  cancelOnSet: boolean;
  canceled: boolean;
}

/** Parts that make a description; without `read` or `write` the call answers `-EBADF`. */
export function describe(
  parts: Omit<Description, "references" | "survivesRestart">,
  survivesRestart = false,
): Description {
  return { ...parts, references: 1, survivesRestart };
}

export function release(description: Description): void {
  if (--description.references === 0) description.closed?.();
}

export function describeFile(files: FakeFiles, inode: Inode, flags: number, survivesRestart = false): Description {
  const file = { inode, offset: 0, flags };
  const read = (max: number) => {
    if (inode.entries !== null) return -Errno.EISDIR;
    const data = inode.content.read(file.offset, max);
    file.offset += data.length;
    return data;
  };
  const write = (data: Bytes) => {
    if ((flags & Open.Append) !== 0) file.offset = inode.content.size;
    files.write(inode, data, file.offset);
    file.offset += data.length;
    return data.length;
  };
  const access = flags & 3;
  return describe(
    { file, ...(access === Open.Write ? {} : { read }), ...(access === Open.Read ? {} : { write }) },
    survivesRestart,
  );
}

/** Two ends of a stream: what goes into one comes out of the other. */
export function connect(): [Connection, Connection] {
  const near = { inbox: "", open: true, blocking: true } as Connection;
  const far: Connection = { inbox: "", open: true, blocking: true, peer: near };
  near.peer = far;
  return [near, far];
}

/** @param blocking see {@link Connection.blocking} */
export function stream(connection: Connection, blocking: boolean): Omit<Description, "references" | "survivesRestart"> {
  connection.blocking = blocking;
  return {
    connection,
    read(max) {
      const data = connection.inbox.slice(0, max);
      if (data === "" && connection.peer.open && connection.blocking)
        throw new Error("the fake would wait for ever in a read");
      if (data === "" && connection.peer.open) return -Errno.EAGAIN;
      connection.inbox = connection.inbox.slice(data.length);
      return data;
    },
    write(data) {
      if (!connection.peer.open) return -Errno.EPIPE;
      connection.peer.inbox += data;
      return data.length;
    },
    ready() {
      const ended = !connection.peer.open;
      return (connection.inbox !== "" ? Poll.In : 0) | Poll.Out | (ended ? Poll.HangUp | Poll.In : 0);
    },
    closed() {
      connection.open = false;
    },
  };
}

/** @param time the wall clock */
export function describeAlarm(alarm: Alarm, time: () => number): Omit<Description, "references" | "survivesRestart"> {
  return {
    alarm,
    ready: () => (alarm.canceled || alarm.at <= time() ? Poll.In : 0),
    read() {
      if (alarm.canceled) {
        alarm.canceled = false;
        return -Errno.ECANCELED;
      }
      if (alarm.at > time()) return -Errno.EAGAIN;
      alarm.at = Number.POSITIVE_INFINITY;
      return "\x01\0\0\0\0\0\0\0";
    },
  };
}
