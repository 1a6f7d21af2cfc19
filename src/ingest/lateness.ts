/** How late the event loop of this thread is: what a timer waits beyond its time. */

export const lookIntervalMs = 5;

/** Tells it again and again, until what it gives is called. */
export function watchLateness(told: (lateMs: number) => void): () => void {
  let timer: ReturnType<typeof setTimeout>;
  const look = () => {
    const dueAtMs = performance.now() + lookIntervalMs;
    timer = setTimeout(() => {
      // Before it tells, so that the one who is told can end it.
      look();
      told(performance.now() - dueAtMs);
    }, lookIntervalMs);
  };
  look();
  return () => clearTimeout(timer);
}
