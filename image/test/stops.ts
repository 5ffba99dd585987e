import type { Container, Stop } from "../../host/engines/container.ts";
import type { HostEngine } from "../../host/engines/host-engine.ts";
import { CONTROL_RUNS, soon, trivialRuns } from "../../runtime/test/harness/deadline.ts";

/** The engine's grace: longer than any limit here, so that its SIGKILL never decides a test. */
const GRACE_SECONDS = 300;
/** Commands of the engine that do nothing: they take what most of a stop does, the time of the engine itself. */
const ENGINE_RUNS = 10;

/**
 * Stops a container, which may take `limitMs` and then as long as the control.
 * @see soon
 */
export function stopSoon(engine: HostEngine, container: Container, limitMs: number): Promise<Stop> {
  return soon(`the stop of ${container.name}`, container.stop(GRACE_SECONDS), limitMs, async (signal) => {
    await trivialRuns(CONTROL_RUNS, signal);
    for (let run = 0; run < ENGINE_RUNS && !signal.aborted; run++) await engine.run(["version"], { signal });
  });
}
