import type { Children } from "../base/children.ts";
import type { Journal } from "../base/journal.ts";
import type { Loop } from "../base/loop.ts";
import type { Messages } from "../base/messages.ts";
import type { OutOfMemory } from "../base/out-of-memory.ts";
import type { Bytes, Sys } from "../sys.ts";
import type { BackoffSettings } from "./backoff.ts";

/** Takes what services write to stdout and stderr, when it is asked to. */
export interface Output {
  /**
   * The pipe for what a service writes, or `null` when that goes where the init's own output goes.
   * @param held the pipe that an earlier incarnation of the init has given it
   */
  capture(name: Bytes, held: readonly [number, number] | null): readonly [number, number] | null;
  /** The service is gone for good; its pipe is closed. */
  release(name: Bytes): void;
}

/** What every part of the supervisor shares; one per init. */
export interface Context {
  readonly sys: Sys;
  readonly loop: Loop;
  readonly children: Children;
  readonly journal: Journal;
  readonly messages: Messages;
  readonly output: Output;
  readonly outOfMemory: OutOfMemory;
  readonly backoff: BackoffSettings;
  /** Where services are, `/etc/service`. */
  readonly directory: Bytes;
  /** The environment that services get: NUL-joined `NAME=value` entries. */
  environment: Bytes;
}
