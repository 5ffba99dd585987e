/** The stop that somebody asked for with a signal: the first starts it, each further one says that it takes too long. */
export class StopRequest {
  /** The first signal, or 0 while nobody asked. */
  signal: number;
  /** How many asked. */
  count: number;
  /** Resolves when the first asks. */
  readonly requested: Promise<void>;
  /** Called for the second request and each one after it. */
  impatient: (count: number) => void = () => {};
  #resolve: () => void = () => {};

  /** @param signal the one that an earlier incarnation got, or 0 */
  constructor(signal: number) {
    this.signal = signal;
    this.count = signal > 0 ? 1 : 0;
    this.requested = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    if (signal > 0) this.#resolve();
  }

  ask(signal: number): void {
    this.count++;
    if (this.count === 1) {
      this.signal = signal;
      this.#resolve();
    } else {
      this.impatient(this.count);
    }
  }
}
