/** What the tasks of `deno.json` run, so that a bench runs the same. */
import configuration from "../deno.json" with { type: "json" };

export type TaskName = keyof typeof configuration.tasks;

export interface TaskCommand {
  /** Variables that the task sets. */
  readonly env: Readonly<Record<string, string>>;
  /** For Deno. */
  readonly args: readonly string[];
}

export function taskCommand(name: TaskName): TaskCommand {
  const words = configuration.tasks[name].command.split(" ");
  const program = words.indexOf("deno");
  const env = Object.fromEntries(words.slice(0, program).map((word) => word.split("=")));
  return { env, args: words.slice(program + 1) };
}
