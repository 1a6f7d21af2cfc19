/**
 * The real server with a clock that the bench sets: interactions older than a week are refused, so a
 * month of history is made by moving the clock through it. Argument: how many milliseconds it is
 * behind at first. A `POST` to the port that is printed as `clock on` moves it; it never goes back.
 */
let behindMs = Number(Deno.args[0]);
const realNow = Date.now;
// `main.ts` gives this function to everything that asks for the time.
Date.now = () => realNow() - behindMs;

const clock = Deno.serve(
  { hostname: "127.0.0.1", port: 0, onListen: () => {} },
  async (request) => {
    behindMs = Math.min(behindMs, Number(await request.text()));
    return new Response("ok");
  },
);
console.log(`clock on http://127.0.0.1:${clock.addr.port}`);
await import("../../main.ts");
