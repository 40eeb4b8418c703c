/** The page's few drawings, as strokes in the colour of the text. */
const PATHS = {
  smile: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM8.5 14.2c1.9 2.3 5.1 2.3 7 0M9 9.6v.1M15 9.6v.1",
  clip: "m20 11.5-7.8 7.8a5 5 0 0 1-7.1-7.1l8.2-8.2a3.4 3.4 0 0 1 4.8 4.8l-8.2 8.2a1.7 1.7 0 0 1-2.4-2.4l7.3-7.3",
  plus: "M12 5v14M5 12h14",
  send: "M4.5 12 20 4.5 15.5 20l-4-6.5L4.5 12ZM11.5 13.5 20 4.5",
  dots: "M5.5 12h.1M12 12h.1M18.5 12h.1",
  back: "m14.5 5-7 7 7 7",
  close: "m6 6 12 12M18 6 6 18",
  chat: "M4 6.5A2.5 2.5 0 0 1 6.5 4h11A2.5 2.5 0 0 1 20 6.5v7a2.5 2.5 0 0 1-2.5 2.5H11l-4.5 4v-4A2.5 2.5 0 0 1 4 13.5Z",
  trace: "M6 4v16M6 8h6M6 16h6M15.5 10a2 2 0 1 0 0-4 2 2 0 0 0 0 4ZM15.5 18a2 2 0 1 0 0-4 2 2 0 0 0 0 4Z",
  weather: "M7 15.5a4 4 0 0 1 .4-8 5.5 5.5 0 0 1 10.3 1.8 3.2 3.2 0 0 1-.4 6.2M11.5 11l-2.2 4h3.4l-2.2 4.5",
  burst: "M13 3 5.5 13.5h5L10 21l8-11h-5.5Z",
  file: "M7 3.5h7l4.5 4.5v11a1.5 1.5 0 0 1-1.5 1.5H7A1.5 1.5 0 0 1 5.5 19V5A1.5 1.5 0 0 1 7 3.5ZM14 3.5V8h4.5",
  down: "m6 9.5 6 6 6-6",
  book: "M12 6.5C10 5 7.5 4.5 4 4.5v13c3.5 0 6 .5 8 2 2-1.5 4.5-2 8-2v-13c-3.5 0-6 .5-8 2ZM12 6.5v13",
  quote: "M9 7 4.5 11.5 9 16M5 11.5h9a5 5 0 0 1 5 5V18",
  warning: "M12 4.5 21 19.5H3ZM12 10.5v4M12 17v.1",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
