/**
 * What a question is answered from: the live read models, or with `asOf` those of a place in the past.
 * Either gives the same answer for the same position, so nothing but `position` and `clockMs` may tell
 * what time it is.
 */
import { z } from "zod";
import type { AudiencesProjection } from "../../projections/audiences.ts";
import type { CampaignsProjection } from "../../projections/campaigns.ts";
import type { KpiProjection } from "../../projections/kpi.ts";
import type { StatusesProjection } from "../../projections/statuses.ts";
import type { WorkspaceProjection } from "../../projections/workspace.ts";
import { parsePosition, type StreamStates } from "../event_store/mod.ts";
import { AsOfError, PastsBusyError, type Place } from "../past/mod.ts";
import type { Mounted } from "../projector/mod.ts";
import type { StreamState } from "../transact/mod.ts";
import type { Engine } from "./engine.ts";
import { HttpProblem, invalidInput } from "./problem.ts";
import { prepareRead, readQuery, waitForPosition } from "./read.ts";

/** The query of reads that can be answered as of a place in the past. */
export const viewQuery = {
  ...readQuery,
  asOf: z.string().optional().describe(
    "Answers as of a position, or of an instant at least a second ago. Not together with `after`.",
  ),
};

export interface ViewQuery {
  readonly after?: string | undefined;
  readonly asOf?: string | undefined;
}

export interface Moment {
  /** Of the last event that the models have folded. */
  readonly position: string;
  /** Its recorded time, or the instant that was asked for. */
  readonly clockMs: number;
}

export interface CampaignView extends Moment {
  readonly campaigns: CampaignsProjection;
  readonly statuses: StatusesProjection;
  readonly states: StreamStates<StreamState>;
  readonly audiences: AudiencesProjection;
}

export interface WorkspaceView extends Moment {
  readonly workspace: WorkspaceProjection;
}

/** Of all campaigns and audiences. */
export interface FullView extends WorkspaceView {
  readonly campaigns: CampaignsProjection;
  readonly audiences: AudiencesProjection;
  readonly kpi: KpiProjection;
}

type Answer<View> = (view: View) => Response | Promise<Response>;

/** Answers a question about one campaign. */
export async function viewCampaign(
  engine: Engine,
  id: string,
  query: ViewQuery,
  answer: Answer<CampaignView>,
): Promise<Response> {
  const { campaigns, statuses, states, audiences } = engine.models;
  const mounted = [campaigns, statuses, states, audiences];
  const place = await placeOf(engine, mounted, query);
  if (!place) return await answer(live(engine));
  const past = await engine.pasts.campaign(id, place);
  const { position, clockMs } = place;
  return await answer({
    position,
    clockMs,
    campaigns: past.campaigns,
    statuses: past.statuses,
    states: past.states,
    audiences: past.audiences,
  });
}

export async function viewWorkspace(
  engine: Engine,
  query: ViewQuery,
  answer: Answer<WorkspaceView>,
): Promise<Response> {
  const place = await placeOf(engine, [engine.models.workspace], query);
  if (!place) return await answer(live(engine));
  const { workspace } = await engine.pasts.workspace(place);
  return await answer({ position: place.position, clockMs: place.clockMs, workspace });
}

/** Answers a question about many campaigns. `need`: what else it is about. */
export async function viewAll(
  engine: Engine,
  need: { readonly kpi?: true; readonly members?: true },
  query: ViewQuery,
  answer: Answer<FullView>,
): Promise<Response> {
  const { campaigns, audiences, workspace, kpi } = engine.models;
  const mounted = [campaigns, audiences, workspace, ...need.kpi ? [kpi] : []];
  const place = await placeOf(engine, mounted, query);
  if (!place) return await answer(live(engine));
  const content = { kpi: need.kpi ?? false, members: need.members ?? false };
  try {
    return await engine.pasts.all(place, content, (models) =>
      answer({
        position: place.position,
        clockMs: place.clockMs,
        campaigns: models.campaigns,
        audiences: models.audiences,
        workspace: models.workspace,
        get kpi() {
          return models.kpi;
        },
      }));
  } catch (error) {
    if (error instanceof PastsBusyError) throw new HttpProblem("overloaded", error.message);
    throw error;
  }
}

/** The place that `asOf` means; null without one, when the live models may be read. */
export async function placeOf(
  engine: Engine,
  mounted: readonly Mounted[],
  { after, asOf }: ViewQuery,
): Promise<Place | null> {
  if (asOf === undefined) {
    await prepareRead(engine, mounted, after);
    return null;
  }
  if (after !== undefined) throw wrong("conflict", "cannot be given together with after");
  const isPosition = parsePosition(asOf) !== null;
  // What the clock has done by an instant has to be recorded; a position says what was.
  if (!isPosition) await engine.scheduler.settle();
  await engine.tail.readOwnWrites();
  try {
    const place = await engine.pasts.place(asOf, engine.nowMs(), () => whenWritten(engine));
    await waitForPosition(engine, place.position);
    engine.projector.assertFolding(engine.models.index);
    return place;
  } catch (error) {
    if (error instanceof AsOfError) throw wrong(error.code, error.message);
    throw error;
  }
}

/** Everything is told at the moment when it is asked: nothing is folded in between. */
function live({ models, tail }: Engine): CampaignView & FullView {
  return {
    get position() {
      return tail.cursor.position;
    },
    get clockMs() {
      return tail.cursor.timeMs;
    },
    get campaigns() {
      return models.campaigns.model;
    },
    get statuses() {
      return models.statuses.model;
    },
    get states() {
      return models.states.model;
    },
    get audiences() {
      return models.audiences.model;
    },
    get workspace() {
      return models.workspace.model;
    },
    get kpi() {
      return models.kpi.model;
    },
  };
}

/** When the commits are done that this process has under way. */
async function whenWritten({ writer, ingest, memberUploads, profiles }: Engine): Promise<void> {
  await Promise.all([
    writer.idle(),
    ingest.idle(),
    memberUploads.bodies.idle(),
    profiles.idle(),
  ]);
}

function wrong(code: string, message: string): HttpProblem {
  return invalidInput([{ pointer: "/asOf", code, message }]);
}
