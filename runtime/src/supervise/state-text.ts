import type { Bytes } from "../sys.ts";
import type { State } from "./transition.ts";

/**
 * A state as JSON, for the journal. Written out by hand: it is made at every start, stop and exit, and a general encoder costs
 * as much as all the rest of a start.
 */
export function stateText(state: State): Bytes {
  const { kind, want, since, record } = state;
  return `{"kind":"${kind}","want":"${want}","since":${since},"record":${record}${fieldsOf(state)}}`;
}

function fieldsOf(state: State): Bytes {
  switch (state.kind) {
    case "down":
      return "";
    case "backoff":
      return `,"at":${state.at}`;
    case "finish":
      return `,"pid":${state.pid},"delayMs":${state.delayMs}`;
    case "up":
      return `,"pid":${state.pid},"paused":${state.paused},"gotTerm":${state.gotTerm},"asked":${state.asked}`;
    case "starting":
      return state.program === "run"
        ? `,"program":"run","stop":${state.stop}`
        : `,"program":"finish","delayMs":${state.delayMs}`;
  }
}
