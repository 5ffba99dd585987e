/** Expressions chosen for what they could get wrong. */
const CHOSEN = [
  ..."0 0 * * *|30 2 * * *|0,30 2 * * *|15 2,4 * * *|0 3 * * *|59 1 * * *|1 3 * * *|45 1 * * *|15 1 * * *".split("|"),
  ..."*/30 2 * * *|0 */2 * * *|*/20 1 * * *|0-59/15 1-3 * * *|30 * * * *|0 0-23 * * *|*/45 * * * *|17 * * * *".split(
    "|",
  ),
  ..."25 6 * * *|47 6 * * 7|52 6 1 * *|0 0 1 1 *|59 23 31 12 *|0 0 29 2 *|0 12 29 feb *|1 1 1 3 *".split("|"),
  ..."0 4 13 * 5|0 4 1,15 * mon|0 4 * * 5|0 4 13 * *|0 4 */2 * mon|0 4 1 * */2|0 4 1-31 * sun|0 4 * * 0-7".split("|"),
  ..."0 4 * * sun|0 4 * * 7|0 4 * * 0|0 4 * * sat,sun|0 4 * * mon-fri|0 4 * * 5-7|0 4 * * 1-5/2|0 4 * * */3".split("|"),
  ..."5 4 * jan-mar *|5 4 * DEC *|5 4 * 1,3,5,7,9,10-12 *|5 4 28-31 * *|5 4 */10 * *|5 4 30 2 1|5 4 31 * 6".split("|"),
  ..."10-20/5 5 * * *|0-10/3,50-59/4 5 * * *|1,1,1 5 * * *|00 05 * * *|*/7 5 * * *|*/59 5 * * *|*/60 5 * * *".split(
    "|",
  ),
  ..."*,5 5 * * *|5,* 5 *,1 * 1|5 *,5 * * 1|5 0-23/6 * * *|5 */6 * * *|5 5 *,1 * 1|5 5 1,* * 1|5 5 * * 1,*".split("|"),
  ..."@yearly|@annually|@monthly|@weekly|@daily|@midnight|@hourly".split("|"),
];

const WANTED = 200;

/** The same numbers in every run. */
function* numbers(): Generator<number> {
  for (let state = 20_240_229; ; ) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    yield (state >>> 8) / 0x1000000;
  }
}

function generated(count: number): string[] {
  const random = numbers();
  const next = (least: number, most: number) => least + Math.floor((random.next().value ?? 0) * (most - least + 1));
  const item = (least: number, most: number): string => {
    const [a, b] = [next(least, most), next(least, most)];
    const [from, to] = [Math.min(a, b), Math.max(a, b)];
    const forms = [`${a}`, `${a}`, `${from}-${to}`, `${from}-${to}/${next(2, 9)}`, `*/${next(2, most)}`, "*"];
    return forms[next(0, forms.length - 1)] ?? "*";
  };
  const list = (least: number, most: number) => Array.from({ length: next(1, 2) }, () => item(least, most)).join(",");
  // One minute of the hour, now and then a few: a job for every minute says nothing more and takes long.
  const minute = () => (next(0, 3) > 0 ? `${next(0, 59)}` : `${next(0, 29)},${next(30, 59)}`);
  return Array.from({ length: count }, () => `${minute()} ${list(0, 23)} ${list(1, 31)} ${list(1, 12)} ${list(0, 7)}`);
}

/** 200 schedules, the same in every run. */
export const EXPRESSIONS: readonly string[] = ["* * * * *", ...CHOSEN, ...generated(WANTED - 1 - CHOSEN.length)];
