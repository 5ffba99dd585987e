import { LONGER } from "./health.ts";
import { Random } from "./random.ts";
import { test } from "./test.ts";

/** A test whose failure tells the seed that repeats it (`FUZZ_SEED`). */
export function fuzz(title: string, body: (random: Random) => Promise<void>, limitMs = 200_000): void {
  test(
    title,
    async () => {
      const random = new Random();
      try {
        await body(random);
      } catch (error) {
        if (error instanceof Error) error.message = `with FUZZ_SEED=${random.seed}: ${error.message}`;
        throw error;
      }
    },
    limitMs * LONGER,
  );
}
