import { styleText } from 'node:util'

type Style = Parameters<typeof styleText>[0]

/** Colours only where a person looks: a terminal that did not ask for none. */
export function isColoured(stream: { readonly isTTY?: boolean }): boolean {
  // First: each look at the environment asks the system.
  if (stream.isTTY !== true) return false
  const { NO_COLOR, TERM } = process.env
  return !NO_COLOR && TERM !== 'dumb'
}

/** Styles text for stdout, or returns it as it is where stdout is no terminal. */
export function paint(style: Style, text: string): string {
  return isColoured(process.stdout) ? styleText(style, text, { validateStream: false }) : text
}

/** Same for stderr. */
export function paintError(style: Style, text: string): string {
  return isColoured(process.stderr) ? styleText(style, text, { validateStream: false }) : text
}

// C0 but tab and newline, DEL, C1, and the marks that reorder or hide what is around them: a recording is foreign text,
// and a terminal obeys what it is shown.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not get through
const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g

/** Makes foreign text safe to show: control characters and direction marks become `\u....`; newlines and tabs stay. */
export function toSafe(text: string): string {
  return text.replace(UNSAFE, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** Same, on one line. */
export function toSafeLine(text: string): string {
  return toSafe(text).replace(/\r?\n/g, '\\n').replace(/\t/g, '\\t')
}
