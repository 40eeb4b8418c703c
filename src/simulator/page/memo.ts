/** Components that are drawn again only when one of their properties is another. */
import { Component, type ComponentType, type FunctionComponent, h } from "preact";

export function memo<Props extends object>(view: FunctionComponent<Props>): ComponentType<Props> {
  return class extends Component<Props> {
    override shouldComponentUpdate(next: Props): boolean {
      const now = this.props as Record<string, unknown>;
      const then = next as Record<string, unknown>;
      return [...new Set([...Object.keys(now), ...Object.keys(then)])].some((name) => now[name] !== then[name]);
    }
    override render(props: Props) {
      return h(view, props as Props & { children?: never });
    }
  };
}
