/** A folder with an export. A file is there whole or not at all: it is written beside and then renamed. */
import { createHash } from "node:crypto";
import { dirname, join } from "node:path";

/** Where the files of an export are. */
export interface ExportFiles {
  /** Null: there is no such file. */
  open(name: string): Promise<AsyncIterable<Uint8Array> | null>;
  /** The names of all files, with `/` between folders. */
  list(): AsyncIterable<string>;
}

const unfinishedEnd = ".part";
const bufferBytes = 256 * 1024;

export class ExportFolder implements ExportFiles {
  constructor(readonly path: string) {}

  async open(name: string): Promise<AsyncIterable<Uint8Array> | null> {
    try {
      return (await Deno.open(join(this.path, name))).readable;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return null;
      throw error;
    }
  }

  async *list(folder = ""): AsyncGenerator<string> {
    for await (const { name, isDirectory } of Deno.readDir(join(this.path, folder))) {
      const path = folder + name;
      if (isDirectory) yield* this.list(`${path}/`);
      else yield path;
    }
  }

  async has(name: string): Promise<boolean> {
    try {
      return (await Deno.stat(join(this.path, name))).isFile;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  }

  async create(name: string): Promise<FileWriter> {
    const path = join(this.path, name);
    await Deno.mkdir(dirname(path), { recursive: true });
    return new FileWriter(
      await Deno.open(path + unfinishedEnd, {
        write: true,
        create: true,
        truncate: true,
      }),
      path,
    );
  }

  /** Gives its SHA-256. */
  async write(name: string, content: string | Uint8Array): Promise<string> {
    const writer = await this.create(name);
    await writer.add(typeof content === "string" ? new TextEncoder().encode(content) : content);
    return await writer.finish();
  }

  async remove(name: string): Promise<void> {
    try {
      await Deno.remove(join(this.path, name));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

export class FileWriter {
  readonly #hash = createHash("sha256");
  readonly #buffer = new Uint8Array(bufferBytes);
  #buffered = 0;

  constructor(readonly file: Deno.FsFile, readonly path: string) {}

  async add(bytes: Uint8Array): Promise<void> {
    this.#hash.update(bytes);
    if (this.#buffered + bytes.length > bufferBytes) await this.#flush();
    if (bytes.length > bufferBytes) return await this.#write(bytes);
    this.#buffer.set(bytes, this.#buffered);
    this.#buffered += bytes.length;
  }

  /** Gives the SHA-256 of all that was added. */
  async finish(): Promise<string> {
    await this.#flush();
    await this.file.sync();
    this.file.close();
    await Deno.rename(this.path + unfinishedEnd, this.path);
    return this.#hash.digest("hex");
  }

  /** Leaves nothing behind; the failure that led to it is the one to tell of. */
  async discard(): Promise<void> {
    try {
      this.file.close();
      await Deno.remove(this.path + unfinishedEnd);
    } catch { /* It is written anew the next time. */ }
  }

  async #flush(): Promise<void> {
    await this.#write(this.#buffer.subarray(0, this.#buffered));
    this.#buffered = 0;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length;) done += await this.file.write(bytes.subarray(done));
  }
}
