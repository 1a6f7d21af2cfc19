/** The names of the rows of conversions. */

export const clickPrefix = "click/";
const conversionPrefix = "conversion/";
export const eventPrefix = `${conversionPrefix}event/`;
/** Days before the one that stands there are closed. */
export const closedKey = `${conversionPrefix}closed`;
const settingPrefix = `${conversionPrefix}setting/`;
const dayPrefix = `${conversionPrefix}day/`;

export function isConversionKey(rowKey: string): boolean {
  return rowKey.startsWith(clickPrefix) || rowKey.startsWith(conversionPrefix);
}

/** Of the campaign's nth list of KPI events. */
export function settingKey(campaignId: string, number: number): string {
  return `${settingPrefix}${campaignId}/${number}`;
}

/** Of a part of a campaign's closed day. */
export function dayKey(campaignId: string, day: number, part: number): string {
  return `${dayPrefix}${campaignId}/${day}/${part}`;
}

/** The campaign and the number of its setting, or its day and the number of the part. */
export function parseKey(key: string): [campaignId: string, number: number, part?: number] {
  const isDay = key.startsWith(dayPrefix);
  const fields = key.slice((isDay ? dayPrefix : settingPrefix).length).split("/");
  const part = isDay ? Number(fields.pop()) : undefined;
  const number = Number(fields.pop());
  return part === undefined ? [fields.join("/"), number] : [fields.join("/"), number, part];
}
