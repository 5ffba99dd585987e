import type { Sys } from "../sys.ts";

declare global {
  /** The native binding; `main.c` defines it before the applet runs. */
  var sys: Sys;
  /** Called by `main.c` once, when the applet's script has been evaluated; not needed where the script itself does all. */
  var main: (() => void) | undefined;
  /** Called by `main.c` for ever once the applet's script has set it; one turn of the event loop. */
  var tick: (() => void) | undefined;
}

/** The real kernel. Only applets name it; everything else takes a {@link Sys}. */
export const kernel: Sys = globalThis.sys;
