/**
 * Counts the requests that are being answered, so that a stop can wait for them: a body that is half
 * sent would be cut off by closing the server at once.
 */
export class RequestsUnderWay {
  #count = 0;
  #stopping = false;
  #whenNone: (() => void) | null = null;

  constructor(readonly handle: (request: Request) => Response | Promise<Response>) {}

  async answer(request: Request): Promise<Response> {
    if (this.#stopping) {
      return new Response(null, {
        status: 503,
        headers: { "retry-after": "1", connection: "close" },
      });
    }
    this.#count++;
    try {
      return await this.handle(request);
    } finally {
      this.#count--;
      if (this.#count === 0) this.#whenNone?.();
    }
  }

  /** Takes no more requests; resolves when those under way are answered, or when the time is over. */
  async finish(withinMs: number): Promise<void> {
    this.#stopping = true;
    if (this.#count === 0) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    await Promise.race([
      new Promise<void>((resolve) => this.#whenNone = resolve),
      new Promise<void>((resolve) => timer = setTimeout(resolve, withinMs)),
    ]);
    clearTimeout(timer);
  }
}
