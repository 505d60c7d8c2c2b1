import { BOUNDARY, type TapeHead } from '../../src/boundary/node/head.js'
import { RetroscopeError } from '../../src/errors.js'

/** Another boundary asks the tape other things: what would come of it looks like damage, or a divergence, and is neither.
 *  @throws BOUNDARY_VERSION */
export function checkBoundary({ boundary = 1 }: TapeHead): void {
  if (boundary === BOUNDARY) return
  const by = boundary > BOUNDARY ? 'a newer' : 'an older'
  throw new RetroscopeError(
    'BOUNDARY_VERSION',
    `It was recorded by ${by} version of this package (boundary ${boundary}; this one replays ${BOUNDARY}).`,
    { hint: 'Run it again with the version that recorded it. This one still answers: retroscope info RECORDING' },
  )
}
