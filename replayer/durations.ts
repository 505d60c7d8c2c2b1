/** A position in time as people read and type it: `+3.204s`. Rounded down, so that it never points behind the event. */
export function toRelative(us: number): string {
  return `+${toSeconds(us)}s`
}

/** A length of time in the unit that fits: `12 µs`, `3.4 ms`, `2.05 s`, `3 min 20 s`. */
export function toDuration(us: number): string {
  if (us < 1_000) return `${Math.round(us)} µs`
  if (us < 1_000_000) return `${toShort(us / 1_000)} ms`
  if (us < 60_000_000) return `${toShort(us / 1_000_000)} s`
  const seconds = Math.floor(us / 1_000_000)
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60]
  return hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min ${seconds % 60} s`
}

/** `812 bytes`, `3.4 kB`, `71 MB`. */
export function toSize(bytes: number): string {
  if (bytes < 1_000) return `${bytes} bytes`
  if (bytes < 1_000_000) return `${toShort(bytes / 1_000)} kB`
  if (bytes < 1_000_000_000) return `${toShort(bytes / 1_000_000)} MB`
  return `${toShort(bytes / 1_000_000_000)} GB`
}

/** `1,234,567` */
export function toCount(value: number): string {
  return value.toLocaleString('en-US')
}

/** `1 event`, `2,000 events` */
export function toPlural(count: number, noun: string): string {
  return `${toCount(count)} ${noun}${count === 1 ? '' : 's'}`
}

function toSeconds(us: number): string {
  return (Math.floor(Math.max(0, us) / 1_000) / 1_000).toFixed(3)
}

function toShort(value: number): string {
  return value < 10 ? value.toFixed(1).replace(/\.0$/, '') : Math.round(value).toString()
}
