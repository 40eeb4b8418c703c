/**
 * QQ's Markdown as the page shows it. What a phone does not draw stays as it was written: HTML, tables. Links leave only over
 * HTTP(S) and only when they are followed; pictures come from our own server alone, any other is a link to it.
 */
import DOMPurify from "dompurify";
import MarkdownIt from "markdown-it";

/** `![words #208px #320px](url)` */
const SIZE = /\s*#(\d{1,4})px\s+#(\d{1,4})px\s*$/;

const ALLOWED_TAGS = [
  ...["p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "strong", "em", "s", "a", "img"],
  ...["ul", "ol", "li", "blockquote", "pre", "code", "#text"],
];
const ALLOWED_ATTR = ["href", "target", "rel", "src", "alt", "width", "height", "class", "start", "dir", "loading"];

const markdown = new MarkdownIt({ html: false, linkify: false, breaks: true }).disable(["table"]);

markdown.validateLink = (url) => /^https?:\/\//i.test(url) || /^\/page\/[\w./-]+$/.test(url);

const { rules } = markdown.renderer;

rules.link_open = (tokens, at, options, _env, self) => {
  const token = tokens[at];
  token?.attrSet("target", "_blank");
  token?.attrSet("rel", "noopener noreferrer nofollow");
  return self.renderToken(tokens, at, options);
};

// QQ underlines what is bold by underscores.
rules.strong_open = (tokens, at, options, _env, self) => {
  const token = tokens[at];
  if (token?.markup === "__") token.attrSet("class", "underlined");
  return self.renderToken(tokens, at, options);
};

rules.image = (tokens, at) => {
  const token = tokens[at];
  const url = String(token?.attrGet("src") ?? "");
  const [size, width, height] = SIZE.exec(token?.content ?? "") ?? [];
  const alt = (token?.content ?? "").slice(0, size === undefined ? undefined : -size.length).trim();
  const { escapeHtml } = markdown.utils;
  if (!isOurs(url))
    return `<a href="${escapeHtml(url)}" target="_blank" rel="noopener noreferrer nofollow">🖼 ${escapeHtml(alt || url)}</a>`;
  const measures = width === undefined ? "" : ` width="${width}" height="${height}"`;
  return `<img src="${escapeHtml(url)}" alt="${escapeHtml(alt)}"${measures} loading="lazy">`;
};

function isOurs(url: string): boolean {
  return URL.canParse(url, location.href) && new URL(url, location.href).origin === location.origin;
}

/** Nothing in it can run, load from elsewhere, or style the page. */
export function toFragment(text: string): DocumentFragment {
  return DOMPurify.sanitize(markdown.render(text), {
    ALLOWED_TAGS,
    ALLOWED_ATTR,
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    RETURN_DOM_FRAGMENT: true,
  });
}
