import { type BootOptions, boot, type Container } from "../harness/container.ts";
import { eventually } from "../harness/deadline.ts";

/**
 * Boots a box with system logging, and waits for the log daemon unless a main command does what the test is about.
 * @param settings lines of logd.conf
 */
export async function bootWithLog(options: BootOptions = {}, settings = ""): Promise<Container> {
  const box = await boot({ ...options, files: { "/etc/shipshape/logd.conf": settings, ...options.files } });
  if (options.main === undefined) await eventually("the log daemon runs", () => daemonOf(box));
  return box;
}

/** The log daemon's process in the box. */
export function daemonOf(box: Container): number | undefined {
  return box.processes().find(({ args }) => args[0] === "logd")?.pid;
}

/** Waits until a file below /var/log has this text, and returns all of it. */
export function fileHas(box: Container, name: string, text: string | RegExp): Promise<string> {
  return eventually(`/var/log/${name} has ${text}`, () => {
    if (!box.has(`/var/log/${name}`)) return undefined;
    const content = box.read(`/var/log/${name}`);
    return (typeof text === "string" ? content.includes(text) : text.test(content)) && content;
  });
}

/** What stands after stamp and host in lines of a log. */
export function texts(log: string): string[] {
  return log
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.replace(/^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d box /, ""));
}
