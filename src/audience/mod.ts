export function conditionsHold(c: { and: unknown[] }, _p: unknown): boolean {
  return c.and.length === 0;
}
