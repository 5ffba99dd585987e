type Cleanup = () => void | Promise<void>;

const STOP_SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;
const cleanups: Cleanup[] = [];
let listening = false;

/**
 * Registers what has to be undone should this process be told to stop (Ctrl-C, SIGTERM, SIGHUP): the last registered runs
 * first, then the process ends with 128 + the signal's number. A second signal ends it at once.
 *
 * @returns takes the registration back, for when the thing has been undone in the ordinary way
 */
export function onStop(cleanup: Cleanup): () => void {
  cleanups.push(cleanup);
  if (!listening) listen();
  return () => {
    const index = cleanups.indexOf(cleanup);
    if (index >= 0) cleanups.splice(index, 1);
  };
}

function listen(): void {
  listening = true;
  let stopping = false;
  for (const [name, number] of Object.entries(STOP_SIGNALS)) {
    process.on(name, async () => {
      const status = 128 + number;
      if (stopping) process.exit(status);
      stopping = true;
      console.error(`\nstopping (${name}) …`);
      for (const cleanup of cleanups.reverse()) {
        try {
          await cleanup();
        } catch (error) {
          console.error(error instanceof Error ? error.message : error);
        }
      }
      process.exit(status);
    });
  }
}
