/** The server as a process of its own, and connections that send just the bytes that a test wants. */
import { presetKeys } from "../support/server.ts";

const root = new URL("../../", import.meta.url);
const startMsMax = 30_000;
const answerMsMax = 15_000;
const stopMsMax = 15_000;

function command(env: Record<string, string>): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "--allow-all", "main.ts"],
    cwd: root,
    env: {
      PLACARD_KV: ":memory:",
      PLACARD_PORT: "0",
      PLACARD_OPERATOR_KEY: presetKeys.operator,
      PLACARD_AUDITOR_KEY: presetKeys.auditor,
      PLACARD_SDK_KEY: presetKeys.sdk,
      NO_COLOR: "1",
      ...env,
    },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

/** Runs the server with a configuration that it must refuse. */
export async function startFails(
  env: Record<string, string>,
): Promise<{ code: number; output: string }> {
  const child = command(env).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), startMsMax);
  const { code, stdout, stderr } = await child.output();
  clearTimeout(timer);
  const text = new TextDecoder();
  return { code, output: text.decode(stdout) + text.decode(stderr) };
}

export class ChildServer {
  /** What it has written to stderr; whole once it has stopped. */
  errors = "";
  readonly #child: Deno.ChildProcess;
  readonly #output: Promise<unknown>;

  private constructor(child: Deno.ChildProcess, readonly listening: string, output: Promise<void>) {
    this.#child = child;
    this.#output = Promise.all([
      output,
      collect(child.stderr, (text) => this.errors += text),
    ]);
  }

  static async start(env: Record<string, string> = {}): Promise<ChildServer> {
    const child = command(env).spawn();
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const timer = setTimeout(() => reject(new Error("it does not listen")), startMsMax);
    let text = "";
    const output = collect(child.stdout, (more) => {
      text += more;
      const line = /^listening on .*$/m.exec(text)?.[0];
      if (line && text.includes(`${line}\n`)) resolve(line);
    }).finally(() => reject(new Error(`it stopped: ${text}`)));
    try {
      return new ChildServer(child, await promise, output);
    } catch (error) {
      child.kill("SIGKILL");
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  get url(): string {
    return this.listening.replace("listening on ", "");
  }

  /** SIGTERM; gives the exit code. One that does not end in time is killed, which gives 137. */
  async stop(): Promise<number> {
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), stopMsMax);
    const { code } = await this.#child.status;
    clearTimeout(timer);
    await this.#output;
    return code;
  }

  /** Whatever state it is in, it is gone afterwards. */
  async kill(): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
    await this.#child.status;
    await this.#output;
  }
}

export class Connection {
  #closed = false;
  #bytes = new Uint8Array(0);

  private constructor(readonly connection: Deno.TcpConn) {}

  static async open(port: number): Promise<Connection> {
    return new Connection(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  async send(text: string): Promise<void> {
    const bytes = new TextEncoder().encode(text);
    for (let sent = 0; sent < bytes.length;) {
      sent += await this.connection.write(bytes.subarray(sent));
    }
  }

  /** The next answer: its body has a declared length or is chunked. */
  async answer(): Promise<{ status: number; text: string }> {
    const timer = setTimeout(() => this.close(), answerMsMax);
    try {
      const head = await this.#until("\r\n\r\n");
      const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]);
      const length = /^content-length: (\d+)\r?$/im.exec(head)?.[1];
      if (length !== undefined) return { status, text: await this.#take(Number(length)) };
      let text = "";
      if (!/^transfer-encoding: chunked\r?$/im.test(head)) return { status, text };
      for (;;) {
        const size = parseInt(await this.#until("\r\n"), 16);
        text += (await this.#take(size + 2)).slice(0, -2);
        if (size === 0) return { status, text };
      }
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.connection.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  async #until(mark: string): Promise<string> {
    for (;;) {
      const at = latin1(this.#bytes).indexOf(mark);
      if (at >= 0) return await this.#take(at + mark.length);
      await this.#read();
    }
  }

  async #take(count: number): Promise<string> {
    while (this.#bytes.length < count) await this.#read();
    const taken = this.#bytes.subarray(0, count);
    this.#bytes = this.#bytes.slice(count);
    return latin1(taken);
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(65_536);
    const count = await this.connection.read(buffer);
    if (count === null) throw new Error("the connection has ended");
    const bytes = new Uint8Array(this.#bytes.length + count);
    bytes.set(this.#bytes);
    bytes.set(buffer.subarray(0, count), this.#bytes.length);
    this.#bytes = bytes;
  }
}

const decoder = new TextDecoder("latin1");

function latin1(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

async function collect(stream: ReadableStream<Uint8Array>, take: (text: string) => unknown) {
  for await (const text of stream.pipeThrough(new TextDecoderStream())) take(text);
}
