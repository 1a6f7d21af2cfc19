/** Reads answers off a connection; every server here sends a content-length. */
export class AnswerReader {
  #buffer = new Uint8Array(64 * 1024);
  #filled = 0;

  constructor(readonly connection: Deno.Conn) {}

  async read(): Promise<number> {
    let headEnd = -1;
    while ((headEnd = this.#headEnd()) < 0) await this.#fill();
    const status = this.#number(9);
    const length = this.#contentLength(headEnd);
    while (this.#filled < headEnd + length) await this.#fill();
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

const lengthHeader = new TextEncoder().encode("content-length: ");

function isDigit(byte: number): boolean {
  return byte >= 48 && byte <= 57;
}
