/** Placard as a process of its own, to be killed, and tasks run as an operator runs them. */
import { assert, assertEquals } from "@std/assert";

const root = new URL("../../", import.meta.url).pathname;

export const processKeys = {
  operator: "operator-key-of-the-crash-tests-0123456789",
  auditor: "auditor-key-of-the-crash-tests-0123456789",
  sdk: "sdk-key-of-the-crash-tests-0123456789",
};

export interface ProcessAnswer {
  readonly status: number;
  readonly headers: Headers;
  // deno-lint-ignore no-explicit-any -- what tests look into
  readonly json: any;
  readonly text: string;
  readonly position: string;
}

export interface CallOptions {
  readonly role?: keyof typeof processKeys;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export interface ProcessOptions {
  /** File or address. */
  readonly kv: string;
  readonly env?: Readonly<Record<string, string>>;
  /** What the process is started with, before `deno run`; a shell that sets limits, say. */
  readonly wrap?: (command: string, args: readonly string[]) => [string, string[]];
}

export class ServerProcess {
  #output = "";
  #ended = false;
  port = 0;

  private constructor(
    readonly child: Deno.ChildProcess,
    readonly drained: Promise<unknown>,
  ) {}

  /** Resolves when it listens. */
  static async start(options: ProcessOptions): Promise<ServerProcess> {
    const server = ServerProcess.spawn(options);
    await server.listening;
    return server;
  }

  listening!: Promise<void>;

  /** Does not wait for anything. */
  static spawn({ kv, env = {}, wrap }: ProcessOptions): ServerProcess {
    const plain: [string, string[]] = [
      Deno.execPath(),
      ["run", "--quiet", "--allow-all", "main.ts"],
    ];
    const [command, args] = wrap ? wrap(...plain) : plain;
    const child = new Deno.Command(command, {
      args,
      cwd: root,
      env: {
        PLACARD_KV: kv,
        PLACARD_PORT: "0",
        PLACARD_OPERATOR_KEY: processKeys.operator,
        PLACARD_AUDITOR_KEY: processKeys.auditor,
        PLACARD_SDK_KEY: processKeys.sdk,
        PLACARD_PREPARE_LEAD: "PT1S",
        PLACARD_REFLECT_WINDOW: "PT1S",
        ...env,
      },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const listening = Promise.withResolvers<void>();
    // Whoever kills it before it listens does not wait for this.
    listening.promise.catch(() => {});
    const read = async (stream: ReadableStream<Uint8Array>) => {
      for await (const text of stream.pipeThrough(new TextDecoderStream())) {
        server.#output += text;
        const port = /listening on .*:(\d+)\n/.exec(server.#output)?.[1];
        if (port === undefined) continue;
        server.port = Number(port);
        listening.resolve();
      }
    };
    const drained = Promise.all([read(child.stdout), read(child.stderr), child.status])
      .then(() => {
        server.#ended = true;
        listening.reject(new Error(`the server ended: ${server.#output}`));
      });
    const server = new ServerProcess(child, drained);
    server.listening = listening.promise;
    return server;
  }

  /** All that it has printed. */
  get output(): string {
    return this.#output;
  }

  get hasEnded(): boolean {
    return this.#ended;
  }

  async kill(): Promise<void> {
    this.#signal("SIGKILL");
    await this.drained;
  }

  /** Ends it as an operator does; it must end well. */
  async stop(): Promise<void> {
    this.#signal("SIGTERM");
    await this.drained;
    assertEquals((await this.child.status).code, 0, this.output);
  }

  #signal(signal: Deno.Signal): void {
    try {
      this.child.kill(signal);
    } catch (error) {
      // It has ended already.
      if (!(error instanceof TypeError)) throw error;
    }
  }

  async call(method: string, path: string, options: CallOptions = {}): Promise<ProcessAnswer> {
    const { role = "operator", body, headers = {}, signal } = options;
    const response = await fetch(`http://127.0.0.1:${this.port}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${processKeys[role]}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    });
    const text = await response.text();
    const isJson = /[/+]json/.test(response.headers.get("content-type") ?? "");
    return {
      status: response.status,
      headers: response.headers,
      text,
      json: isJson && text !== "" ? JSON.parse(text) : undefined,
      position: response.headers.get("placard-position") ?? "",
    };
  }

  expect(
    status: number,
    method: string,
    path: string,
    options?: CallOptions,
  ): Promise<ProcessAnswer> {
    return expected(this, status, method, path, options);
  }
}

/** Calls, and the answer must have this status. */
export async function expected(
  server: Pick<ServerProcess, "call">,
  status: number,
  method: string,
  path: string,
  options?: CallOptions,
): Promise<ProcessAnswer> {
  const answer = await server.call(method, path, options);
  assertEquals(answer.status, status, `${method} ${path} → ${answer.status}: ${answer.text}`);
  return answer;
}

/** Runs a task of `deno.json` by its script. */
export async function runTask(
  script: string,
  args: readonly string[],
  kv: string,
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number; output: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-all", `src/tasks/${script}.ts`, ...args],
    cwd: root,
    env: { PLACARD_KV: kv, ...env },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, output: decoder.decode(stdout) + decoder.decode(stderr) };
}

/** A folder that is gone afterwards, whatever happens. */
export async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "placard-process-" });
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Waits until the condition holds; fails after `timeoutMs`. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 20_000,
): Promise<void> {
  const startedAtMs = performance.now();
  while (!await condition()) {
    assert(performance.now() - startedAtMs < timeoutMs, `waited in vain: ${what}`);
    await sleep(10);
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
