/** What is recorded besides the inputs, which no level touches: everything; or, of channels and containers, only that
 *  they are there (processes and marks are always kept). What they did can be derived where the inputs are recorded. */
export const LEVELS = ['full', 'off'] as const

export type Level = (typeof LEVELS)[number]

export function isLevel(value: unknown): value is Level {
  return (LEVELS as readonly unknown[]).includes(value)
}
