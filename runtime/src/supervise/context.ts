import type { Children } from "../kernel/children.ts";
import type { Journal } from "../kernel/journal.ts";
import type { Loop } from "../kernel/loop.ts";
import type { Messages } from "../kernel/messages.ts";
import type { Bytes, Sys } from "../sys.ts";
import type { BackoffSettings } from "./backoff.ts";

/** What every part of the supervisor shares; one per init. */
export interface Context {
  readonly sys: Sys;
  readonly loop: Loop;
  readonly children: Children;
  readonly journal: Journal;
  readonly messages: Messages;
  readonly backoff: BackoffSettings;
  /** Where services are, `/etc/service`. */
  readonly directory: Bytes;
  /** The environment that services get: NUL-joined `NAME=value` entries. */
  environment: Bytes;
}
