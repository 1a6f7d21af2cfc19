/** What a click on a button, an image or a banner does. */
import { z } from "zod";
import { deepLink, webUrl } from "./web_address.ts";

/** How long the person who clicked sees the message no more. */
export const hideChoices = ["today", "3d", "7d", "forever"] as const;

export const actionSchema = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("none") }),
  z.strictObject({ type: z.literal("close") }),
  z.strictObject({
    type: z.literal("weblink"),
    url: webUrl,
    newTab: z.boolean().optional(),
    closeAfter: z.boolean().optional(),
  }),
  z.strictObject({ type: z.literal("deeplink"), uri: deepLink }),
  z.strictObject({ type: z.literal("hide"), for: z.enum(hideChoices) }),
]);

export type MessageAction = z.infer<typeof actionSchema>;

/** An action with nothing left to its default. */
export type FullMessageAction =
  | Exclude<MessageAction, { type: "weblink" }>
  | Required<Extract<MessageAction, { type: "weblink" }>>;

export function fullAction(action: MessageAction): FullMessageAction {
  if (action.type !== "weblink") return action;
  return { ...action, newTab: action.newTab ?? true, closeAfter: action.closeAfter ?? true };
}

/** Whether the message is gone after a click with this action. */
export function closesMessage(action: MessageAction | undefined): boolean {
  if (action === undefined) return false;
  switch (action.type) {
    case "none":
      return false;
    case "weblink":
      return action.closeAfter ?? true;
    case "close":
    case "deeplink":
    case "hide":
      return true;
  }
}
