/** One line of the table. `met` is undefined where there is no bar, only a figure to know. */
export interface Row {
  readonly what: string
  readonly figure: string
  readonly bar: string
  readonly against: string
  readonly met?: boolean
}

export function printRow(row: Row): void {
  process.stdout.write(`${JSON.stringify(row)}\n`)
}

export function median(values: readonly number[]): number {
  return percentile(values, 50)
}

export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? Number.NaN
}

/** CPU of this process, user and system and all of its threads, that `body` takes until it is fulfilled, in µs. */
export async function toCpuUs(body: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage()
  await body()
  const { user, system } = process.cpuUsage(before)
  return user + system
}

/** Median of a/b over paired rounds, so that a machine whose speed drifts slows both halves of a pair. Which half comes
 *  first alternates. The first `warm` rounds are not counted. */
export async function toRatio(
  a: () => Promise<number>,
  b: () => Promise<number>,
  { rounds = 31, warm = 5 } = {},
): Promise<number> {
  const ratios: number[] = []
  for (let round = 0; round < rounds + warm; round++) {
    const first = round % 2 === 0
    const one = first ? await a() : await b()
    const other = first ? await b() : await a()
    if (round >= warm) ratios.push(first ? one / other : other / one)
  }
  return median(ratios)
}

export async function toMs(body: () => Promise<unknown>): Promise<number> {
  const started = process.hrtime.bigint()
  await body()
  return Number(process.hrtime.bigint() - started) / 1e6
}
