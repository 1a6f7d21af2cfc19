/** Wires one process: the store, the read models, the writer, the scheduler, and the app over them. */
import type { Role } from "../events/workspace_events.ts";
import { AudiencesProjection } from "../projections/audiences.ts";
import { CampaignsProjection } from "../projections/campaigns.ts";
import { KpiProjection } from "../projections/kpi.ts";
import { NotaryProjection } from "../projections/notary.ts";
import { StatusesProjection } from "../projections/statuses.ts";
import { SubjectsProjection } from "../projections/subjects.ts";
import { WorkspaceProjection } from "../projections/workspace.ts";
import { membersStreamPrefix } from "../events/audience_events.ts";
import { interactionsStreamPrefix } from "../events/interaction_events.ts";
import { profilesStreamPrefix, subjectKinds } from "../events/profile_events.ts";
import { upcast } from "../events/upcast.ts";
import { type CheckpointPlace, openProof, Verification } from "./audit/mod.ts";
import { campaignFacts } from "./campaign_facts.ts";
import {
  Asking,
  Claims,
  Delivery,
  Eligibility,
  Explain,
  LiveCampaigns,
  LocalTime,
  Past,
  PastExposures,
} from "./delivery/mod.ts";
import {
  BodyWriter,
  openLog,
  raiseStoreFormat,
  StreamIndex,
  StreamStates,
  Tail,
  Writer,
} from "./event_store/mod.ts";
import {
  answerInTurn,
  createApp,
  type Engine,
  EventFeed,
  Keyring,
  type Models,
  type Repeat,
} from "./http/mod.ts";
import { IdentityRegister } from "./identity/mod.ts";
import { Ingest, makerInProcess, type OpenMaker } from "./ingest/mod.ts";
import { Pasts } from "./past/mod.ts";
import { Profiles } from "./profiles/mod.ts";
import { Mounted, Projector } from "./projector/mod.ts";
import { Scheduler } from "./scheduler/mod.ts";
import { seed } from "./seed.ts";
import { AudienceCalculation, PreparationRunner, Reach, Snapshots } from "./snapshots/mod.ts";
import { hasHistory, streamRules, streamStatesRevision, Transact } from "./transact/mod.ts";

/** How long a client may go on showing what has been stopped: it asks again after this. */
export const statusCheckSeconds = 60;

export interface PlacardOptions {
  readonly kv: Deno.Kv;
  readonly presetKeys: Partial<Record<Role, string>>;
  readonly prepareLeadMs: number;
  readonly reflectWindowMs: number;
  readonly activeLimit: number;
  readonly timeZone: string;
  /** Whether anybody may read what proves the log. */
  readonly publicAudit?: boolean;
  /** Where the newest checkpoint is kept outside of the store; default: nowhere. */
  readonly checkpointPlace?: CheckpointPlace;
  nowMs(): number;
  newId(): string;
  newSecret(): string;
  /** Where interactions are read and judged; default: in this thread. */
  readonly openMaker?: OpenMaker;
  /** The clock of heartbeats; default: that of the runtime. */
  readonly repeat?: Repeat;
  onBug(error: unknown, request: Request): void;
}

export interface Placard {
  readonly app: ReturnType<typeof createApp>;
  readonly engine: Engine;
  /** Answers a request; when too many interactions wait, more of them cost next to nothing. */
  answer(request: Request): Response | Promise<Response>;
  /** The secrets of keys made at this start, by role: to be shown once. */
  readonly newKeys: Partial<Record<Role, string>>;
  /** Ends the streams that followers of the log have open, and takes no more of them. */
  endStreams(): void;
  /** Finishes what is under way and flushes. The store stays open. */
  close(): Promise<void>;
}

const rewrittenOften = { exchangeable: true, flushedSeldom: true };

/** The projections of the product, by name; `rebuild` and `fsck` use the same. */
export function mountedModels(kv: Deno.Kv) {
  return {
    // Commands decide on this one, so it is never exchanged under a running process.
    states: new Mounted(kv, () => new StreamStates(streamStatesRevision, streamRules), {
      exchangeable: false,
      flushedSeldom: true,
    }),
    index: new Mounted(kv, () => new StreamIndex(hasHistory), rewrittenOften),
    audiences: new Mounted(kv, () => new AudiencesProjection()),
    campaigns: new Mounted(kv, () => new CampaignsProjection(), rewrittenOften),
    statuses: new Mounted(kv, () => new StatusesProjection(), rewrittenOften),
    kpi: new Mounted(kv, () => new KpiProjection()),
    workspace: new Mounted(kv, () => new WorkspaceProjection()),
    subjects: new Mounted(kv, () => new SubjectsProjection()),
    notary: new Mounted(kv, () => new NotaryProjection(), rewrittenOften),
  };
}

export async function openPlacard(options: PlacardOptions): Promise<Placard> {
  const { kv, nowMs, newId, prepareLeadMs, reflectWindowMs } = options;
  const durations = {
    prepareLeadMs,
    reflectWindowMs,
    statusCheckMs: statusCheckSeconds * 1000,
  };
  await raiseStoreFormat(kv);
  const reader = await openLog(kv, upcast);
  const models: Models = mountedModels(kv);
  const projector = new Projector(reader, Object.values(models));
  const cursor = await projector.load();
  const tail = new Tail(reader, cursor, (type, position) => projector.wantsBody(type, position));
  projector.follow(tail);
  const epoch = reader.epoch;
  const states = models.states.model;
  const writer = new Writer({
    kv,
    epoch,
    tail,
    states,
    nowMs,
    newId,
    assertFolding: () => projector.assertFolding(models.states),
  });
  const proof = await openProof({
    kv,
    tail,
    states,
    writer,
    place: options.checkpointPlace,
    model: () => models.notary.model,
    newSecret: options.newSecret,
  });
  const transact = new Transact(writer, states, durations);
  const scheduler = new Scheduler({ states, transact, tail, durations, nowMs, newId });
  const identities = new IdentityRegister(kv);
  // Those that were forgotten after the rows were written come with the tail.
  for (const kind of subjectKinds) {
    for (const number of models.subjects.model.forgotten(kind)) identities.drop(kind, number);
  }
  const bodyWriter = (streamPrefix: string) =>
    new BodyWriter({ kv, epoch, tail, streamPrefix, nowMs, newId });
  const profiles = new Profiles({
    kv,
    bodies: bodyWriter(profilesStreamPrefix),
    tail,
    identities,
    nowMs,
    newId,
    newSecret: options.newSecret,
  });
  const snapshots = new Snapshots(kv);
  const ingest = new Ingest({
    bodies: bodyWriter(interactionsStreamPrefix),
    tail,
    identities,
    openMaker: options.openMaker ?? makerInProcess,
    campaign: (campaignId) => campaignFacts(states, models, campaignId),
    onFailure: (error) => options.onBug(error, new Request("http://localhost/v1/interactions")),
    nowMs,
    newId,
  });
  const eligibility = new Eligibility(() => models.kpi.model.exposures, new LocalTime());
  const liveCampaigns = new LiveCampaigns(
    () => models.campaigns.model,
    () => models.workspace.model.row.timeZone,
    snapshots,
  );
  const pastExposures = new PastExposures(
    reader,
    () => models.index.model,
    () => models.kpi.model,
  );
  const memberUploads = {
    bodies: bodyWriter(membersStreamPrefix),
    tail,
    identities,
    audiences: () => models.audiences.model,
  };
  const calculation = new AudienceCalculation({
    profiles,
    register: identities,
    subjects: () => {
      projector.assertFolding(models.subjects);
      return models.subjects.model;
    },
    audiences: () => {
      projector.assertFolding(models.audiences);
      return models.audiences.model;
    },
    nowMs,
  });
  const preparations = new PreparationRunner({
    kv,
    epoch,
    states,
    transact,
    tail,
    calculation,
    snapshots,
    nowMs,
    newId,
  });
  const engine: Engine = {
    kv,
    reader,
    tail,
    projector,
    eventFeed: new EventFeed(tail, options.repeat),
    models,
    writer,
    transact,
    scheduler,
    identities,
    ingest,
    liveCampaigns,
    delivery: new Delivery(
      () => models.campaigns.model,
      eligibility,
      statusCheckSeconds,
      pastExposures,
    ),
    asking: new Asking(identities, profiles),
    claims: new Claims({
      writer,
      identities,
      campaigns: liveCampaigns,
      eligibility,
      past: pastExposures,
      durations,
    }),
    explain: new Explain(
      liveCampaigns,
      new Past(reader, () => models.index.model, durations),
      pastExposures,
      eligibility,
    ),
    memberUploads,
    profiles,
    snapshots,
    calculation,
    reach: new Reach(calculation),
    preparations,
    proof,
    verification: new Verification({
      kv,
      creates: () => Object.values(models).map(({ create }) => create),
      flush: async () => {
        await tail.poll();
        await projector.flush();
      },
      position: () => tail.cursor.position,
    }),
    pasts: new Pasts({ reader, models }),
    durations,
    nowMs,
    newId,
    newSecret: options.newSecret,
  };
  await tail.poll();
  await proof.checkpoints.checkKept();
  const newKeys = await seed(engine, options);
  await scheduler.settle();
  // A failure here costs look-ups later, nothing else.
  const warmed = identities.warm().catch(() => {});
  tail.start();
  projector.start(tail);
  scheduler.start();
  snapshots.follow(states);
  preparations.start();
  proof.checkpoints.start();
  const keyring = new Keyring(options.presetKeys, () => models.workspace.model.row.keys);
  const { publicAudit = false, onBug } = options;
  const app = createApp({ engine, keyring, publicAudit, onBug });
  const route = (request: Request) => app.fetch(request);
  return {
    app,
    engine,
    newKeys,
    endStreams: () => engine.eventFeed.close(),
    answer: (request) => answerInTurn(ingest, request, route),
    close: async () => {
      engine.eventFeed.close();
      calculation.close();
      await engine.verification.close();
      await engine.pasts.close();
      await preparations.close();
      await scheduler.close();
      await writer.idle();
      await ingest.close();
      await memberUploads.bodies.idle();
      await profiles.idle();
      identities.close();
      await warmed;
      await tail.poll();
      await proof.checkpoints.close();
      await tail.close();
      await projector.close();
    },
  };
}
