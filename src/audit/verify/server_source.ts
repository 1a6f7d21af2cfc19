/** The history of a server, as it gives it to everybody who has an auditor's key. */
import { exportFiles } from "../export/export_format.ts";
import type { HistoryClient } from "../export/history_client.ts";
import { listedCampaigns, serverClaim } from "../export/server_claims.ts";
import { type Tile, tilePath } from "../tlog/mod.ts";
import type { HistorySource, SourceClaim, SourceEvent } from "./history_source.ts";

export class ServerSource implements HistorySource {
  #signed: ReturnType<HistoryClient["signed"]> | null = null;

  constructor(readonly client: HistoryClient) {}

  async checkpoint(): Promise<string> {
    return (await this.#taken()).note;
  }

  async key(): Promise<string> {
    return (await this.#taken()).key;
  }

  async *events(size: number): AsyncGenerator<SourceEvent> {
    let leaf = 0;
    for await (const { line, body } of this.client.events(null, size)) {
      yield { line, body, where: this.whereOf(leaf++) };
    }
  }

  tile(tile: Tile): Promise<Uint8Array | null> {
    return this.client.bytes(`/v1/audit/${exportFiles.tiles}${tilePath(tile)}`);
  }

  async *claims(position: string, campaignIds: Iterable<string>): AsyncGenerator<SourceClaim> {
    const told = new Set<string>();
    const claim = async (campaignId: string) => {
      told.add(campaignId);
      const line = await serverClaim(this.client, campaignId, position);
      return { line, where: `/v1/campaigns/${campaignId}` };
    };
    for (const campaignId of campaignIds) yield await claim(campaignId);
    for await (const campaignId of listedCampaigns(this.client, position)) {
      if (!told.has(campaignId)) yield await claim(campaignId);
    }
  }

  /** In the order of the log, from 0. */
  whereOf(leaf: number): string {
    return `event ${leaf} of the log`;
  }

  async finish(): Promise<void> {}

  #taken() {
    return this.#signed ??= this.client.signed();
  }
}
