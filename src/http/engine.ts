/** What the routes work with: the wired parts of one process. */
import type { AudiencesProjection } from "../../projections/audiences.ts";
import type { CampaignsProjection } from "../../projections/campaigns.ts";
import type { KpiProjection } from "../../projections/kpi.ts";
import type { NotaryProjection } from "../../projections/notary.ts";
import type { StatusesProjection } from "../../projections/statuses.ts";
import type { SubjectsProjection } from "../../projections/subjects.ts";
import type { WorkspaceProjection } from "../../projections/workspace.ts";
import type { Proof, Verification } from "../audit/mod.ts";
import type { Asking, Claims, Delivery, Explain, LiveCampaigns } from "../delivery/mod.ts";
import type { LogReader, StreamIndex, StreamStates, Tail, Writer } from "../event_store/mod.ts";
import type { IdentityRegister } from "../identity/mod.ts";
import type { Ingest, MemberUploadOptions } from "../ingest/mod.ts";
import type { Pasts } from "../past/mod.ts";
import type { Profiles } from "../profiles/mod.ts";
import type { EventFeed } from "./event_feed.ts";
import type { Mounted, Projector } from "../projector/mod.ts";
import type { Scheduler } from "../scheduler/mod.ts";
import type { AudienceCalculation, PreparationRunner, Reach, Snapshots } from "../snapshots/mod.ts";
import type { Durations, StreamState, Transact } from "../transact/mod.ts";

export interface Models {
  readonly states: Mounted<StreamStates<StreamState>>;
  readonly index: Mounted<StreamIndex>;
  readonly audiences: Mounted<AudiencesProjection>;
  readonly campaigns: Mounted<CampaignsProjection>;
  readonly statuses: Mounted<StatusesProjection>;
  readonly kpi: Mounted<KpiProjection>;
  readonly workspace: Mounted<WorkspaceProjection>;
  readonly subjects: Mounted<SubjectsProjection>;
  readonly notary: Mounted<NotaryProjection>;
}

export interface Engine {
  readonly kv: Deno.Kv;
  readonly reader: LogReader;
  readonly tail: Tail;
  readonly projector: Projector;
  readonly eventFeed: EventFeed;
  readonly models: Models;
  readonly writer: Writer<StreamState>;
  readonly transact: Transact;
  readonly scheduler: Scheduler;
  readonly identities: IdentityRegister;
  readonly ingest: Ingest;
  /** What uploads of members of lists work with. */
  readonly memberUploads: MemberUploadOptions;
  readonly profiles: Profiles;
  readonly snapshots: Snapshots;
  readonly calculation: AudienceCalculation;
  readonly reach: Reach;
  readonly preparations: PreparationRunner;
  readonly proof: Proof<StreamState>;
  readonly verification: Verification;
  readonly delivery: Delivery;
  readonly liveCampaigns: LiveCampaigns;
  readonly asking: Asking;
  readonly claims: Claims;
  readonly explain: Explain;
  /** Answers as of places in the past. */
  readonly pasts: Pasts;
  readonly durations: Durations;
  nowMs(): number;
  newId(): string;
  /** A new secret for a key: 256 random bits as text. */
  newSecret(): string;
}
