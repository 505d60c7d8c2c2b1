const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u
const ZERO = /\p{Mn}|\p{Me}|\p{Cf}/u

/** Recorded text is never trusted on a terminal: control characters, escapes and direction marks are shown, not sent. */
export function toVisible(text: string): string {
  return text.replace(/[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu, (character) => {
    if (character === '\n') return '⏎'
    if (character === '\t') return ' '
    return '·'
  })
}

function toWidth(character: string): number {
  if (ZERO.test(character)) return 0
  return WIDE.test(character) ? 2 : 1
}

/** Cuts or pads visible text to exactly that many terminal cells. */
export function fit(text: string, cells: number): string {
  let used = 0
  let out = ''
  const characters = [...toVisible(text)]
  for (const [i, character] of characters.entries()) {
    const width = toWidth(character)
    const last = i === characters.length - 1
    if (used + width > cells || (!last && used + width === cells)) {
      out += cells - used >= 1 ? '…' : ''
      used += cells - used >= 1 ? 1 : 0
      break
    }
    out += character
    used += width
  }
  return out + ' '.repeat(Math.max(0, cells - used))
}

const STYLES = { bold: 1, dim: 2, inverse: 7, red: 31, green: 32, yellow: 33, blue: 34, cyan: 36 } as const
export type Style = keyof typeof STYLES

/** Styles text that was fitted already; with `NO_COLOR` set only emphasis remains. */
export function paint(text: string, ...styles: readonly Style[]): string {
  const codes = styles.map((style) => STYLES[style]).filter((code) => code < 30 || !process.env.NO_COLOR)
  return codes.length === 0 ? text : `\x1b[${codes.join(';')}m${text}\x1b[0m`
}
