/** A server under test in a process of its own. */
export interface ServerProcess {
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

export const operatorKey = "bench-operator-key-bench-operator-key";
export const sdkKey = "bench-sdk-key-bench-sdk-key-bench-sdk-key";

export async function startServer(
  script: string,
  args: readonly string[] = [],
  env: Record<string, string> = {},
): Promise<ServerProcess> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-all", script, ...args],
    env,
    stdout: "piped",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream());
  let seen = "";
  for await (const text of lines.values({ preventCancel: true })) {
    seen += text;
    if (/listening on .*:\d+\n/.test(seen)) break;
  }
  const port = Number(/listening on .*:(\d+)\n/.exec(seen)?.[1]);
  if (!port) throw new Error(`${script} did not start: ${seen}`);
  return {
    port,
    pid: child.pid,
    stop: async () => {
      child.kill("SIGTERM");
      await lines.cancel();
      await child.status;
    },
  };
}

/** Placard itself, on a file in a folder. */
export function startPlacard(folder: string): Promise<ServerProcess> {
  return startServer("main.ts", [], {
    PLACARD_KV: `${folder}/placard.kv`,
    PLACARD_PORT: "0",
    PLACARD_OPERATOR_KEY: operatorKey,
    PLACARD_SDK_KEY: sdkKey,
    PLACARD_AUDITOR_KEY: "bench-auditor-key-bench-auditor-key",
  });
}

export function request(
  method: string,
  path: string,
  options: { key?: string; body?: string; headers?: Record<string, string> } = {},
): string {
  const { key, body, headers = {} } = options;
  const lines = [
    `${method} ${path} HTTP/1.1`,
    "host: 127.0.0.1",
    ...(key ? [`authorization: Bearer ${key}`] : []),
    ...(body === undefined ? [] : [
      "content-type: application/json",
      `content-length: ${new TextEncoder().encode(body).length}`,
    ]),
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  return `${lines.join("\r\n")}\r\n\r\n${body ?? ""}`;
}
