import type { Children } from "../base/children.ts";
import type { Journal } from "../base/journal.ts";
import type { Loop } from "../base/loop.ts";
import type { Messages } from "../base/messages.ts";
import type { OutOfMemory } from "../base/out-of-memory.ts";
import type { Bytes, Sys } from "../sys.ts";
import type { BackoffSettings } from "./backoff.ts";
import type { LeftBehind } from "./left-behind.ts";

/** Captures the stdout and stderr of services, when it is asked to. */
export interface Output {
  /**
   * Returns the pipe for a service's output, or `null` when that goes where the init's own output goes.
   * @param held the pipe that the previous incarnation of the init gave it
   */
  capture(name: Bytes, held: readonly [number, number] | null): readonly [number, number] | null;
  /** Closes the pipe of a service that is gone for good. */
  release(name: Bytes): void;
}

/** The parts that the whole supervisor shares; one per init. */
export interface Context {
  readonly sys: Sys;
  readonly loop: Loop;
  readonly children: Children;
  readonly journal: Journal;
  readonly messages: Messages;
  readonly output: Output;
  readonly outOfMemory: OutOfMemory;
  readonly leftBehind: LeftBehind;
  readonly backoff: BackoffSettings;
  /** The directory of services, `/etc/service`. */
  readonly directory: Bytes;
  /** The environment that services get: NUL-joined `NAME=value` entries. */
  environment: Bytes;
}
