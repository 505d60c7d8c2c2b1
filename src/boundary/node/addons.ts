import { AddonRecorder } from './addon-recorder.js'
import { AddonReplayer } from './addon-replayer.js'
import type { RecordTools, ReplayTools } from './handles.js'
import type { Native } from './internals.js'
import { replace } from './synchronous.js'

/** Native addons: what they export is wrapped, whatever its shape. They are not loaded in a replay. */
export function record(tools: RecordTools): void {
  const addons = new AddonRecorder(tools)
  const original = process.dlopen as unknown as Native
  replace(process, 'dlopen', function (this: unknown, module: { exports: unknown }, file: string): unknown {
    // biome-ignore lint/complexity/noArguments: passed on as they are
    const args = arguments
    if (tools.tape.bypass) return Reflect.apply(original, this, args)
    return addons.open(file, module, () => Reflect.apply(original, this, args))
  })
}

/** The same from the tape: things of the same shape, which answer as they did. */
export function replay(tools: ReplayTools): void {
  const addons = new AddonReplayer(tools)
  replace(process, 'dlopen', (module: { exports: unknown }, file: string) => addons.open(module, file))
}
