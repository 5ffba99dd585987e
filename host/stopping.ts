type Cleanup = () => void | Promise<void>;

const STOP_SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;
const cleanups: Cleanup[] = [];
let stopListening: (() => void) | null = null;

/**
 * Registers what has to be undone should this process be told to stop (Ctrl-C, SIGTERM, SIGHUP): the last registered runs
 * first, then the process ends with 128 + the signal's number. A second signal ends it at once.
 *
 * @returns takes the registration back, for when the thing has been undone in the ordinary way
 */
export function onStop(cleanup: Cleanup): () => void {
  cleanups.push(cleanup);
  stopListening ??= listen();
  return () => {
    const index = cleanups.indexOf(cleanup);
    if (index < 0) return;
    cleanups.splice(index, 1);
    if (cleanups.length > 0) return;
    stopListening?.();
    stopListening = null;
  };
}

/** @returns gives the signals back their default effect */
function listen(): () => void {
  let stopping = false;
  const handlers = Object.entries(STOP_SIGNALS).map(([name, number]) => {
    const handler = async (): Promise<void> => {
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
    };
    process.on(name, handler);
    return [name, handler] as const;
  });
  return () => {
    for (const [name, handler] of handlers) process.off(name, handler);
  };
}
