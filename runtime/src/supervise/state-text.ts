import type { Bytes } from "../sys.ts";
import type { State } from "./transition.ts";

/**
 * Encodes a state as JSON, for the journal. Written out by hand: this runs at every start, stop and exit, and a general encoder costs
 * as much as all the rest of a start.
 */
export function stateText(state: State): Bytes {
  const { kind, want, since, failures } = state;
  return `{"kind":"${kind}","want":"${want}","since":${since},"failures":${failures}${fieldsOf(state)}}`;
}

function fieldsOf(state: State): Bytes {
  switch (state.kind) {
    case "down":
      return "";
    case "backoff":
      return `,"at":${state.at}`;
    case "finish":
      return `,"pid":${state.pid},"delayMs":${state.delayMs}`;
    case "preparing":
      return `,"pid":${state.pid},"stop":${state.stop}`;
    case "up":
      return `,"pid":${state.pid},"paused":${state.paused},"gotTerm":${state.gotTerm},"asked":${state.asked}`;
    case "starting":
      return state.program === "run"
        ? `,"program":"run","prepared":${state.prepared},"stop":${state.stop}`
        : `,"program":"finish","status":${state.status},"delayMs":${state.delayMs}`;
  }
}
