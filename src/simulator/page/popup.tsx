/**
 * A button that opens something small: a menu, a grid. Arrow keys walk through its items, Escape and a click elsewhere close
 * it, and the focus goes back to where it came from.
 */
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { Icon, type IconName } from "./icons.tsx";

interface PopupProps {
  icon: IconName;
  label: string;
  /** A grid is walked in both directions, this many to a row. */
  columns?: number;
  children: (close: () => void) => ComponentChildren;
}

/** Between a menu and the edge of the screen. */
const MARGIN_PX = 8;

const STEPS: Readonly<Record<string, (columns: number) => number>> = {
  ArrowDown: (columns) => columns,
  ArrowUp: (columns) => -columns,
  ArrowRight: () => 1,
  ArrowLeft: () => -1,
};

export function Popup({ icon, label, columns = 1, children }: PopupProps) {
  const [place, setPlace] = useState<string | undefined>();
  const isOpen = place !== undefined;
  const root = useRef<HTMLDivElement>(null);
  const body = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const items = () => [...(root.current?.querySelectorAll<HTMLElement>("[role=menuitem]") ?? [])];
  const close = () => {
    setPlace(undefined);
    button.current?.focus();
  };
  useLayoutEffect(() => {
    if (!isOpen) return;
    if (body.current) keepInside(body.current);
    items()[0]?.focus();
    const elsewhere = ({ target }: Event) => {
      if (target instanceof Node && !root.current?.contains(target)) setPlace(undefined);
    };
    document.addEventListener("pointerdown", elsewhere);
    return () => document.removeEventListener("pointerdown", elsewhere);
  }, [isOpen]);
  const walk = (event: KeyboardEvent) => {
    if (!isOpen) return;
    if (event.key === "Escape") {
      event.stopPropagation();
      close();
      return;
    }
    if (event.key === "Tab") {
      setPlace(undefined);
      return;
    }
    const all = items();
    const at = all.indexOf(document.activeElement as HTMLElement);
    const to =
      event.key === "Home"
        ? 0
        : event.key === "End"
          ? all.length - 1
          : at + (STEPS[event.key]?.(columns) ?? Number.NaN);
    if (Number.isNaN(to)) return;
    event.preventDefault();
    all[(to + all.length) % all.length]?.focus();
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the keys belong to the items inside.
    <div class="popup" ref={root} onKeyDown={walk}>
      <button
        type="button"
        class="icon-button"
        ref={button}
        aria-label={label}
        title={label}
        aria-haspopup="menu"
        aria-expanded={isOpen}
        onClick={({ currentTarget }) => setPlace(isOpen ? undefined : roomAround(currentTarget))}
      >
        <Icon name={icon} />
      </button>
      {isOpen && (
        <div ref={body} class={`popup-body ${place}${columns > 1 ? " grid" : ""}`} role="menu" aria-label={label}>
          {children(close)}
        </div>
      )}
    </div>
  );
}

/** To which side of a button there is more room. */
function roomAround(button: HTMLElement): string {
  const { top, left } = button.getBoundingClientRect();
  return `${top > innerHeight / 2 ? "above" : "below"} ${left > innerWidth / 2 ? "to-left" : "to-right"}`;
}

function keepInside(body: HTMLElement): void {
  const { left, right } = body.getBoundingClientRect();
  const shift = Math.max(MARGIN_PX - left, Math.min(0, innerWidth - MARGIN_PX - right));
  body.style.translate = `${shift}px`;
}

export function MenuItem({ onChoose, children }: { onChoose: () => void; children: ComponentChildren }) {
  return (
    <button type="button" role="menuitem" class="menu-item" tabIndex={-1} onClick={onChoose}>
      {children}
    </button>
  );
}
