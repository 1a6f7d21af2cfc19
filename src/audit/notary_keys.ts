/**
 * The keys that sign checkpoints. They stand beside the log, where no export takes them along, and are
 * shared by all instances; which of them signs is what the log says. The log's name is made with the
 * first of them, once for all.
 */
import {
  keyAfter,
  type KeyRotations,
  type NotaryEvent,
  notaryStream,
} from "../../events/notary_events.ts";
import type { EventMeta } from "../../events/recorded_event.ts";
import {
  type Command,
  keys,
  LogDamagedError,
  type Outcome,
  retried,
  sha256Hex,
  type Tail,
  type Writer,
} from "../event_store/mod.ts";
import { type Signer, signerOf, verifierKey } from "./tlog/mod.ts";

type KeyRotated = Extract<NotaryEvent, { type: "notary_key_rotated" }>;

const originHexLength = 16;

interface FirstKey {
  readonly origin: string;
  /** As a verifier key. */
  readonly key: string;
}

interface StoredKey {
  /** The private key: 32 bytes in hex. */
  readonly seed: string;
}

export interface Rotation {
  readonly from: string;
  readonly to: string;
}

export interface RotationRequest<State, Answer> {
  readonly meta: EventMeta;
  readonly remember?: Command<State, Answer>["remember"] | undefined;
  answer(rotation: Rotation): Answer;
}

export interface NotaryKeysOptions<State> {
  readonly kv: Deno.Kv;
  readonly tail: Tail;
  readonly writer: Writer<State>;
  /** What the log says, as far as it has been folded. */
  rotations(): KeyRotations;
  /** Random: at least 256 bits as text. */
  newSecret(): string;
}

export class NotaryKeys<State> {
  readonly #signers = new Map<string, Signer>();

  private constructor(
    readonly options: NotaryKeysOptions<State>,
    /** Names the log. */
    readonly origin: string,
    readonly firstKey: string,
  ) {}

  /** Makes the first key where there is none. */
  static async open<State>(options: NotaryKeysOptions<State>): Promise<NotaryKeys<State>> {
    const { kv, newSecret } = options;
    const { origin, key } = await retried(async () => {
      const { value } = await kv.get<FirstKey>(keys.notaryFirst(), { consistency: "strong" });
      if (value) return value;
      const seed = sha256Hex(newSecret());
      const { publicKey } = signerOf("new", Uint8Array.fromHex(seed));
      const origin = `placard.log/${sha256Hex(publicKey).slice(0, originHexLength)}`;
      const key = verifierKey(signerOf(origin, Uint8Array.fromHex(seed)));
      await kv.atomic()
        .check({ key: keys.notaryFirst(), versionstamp: null })
        .set(keys.notaryFirst(), { origin, key } satisfies FirstKey)
        .set(keys.notaryKey(key), { seed } satisfies StoredKey)
        .commit();
      // Perhaps another instance was first.
      return (await kv.get<FirstKey>(keys.notaryFirst(), { consistency: "strong" })).value!;
    });
    return new NotaryKeys(options, origin, key);
  }

  /** The verifier key that belongs to the events folded so far. */
  get currentKey(): string {
    return keyAfter(this.options.rotations(), this.firstKey);
  }

  /** Gives what `sign` makes with the current key, in the turn in which it is the current one. */
  async signed<T>(sign: (signer: Signer) => T): Promise<T> {
    for (;;) {
      const key = this.currentKey;
      const signer = this.#signers.get(key) ?? await this.#read(key);
      if (key === this.currentKey) return sign(signer);
    }
  }

  /** A new key takes the place of the current one, which signs it. */
  async rotate<Answer>(request: RotationRequest<State, Answer>): Promise<Outcome<Answer>> {
    const { kv, tail, writer, newSecret } = this.options;
    for (;;) {
      await tail.poll();
      const seed = sha256Hex(newSecret());
      const next = signerOf(this.origin, Uint8Array.fromHex(seed));
      const to = verifierKey(next);
      const event = await this.signed((signer): KeyRotated => ({
        type: "notary_key_rotated",
        schema: 1,
        data: {
          from: verifierKey(signer),
          to,
          signature: signer.sign(new TextEncoder().encode(to)).toBase64(),
        },
      }));
      const { from } = event.data;
      // Before the log names it: whoever reads the event finds the key.
      await retried(() => kv.set(keys.notaryKey(to), { seed } satisfies StoredKey));
      let isTaken = false;
      const outcome = await writer.submit<Answer | null>({
        decide: (draft) => {
          const rotations = draft.state(notaryStream) as KeyRotations;
          isTaken = keyAfter(rotations, this.firstKey) === from;
          if (!isTaken) return { answer: null, success: false };
          draft.append(notaryStream, [event], request.meta);
          return { answer: request.answer({ from, to }), success: true };
        },
        ...(request.remember ? { remember: request.remember } : {}),
      });
      if (!isTaken || outcome.remembered) await retried(() => kv.delete(keys.notaryKey(to)));
      // Null: another rotation came first.
      if (outcome.answer !== null) return outcome as Outcome<Answer>;
    }
  }

  async #read(key: string): Promise<Signer> {
    const { value } = await retried(() =>
      this.options.kv.get<StoredKey>(keys.notaryKey(key), { consistency: "strong" })
    );
    if (!value) throw new LogDamagedError(`the private key of ${key} is not in the store`);
    const signer = signerOf(this.origin, Uint8Array.fromHex(value.seed));
    this.#signers.set(key, signer);
    return signer;
  }
}
