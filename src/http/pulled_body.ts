/**
 * The body of an answer that is made while it is taken: nothing is made before the caller has room for
 * it, and nothing more is made when the caller has gone.
 */
const encoder = new TextEncoder();

/** `ended` is called once or more often: when all is taken, when the caller has gone, or on a fault. */
export function pulledBody(
  texts: AsyncGenerator<string>,
  ended: () => void,
): ReadableStream<Uint8Array> {
  let isCancelled = false;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { value, done } = await texts.next();
        if (isCancelled) return;
        if (!done) return controller.enqueue(encoder.encode(value));
        ended();
        controller.close();
      } catch (error) {
        ended();
        // The caller must not take what has come for all there is.
        controller.error(error);
      }
    },
    async cancel() {
      isCancelled = true;
      ended();
      await texts.return(undefined);
    },
  }, { highWaterMark: 0 });
}
