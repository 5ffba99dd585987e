// The app behind nginx: a page, and a handler that leaves orphans behind, as every program does that starts helpers
// through a shell and does not wait for them.
import { spawn } from "node:child_process";
import { createServer } from "node:http";

const MOST_ORPHANS = 10_000;
// The shell ends at once; its children live on for two seconds, and whoever is PID 1 inherits them.
const LEAVE_ORPHANS = 'i=0; while [ "$i" -lt "$1" ]; do sleep 2 & i=$((i + 1)); done';

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url, "http://app");
  if (pathname === "/") response.end(`${process.env.GREETING ?? "Hello"}\n`);
  else if (pathname === "/orphans") leaveOrphans(Number(searchParams.get("n")), response);
  else response.writeHead(404).end("no such page\n");
});

function leaveOrphans(count, response) {
  if (!Number.isInteger(count) || count < 1 || count > MOST_ORPHANS) {
    response.writeHead(400).end(`n: a whole number from 1 to ${MOST_ORPHANS} is needed\n`);
    return;
  }
  spawn("sh", ["-c", LEAVE_ORPHANS, "sh", String(count)], { stdio: "ignore" })
    .once("error", (error) => response.writeHead(500).end(`cannot run sh: ${error.message}\n`))
    .once("exit", () => response.end(`left ${count} orphans\n`));
}

process.once("SIGTERM", () => {
  console.log("app: got SIGTERM, finishing what is open");
  server.close(() => process.exit(0));
});

server.listen(Number(process.env.APP_PORT ?? 3000), "127.0.0.1", () => console.log(`app: started, pid ${process.pid}`));
