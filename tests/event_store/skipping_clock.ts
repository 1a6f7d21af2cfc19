/** A clock on which every look takes an hour, so that a test need not wait for a timeout. */
export async function withSkippingClock<T>(body: () => Promise<T>): Promise<T> {
  const now = performance.now;
  let hours = 0;
  performance.now = () => ++hours * 3_600_000;
  try {
    return await body();
  } finally {
    performance.now = now;
  }
}
