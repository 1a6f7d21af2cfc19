/**
 * The load generator: HTTP/1.1 over plain sockets, one request at a time on each connection. It is a
 * process of its own and shares the machine's cores with the server, like any client on one machine.
 * Reads its plan as JSON from standard input and prints what it saw as JSON.
 */
export interface LoadPlan {
  readonly port: number;
  readonly connections: number;
  readonly seconds: number;
  /** Whole requests, as they go over the wire; taken in turn. */
  readonly requests: readonly string[];
}

export interface LoadReport {
  readonly answered: number;
  /** Answers whose status is not 2xx or 304. */
  readonly failed: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** The first failed answer, to see what went wrong. */
  readonly firstFailure: string | null;
}

/** Runs a plan in a process of its own. */
export async function load(plan: LoadPlan): Promise<LoadReport> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-net=127.0.0.1", import.meta.filename!],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const input = child.stdin.getWriter();
  await input.write(new TextEncoder().encode(JSON.stringify(plan)));
  await input.close();
  const { stdout, success } = await child.output();
  if (!success) throw new Error("the load generator failed");
  return JSON.parse(new TextDecoder().decode(stdout));
}

async function run(plan: LoadPlan): Promise<LoadReport> {
  const encoder = new TextEncoder();
  const requests = plan.requests.map((text) => encoder.encode(text));
  const latenciesMs: number[] = [];
  let next = 0;
  let failed = 0;
  let firstFailure: string | null = null;
  const startedAtMs = performance.now();
  const endsAtMs = startedAtMs + plan.seconds * 1000;

  const one = async () => {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: plan.port });
    connection.setNoDelay(true);
    const answer = new AnswerReader(connection);
    for (let sentAtMs = performance.now(); sentAtMs < endsAtMs;) {
      const request = requests[next++ % requests.length]!;
      for (let sent = 0; sent < request.length;) {
        sent += await connection.write(sent === 0 ? request : request.subarray(sent));
      }
      const status = await answer.read();
      const nowMs = performance.now();
      latenciesMs.push(nowMs - sentAtMs);
      sentAtMs = nowMs;
      if (status !== 304 && (status < 200 || status > 299)) {
        failed++;
        firstFailure ??= answer.text;
      }
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: plan.connections }, one));

  const seconds = (performance.now() - startedAtMs) / 1000;
  const sorted = Float64Array.from(latenciesMs).sort();
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
  return {
    answered: sorted.length,
    failed,
    perSecond: sorted.length / seconds,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    firstFailure,
  };
}

/** Reads answers off a connection; every server here sends a content-length. */
class AnswerReader {
  #buffer = new Uint8Array(64 * 1024);
  #filled = 0;
  text = "";

  constructor(readonly connection: Deno.Conn) {}

  async read(): Promise<number> {
    let headEnd = -1;
    while ((headEnd = this.#headEnd()) < 0) await this.#fill();
    const status = this.#number(9);
    const length = this.#contentLength(headEnd);
    while (this.#filled < headEnd + length) await this.#fill();
    if (status >= 400) this.text = decoder.decode(this.#buffer.subarray(0, headEnd + length));
    this.#buffer.copyWithin(0, headEnd + length, this.#filled);
    this.#filled -= headEnd + length;
    return status;
  }

  async #fill(): Promise<void> {
    if (this.#filled === this.#buffer.length) {
      const larger = new Uint8Array(this.#buffer.length * 2);
      larger.set(this.#buffer);
      this.#buffer = larger;
    }
    const count = await this.connection.read(this.#buffer.subarray(this.#filled));
    if (count === null) throw new Error("the server closed the connection");
    this.#filled += count;
  }

  /** Read from the bytes: the generator should leave the cores to the server. */
  #contentLength(headEnd: number): number {
    for (let index = 12; index < headEnd - lengthHeader.length; index++) {
      if (this.#buffer[index] !== 10) continue;
      let matched = 0;
      while (
        matched < lengthHeader.length &&
        (this.#buffer[index + 1 + matched]! | 0x20) === lengthHeader[matched]
      ) matched++;
      if (matched === lengthHeader.length) return this.#number(index + 1 + matched);
    }
    return 0;
  }

  #number(from: number): number {
    let number = 0;
    for (let index = from; isDigit(this.#buffer[index]!); index++) {
      number = number * 10 + this.#buffer[index]! - 48;
    }
    return number;
  }

  /** Where the body begins; -1 while the head is not there. */
  #headEnd(): number {
    for (let index = 3; index < this.#filled; index++) {
      if (
        this.#buffer[index] === 10 && this.#buffer[index - 1] === 13 &&
        this.#buffer[index - 2] === 10 && this.#buffer[index - 3] === 13
      ) return index + 1;
    }
    return -1;
  }
}

const decoder = new TextDecoder();
const lengthHeader = new TextEncoder().encode("content-length: ");

function isDigit(byte: number): boolean {
  return byte >= 48 && byte <= 57;
}

if (import.meta.main) {
  console.log(JSON.stringify(await run(await new Response(Deno.stdin.readable).json())));
}
