import type { Bytes } from "../text/bytes.ts";
import type { ProcessStatus, ServiceStatus } from "./protocol.ts";

/** A service's line as `sv status` of runit prints it, its log included: `run: web: (pid 12) 5s; run: log: (pid 11) 5s`. */
export function formatService(name: Bytes, status: ServiceStatus): Bytes {
  const log = status.log ? `; ${formatProcess("log", status.log)}` : "";
  return formatProcess(name, status) + log;
}

/** One process of a service: `down: web: 3s, normally up, want up`. */
export function formatProcess(name: Bytes, process: ProcessStatus): Bytes {
  const { state, pid, seconds, normally, want, paused, term } = process;
  let line = `${state}: ${name}: `;
  if (pid) line += `(pid ${pid}) `;
  line += `${seconds}s`;
  if (pid && normally === "down") line += ", normally down";
  if (!pid && normally === "up") line += ", normally up";
  if (pid && paused) line += ", paused";
  if (!pid && want === "up") line += ", want up";
  if (pid && want === "down") line += ", want down";
  if (pid && term) line += ", got TERM";
  return line;
}
