/** A face for whoever speaks: initials on a colour of their own, and a drawn one for the bot. */
const COLOURS = 8;

export function Avatar({ name, isGroup = false }: { name: string; isGroup?: boolean }) {
  return (
    <span class={`avatar colour-${colourOf(name)}${isGroup ? " of-many" : ""}`} aria-hidden="true">
      {initialOf(name)}
    </span>
  );
}

export function BotAvatar() {
  return (
    <span class="avatar of-bot" aria-hidden="true">
      <svg viewBox="0 0 40 40" role="presentation">
        <path class="antenna" d="M20 5v6" />
        <circle class="tip" cx="20" cy="5" r="2.4" />
        <rect class="head" x="7" y="11" width="26" height="21" rx="9" />
        <circle class="eye" cx="15" cy="21" r="2.6" />
        <circle class="eye" cx="25" cy="21" r="2.6" />
        <path class="smile" d="M15.5 26.5c2.8 2.2 6.2 2.2 9 0" />
      </svg>
    </span>
  );
}

/** Of a Chinese name the last character, as its owner is called; of any other the first letter. */
function initialOf(name: string): string {
  const characters = [...name.trim()];
  return (/\p{Script=Han}/u.test(name) ? characters.at(-1) : characters[0]?.toUpperCase()) ?? "?";
}

function colourOf(name: string): number {
  return [...name].reduce((sum, character) => (sum * 31 + (character.codePointAt(0) ?? 0)) % 9_973, 7) % COLOURS;
}
