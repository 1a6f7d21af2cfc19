/** Programs and packages that the bench needs from outside, installed where that is possible. */
const peersFolder = new URL("peers/node/", import.meta.url).pathname;
const wanted = new Map<string, Promise<string | null>>();

/** Whether peers are measured at all. */
export const peersWanted = Deno.env.get("BENCH_PEERS") !== "0";

/** Where a program is, after an attempt to install Debian's package of it; null where it is not. */
export function programPath(name: string, debianPackage = name): Promise<string | null> {
  let path = wanted.get(name);
  if (!path) wanted.set(name, path = find(name, debianPackage));
  return path;
}

/** Installs the Node packages of the peers, once. Throws where there is no npm or no registry. */
export function installPeers(): Promise<void> {
  return installed ??= (async () => {
    const lockPath = `${peersFolder}node_modules/.package-lock.json`;
    if (await exists(lockPath)) return;
    console.error("installing the peers from npm …");
    await succeed("npm", ["ci", "--no-audit", "--no-fund", "--prefix", peersFolder]);
  })();
}
let installed: Promise<void> | undefined;

/** Runs a program to its end; its standard output. */
export async function succeed(
  program: string,
  args: readonly string[],
  options: { uid?: number; gid?: number; cwd?: string; env?: Record<string, string> } = {},
): Promise<string> {
  const output = await new Deno.Command(program, { args: [...args], ...options }).output();
  const decoder = new TextDecoder();
  if (output.success) return decoder.decode(output.stdout).trim();
  throw new Error(`${program} ${args.join(" ")}: ${decoder.decode(output.stderr)}`);
}

export async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

async function find(name: string, debianPackage: string): Promise<string | null> {
  const path = await onPath(name);
  if (path || Deno.uid() !== 0 || !await onPath("apt-get")) return path;
  console.error(`installing ${debianPackage} …`);
  const install = () =>
    succeed("apt-get", ["install", "-y", "--no-install-recommends", debianPackage]);
  // What the machine knows of the packages may be missing or old.
  await install().catch(() => succeed("apt-get", ["update"]).then(install))
    .catch((error) => console.error(String(error)));
  return await onPath(name);
}

async function onPath(name: string): Promise<string | null> {
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  // Debian keeps PostgreSQL's programs by version, beside the path.
  for (const version of ["18", "17", "16", "15", "14"]) {
    folders.push(`/usr/lib/postgresql/${version}/bin`);
  }
  for (const folder of folders) if (await exists(`${folder}/${name}`)) return `${folder}/${name}`;
  return null;
}
