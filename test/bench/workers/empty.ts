/** Answers, and does nothing else: what starting a process costs. */
export default { fetch: () => new Response("ok") };
