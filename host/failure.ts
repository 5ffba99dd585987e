/** What the user is told instead of a stack trace: `cannot <verb> <object>: <reason>`. */
export class Failure extends Error {
  constructor(
    message: string,
    /** Exit code of the command. */
    readonly exitCode: number,
  ) {
    super(message);
  }
}
