/** What a command, or Larder itself, refuses. `code` is the first word of Redis's error, or begins with `LARDER_`. */
export class LarderError extends Error {
  /**
   * `ERR`, `WRONGTYPE`, `OOM` and so on from commands. From the package: `LARDER_CLOSED` (used after `close`),
   * `LARDER_ARGUMENT` (an argument that has no bytes), `LARDER_TOO_LARGE` (no room for the request), `LARDER_NO_REPLY`
   * (the command was held back or silenced), `LARDER_ABORTED` (the engine failed: its data is lost), `LARDER_LOAD`.
   */
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = "LarderError";
    this.code = code;
  }

  /** The error for the text of an error reply. */
  static fromReply(text: string): LarderError {
    const code = /^[A-Z][A-Z0-9_]*(?= |$)/.exec(text)?.[0] ?? "ERR";
    return new LarderError(code, text);
  }
}
