// The app behind nginx: a page, and helpers that it starts through a shell and leaves behind, as many a program does.
import { execFile } from "node:child_process";
import { createServer } from "node:http";

const MOST_HELPERS = 10_000;
// The shell tells the helpers' process ids and ends at once; whoever is PID 1 inherits them.
const LEAVE_HELPERS = 'i=0; while [ "$i" -lt "$1" ]; do sleep 600 >/dev/null 2>&1 & echo "$!"; i=$((i + 1)); done';

const helpers = new Set();

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url, "http://app");
  const route = `${request.method} ${pathname}`;
  if (route === "GET /") response.end(`${process.env.GREETING ?? "Hello"}\n`);
  else if (route === "POST /helpers") leaveHelpers(Number(searchParams.get("n")), response);
  else if (route === "DELETE /helpers") endHelpers(response);
  else response.writeHead(404).end("no such page\n");
});

function leaveHelpers(count, response) {
  if (!Number.isInteger(count) || count < 1 || count > MOST_HELPERS) {
    response.writeHead(400).end(`n: a whole number from 1 to ${MOST_HELPERS} is needed\n`);
    return;
  }
  execFile("sh", ["-c", LEAVE_HELPERS, "sh", String(count)], (error, stdout) => {
    if (error) return response.writeHead(500).end(`cannot start helpers: ${error.message}\n`);
    for (const pid of stdout.split("\n")) if (pid !== "") helpers.add(Number(pid));
    response.end(`left ${count} helpers behind\n`);
  });
}

function endHelpers(response) {
  for (const pid of helpers) process.kill(pid);
  helpers.clear();
  response.end("told the helpers to end\n");
}

process.once("SIGTERM", () => {
  console.log("app: got SIGTERM, finishing what is open");
  server.close(() => process.exit(0));
});

server.listen(Number(process.env.APP_PORT ?? 3000), "127.0.0.1", () => console.log(`app: started, pid ${process.pid}`));
